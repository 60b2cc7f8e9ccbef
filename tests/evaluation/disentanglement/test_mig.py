"""MIG of codes whose gap is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.evaluation.disentanglement.known import GRID, NOISE, PLACE, clean, rotated
from unbraid.errors import OptionError
from unbraid.evaluation.disentanglement import mig
from unbraid.evaluation.disentanglement.bins import binned
from unbraid.evaluation.disentanglement.information import mutual_information


def test_a_code_that_is_the_factors_has_a_gap_of_one() -> None:
    found = mig(GRID, GRID)
    assert found.score == pytest.approx(1.0, abs=1e-12)
    assert found.by_factor == pytest.approx({"a": 1.0, "b": 1.0})
    assert found.information["a"] == pytest.approx({"a": 1.0, "b": 0.0}, abs=1e-12)


def test_by_hand() -> None:
    """One unit tells the factor in three of four rows; the other nothing: I = H(v) - H(v | z)."""
    factor, one, other = np.array([0, 0, 1, 1]), np.array([0, 0, 0, 1]), np.array([0, 1, 0, 1])
    left = 0.75 * (np.log(3) - 2 / 3 * np.log(2))  # H(v | z): in three rows the factor is 0, 0, 1; in one it is 1
    found = mig({"one": one, "other": other}, {"v": factor})
    assert found.score == pytest.approx((np.log(2) - left) / np.log(2), abs=1e-12)
    assert found.information["v"]["other"] == pytest.approx(0.0, abs=1e-12)


def test_most_rows_may_share_the_least_value() -> None:
    """Its bin is its own, so that a factor that is mostly 0 can be told, and tells."""
    values = np.zeros(1000)
    values[:30] = 0.1 + np.random.default_rng(0).random(30)
    assert np.bincount(binned(values, 20)).tolist() == [970, 30]
    noise = np.random.default_rng(1).normal(size=1000)
    found = mig({"itself": values, "noise": noise}, {"there": (values > 0).astype(int)})
    assert found.information["there"]["itself"] == pytest.approx(1.0)


def random_code(rows: int) -> dict[str, Any]:
    return {"style": np.random.default_rng(0).normal(size=(rows, 2)), "other": np.arange(rows) % 3}


@pytest.mark.parametrize("counts", [(299, 1), (298, 2), (150, 149, 1), (12,) * 20], ids=str)
def test_variables_and_rare_classes(counts: tuple[int, ...]) -> None:
    """A class that has one row, or is in one half only, or of which a tenth of the rows cannot hold all."""
    factor = np.random.default_rng(2).permutation(np.repeat(np.arange(len(counts)), counts))
    found = mig(random_code(len(factor)), {"rare": factor}, groups="variables")
    assert 0 <= found.score <= 1
    assert found.information["rare"]["style"] < 0.1


def test_variables_and_a_real_factor_of_few_rows() -> None:
    code = random_code(200)
    found = mig(code, {"place": code["style"][:, 0]}, groups="variables")
    assert found.information["place"]["style"] > 0.3


def test_two_units_that_say_the_same_have_no_gap() -> None:
    assert mig({"one": GRID["a"], "two": 3 - GRID["a"], "b": GRID["b"]}, GRID).by_factor == pytest.approx(
        {"a": 0.0, "b": 1.0}, abs=1e-12
    )


def test_a_rotation_closes_the_gap() -> None:
    assert mig(clean(PLACE), PLACE).score > 0.7
    assert mig(rotated(PLACE), PLACE).score < 0.1


def test_noise_has_no_gap() -> None:
    assert mig(NOISE, GRID).score < 0.05


def test_one_factor_and_one_unit() -> None:
    assert mig({"a": GRID["a"]}, {"a": GRID["a"]}).score == pytest.approx(1.0)
    assert mig(GRID, {"a": GRID["a"]}).by_factor == pytest.approx({"a": 1.0})


def test_bins_are_invariant_to_increasing_functions() -> None:
    latents = clean(PLACE)
    assert mig(np.exp(latents), PLACE) == mig(latents, PLACE)
    assert np.bincount(binned(NOISE[:, 0], 20)).tolist() == [20] * 20
    assert binned(np.array([0.5, 0.25, 0.5]), 20).tolist() == [1, 0, 1]
    assert binned(np.array([7, 3, 3]), 2).tolist() == [1, 0, 0]
    with pytest.raises(OptionError, match="bins is 1: real values need at least 2 bins"):
        mig(latents, PLACE, bins=1)


def test_the_bias_of_counts_is_the_documented_one() -> None:
    random = np.random.default_rng(3)
    found = [mutual_information(random.integers(0, 20, 2000), random.integers(0, 10, 2000)) for _ in range(50)]
    assert np.mean(found) == pytest.approx(19 * 9 / 4000, rel=0.1)


@pytest.mark.parametrize("form", ["rotated", "curved", "noise"])
def test_the_information_of_a_variable_is_bounded_from_below(form: str) -> None:
    """What no single dimension tells: a direction, or whether the point lies inside a ring."""
    if form == "rotated":
        style: Any = rotated(PLACE)
        factor = (PLACE["x"] > 0).astype(int)
    else:
        style = np.stack([PLACE["x"], PLACE["y"]], axis=1)
        inside = ((style**2).sum(axis=1) < 0.6).astype(int)
        factor = inside if form == "curved" else GRID["a"]
    found = mig({"style": style, "a": GRID["a"]}, {"v": factor}, groups="variables").information["v"]["style"]
    assert found <= 1.0
    assert found == 0.0 if form == "noise" else found > 0.5
