"""DCI of codes whose importances are known."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from tests.evaluation.disentanglement.known import GRID, NOISE, PLACE, clean, rotated
from unbraid.errors import OptionError
from unbraid.evaluation.disentanglement import MissingDependencyError, dci
from unbraid.evaluation.disentanglement.dci import _record
from unbraid.evaluation.disentanglement.learners import PREDICTORS, Predictor, check_predictor

every = pytest.mark.parametrize("predictor", PREDICTORS)


@every
def test_a_clean_code_is_all_three(predictor: Predictor) -> None:
    found = dci(clean(PLACE), PLACE, predictor=predictor)
    assert min(found.disentanglement, found.completeness, found.informativeness) > 0.97
    assert found.importance["x"]["latent[0]"] > 0.97
    assert found.by_unit["latent[0]"] > 0.97


@every
def test_a_rotated_code_informs_and_is_neither(predictor: Predictor) -> None:
    found = dci(rotated(PLACE), PLACE, predictor=predictor)
    assert max(found.disentanglement, found.completeness) < 0.1
    assert found.informativeness > 0.85


@every
def test_classes(predictor: Predictor) -> None:
    """Of a code of classes too: four columns a unit, whose importances are added."""
    found = dci({**GRID, "noise": NOISE[:, 0]}, GRID, predictor=predictor)
    assert min(found.disentanglement, found.completeness) > 0.97
    assert found.informativeness_by_factor == {"a": 1.0, "b": 1.0}


def test_noise_informs_of_nothing() -> None:
    found = dci(NOISE, PLACE)
    assert found.informativeness == 0.0
    assert max(found.disentanglement, found.completeness) < 0.1
    assert dci(NOISE, GRID).informativeness == pytest.approx(0.25, abs=0.1)


@every
def test_a_class_of_one_row(predictor: Predictor) -> None:
    """One half has one class: what cannot be learned has no importance, and the rare row is wrong."""
    rare = (np.arange(400) == 5).astype(int)
    found = dci(NOISE[:400], {"rare": rare}, predictor=predictor)
    assert found.informativeness == pytest.approx(1.0, abs=0.01)


def test_by_hand() -> None:
    """Importances ((1, 0.5), (0, 0.5)): the first unit serves both factors, two to one; the second unit only one."""
    found = _record(("u", "w"), ("a", "b"), np.array([[1.0, 0.5], [0.0, 0.5]]), {"a": 1.0, "b": 0.5})
    mixed = 1 + (2 / 3 * np.log(2 / 3) + 1 / 3 * np.log(1 / 3)) / np.log(2)
    assert found.by_unit == pytest.approx({"u": mixed, "w": 1.0})
    assert found.disentanglement == pytest.approx(0.75 * mixed + 0.25)
    assert found.completeness_by_factor == pytest.approx({"a": 1.0, "b": 0.0}, abs=1e-12)
    assert found.completeness == pytest.approx(0.5)
    assert found.informativeness == 0.75


def test_nothing_helps() -> None:
    """A lasso that keeps no coefficient: neither disentangled nor complete, and no division by zero."""
    found = dci(np.ones((400, 2)), PLACE, predictor="lasso")
    assert (found.disentanglement, found.completeness) == (0.0, 0.0)
    assert found.importance["x"] == {"latent[0]": 0.0, "latent[1]": 0.0}


def test_one_factor_or_one_unit_leaves_a_number_undefined() -> None:
    one = dci(clean(PLACE), {"x": PLACE["x"]})
    assert np.isnan(one.disentanglement)
    assert one.completeness > 0.97
    alone = dci({"style": rotated(PLACE)}, PLACE, groups="variables")
    assert np.isnan(alone.completeness)
    assert alone.disentanglement == pytest.approx(0.0, abs=1e-9)


def test_variables_add_up_their_dimensions() -> None:
    found = dci({"a": GRID["a"], "place": rotated(PLACE)}, {"a": GRID["a"], "x": PLACE["x"]}, groups="variables")
    assert min(found.disentanglement, found.completeness) > 0.95


def test_unknown_predictor() -> None:
    with pytest.raises(OptionError, match="predictor must be one of 'boosting', 'forest', 'lasso', got 'trees'"):
        check_predictor("trees")
    check_predictor("lasso")


def test_without_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.ensemble", None)
    with pytest.raises(MissingDependencyError, match=r"needs scikit-learn, .* pip install 'unbraid\[metrics\]'"):
        dci(NOISE, GRID)
