"""SAP of codes whose gap is known."""

from __future__ import annotations

import numpy as np
import pytest

from tests.evaluation.disentanglement.known import GRID, NOISE, PLACE, clean, rotated
from unbraid.evaluation.disentanglement import sap
from unbraid.evaluation.disentanglement.learners import halves


def test_real_factors_have_a_gap_of_one() -> None:
    found = sap(clean(PLACE), PLACE)
    assert found.score > 0.97
    assert found.predictability["x"]["latent[0]"] == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("form", ["classes", "numbers"])
def test_classes_have_a_gap_of_one_less_chance(form: str) -> None:
    """Four classes that lie evenly on a line, or are classes of the code too."""
    found = sap(GRID if form == "classes" else clean(GRID), GRID)
    assert all(max(scores.values()) == 1.0 for scores in found.predictability.values())
    assert found.score == pytest.approx(0.75, abs=4 * np.sqrt(0.25 * 0.75 / 200))


def test_accuracy_is_balanced() -> None:
    """Nine of ten rows are of one class: a unit that knows nothing is right in half of each class, not in 0.9."""
    factor = (np.arange(4000) % 10 == 0).astype(int)
    found = sap({"noise": np.random.default_rng(0).normal(size=4000)}, {"v": factor})
    assert found.predictability["v"]["noise"] == pytest.approx(0.5, abs=0.06)


def test_r_squared_by_hand() -> None:
    """Of one column, least squares explains the square of the correlation; here 0.8."""
    random = np.random.default_rng(1)
    z = random.normal(size=20_000)
    found = sap({"z": z}, {"v": 2 * z + random.normal(size=20_000)})
    assert found.score == pytest.approx(0.8, abs=0.02)
    train, test = halves(20_000, 0)
    assert len({*train, *test}) == 20_000


def test_a_rotation_closes_the_gap() -> None:
    found = sap(rotated(PLACE), PLACE)
    assert found.score < 0.15
    assert found.predictability["x"]["latent[0]"] == pytest.approx(0.5, abs=0.1)


def test_a_rotated_variable_predicts_as_a_whole() -> None:
    found = sap({"style": rotated(PLACE), "noise": NOISE}, PLACE, groups="variables")
    assert found.score > 0.95


def test_noise_has_no_gap() -> None:
    assert sap(NOISE, PLACE).score < 0.03
    assert sap(NOISE, GRID).score < 0.1


def test_a_single_unit_is_compared_with_chance() -> None:
    """A unit that knows nothing has no gap; one that knows all is 1 - 1/K above chance."""
    coin = np.random.default_rng(0).integers(0, 2, 2000)
    noise = np.random.default_rng(1).normal(size=(2000, 3))
    assert sap({"z": noise}, {"coin": coin}, groups="variables").score < 0.05
    assert sap({"z": coin}, {"coin": coin}).score == pytest.approx(0.5)


def test_one_factor_and_a_class_that_only_one_half_has() -> None:
    assert sap(clean(PLACE), {"x": PLACE["x"]}).score > 0.97
    rare = np.where(np.arange(400) == 5, 9, GRID["a"])
    assert 0 <= sap(GRID, {"rare": rare}).score <= 1
