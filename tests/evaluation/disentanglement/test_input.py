"""What latents and factors may be, for all measures alike; what is refused, and how."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch.distributions import Categorical, Independent, Normal

from tests.evaluation.disentanglement.known import GRID, NOISE, PLACE, clean, rotated
from unbraid.errors import DataError, OptionError
from unbraid.evaluation.disentanglement import dci, factor_vae, measure_disentanglement, mig, sap
from unbraid.evaluation.disentanglement.code import check_groups, read_code

MEASURES: dict[str, Callable[..., Any]] = {
    "mig": mig,
    "dci": partial(dci, predictor="lasso"),
    "sap": sap,
    "factor_vae": partial(factor_vae, votes=200),
}
each = pytest.mark.parametrize("measure", MEASURES.values(), ids=MEASURES)


def score(record: Any) -> float:
    """The one number of a record."""
    return float(getattr(record, "score", getattr(record, "disentanglement", 0.0)))


def test_forms_of_latents_are_one() -> None:
    style = NOISE[:, :2]
    code = read_code({"digit": GRID["a"], "style": style})
    assert code.names == ("digit", "style[0]", "style[1]")
    assert [unit.discrete for unit in code] == [True, False, False]
    tensors = read_code({"digit": torch.tensor(GRID["a"]), "style": torch.tensor(style, requires_grad=True)})
    logits = torch.nn.functional.one_hot(torch.tensor(GRID["a"])).float() * 5
    asked = read_code({"digit": Categorical(logits=logits), "style": Independent(Normal(torch.tensor(style), 1.0), 1)})
    for other in (tensors, asked):
        assert other.names == code.names
        assert all(np.array_equal(one.values, two.values) for one, two in zip(code, other, strict=True))


def test_groups() -> None:
    latents = {"digit": GRID["a"], "style": NOISE.reshape(-1, 3, 1)}
    code = read_code(latents, "variables")
    assert code.names == ("digit", "style")
    assert [unit.columns.shape[1] for unit in code] == [4, 3]
    assert read_code(NOISE).names == ("latent[0]", "latent[1]", "latent[2]")
    with pytest.raises(OptionError, match="groups must be 'dimensions' or 'variables', got 'names'"):
        check_groups("names")


@each
def test_order_of_dimensions_does_not_matter(measure: Callable[..., Any]) -> None:
    latents = np.concatenate([rotated(PLACE), clean(GRID)], axis=1)
    some = GRID | PLACE
    assert score(measure(latents[:, ::-1], some)) == pytest.approx(score(measure(latents, some)), abs=1e-3)


@each
def test_a_constant_dimension_changes_little(measure: Callable[..., Any]) -> None:
    """It is no help to any factor; the base of completeness counts it, disentanglement does not."""
    latents = clean(GRID)
    more = np.concatenate([latents, np.ones((len(latents), 1))], axis=1)
    assert score(measure(more, GRID)) == pytest.approx(score(measure(latents, GRID)), abs=0.01)


@each
def test_the_seed_fixes_the_score(measure: Callable[..., Any]) -> None:
    assert measure(NOISE, GRID, seed=1) == measure(NOISE, GRID, seed=1)


@each
@pytest.mark.parametrize(
    ("latents", "factors", "message"),
    [
        (NOISE, {"a": GRID["a"][:10]}, "the factor 'a' has 10 values for 400 rows of latents"),
        (NOISE, {}, "there are no factors to measure against"),
        (NOISE, {"a": np.full(400, 2)}, "the factor 'a' is 2 in every row"),
        (NOISE, {"a": np.where(np.arange(400) == 7, np.nan, 1.0)}, "'a' is not known in 1 rows, the first of them 7"),
        (NOISE, {"a": np.where(np.arange(400) > 397, -1, GRID["a"])}, "is not known in 2 rows, the first of them 398"),
        (NOISE, {"a": NOISE}, r"the factor 'a' has the shape \(400, 3\): give one number a row"),
        (np.where(NOISE > 9, 0, np.nan), GRID, "the latent 'latent' is not finite in 400 rows"),
        ({}, GRID, "there are no latents"),
        ({"z": NOISE, "c": GRID["a"][:5]}, GRID, "different numbers of rows, {'z': 400, 'c': 5}"),
        ({"z": np.array(["a"] * 400)}, GRID, "the latent 'z' must hold numbers"),
        ({"z": np.zeros((400, 0))}, GRID, r"the latent 'z' has the shape \(400, 0\)"),
        (NOISE[:1], {"a": [1]}, "the latents have 1 rows: at least 2 are needed"),
    ],
    ids=["length", "none", "constant", "nan", "unlabelled", "vector", "latent", "empty", "rows", "text", "flat", "one"],
)
def test_wrong_input(measure: Callable[..., Any], latents: Any, factors: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        measure(latents, factors)


def test_all_at_once() -> None:
    found = measure_disentanglement(clean(GRID), GRID, votes=100, predictor="lasso")
    assert found.mig == mig(clean(GRID), GRID)
    assert found.sap == sap(clean(GRID), GRID)
    assert found.factor_vae == factor_vae(clean(GRID), GRID, votes=100)
    assert found.dci == dci(clean(GRID), GRID, predictor="lasso")
    assert list(found.scores) == ["mig", "disentanglement", "completeness", "informativeness", "sap", "factor_vae"]
    assert f"sap              {found.sap.score:.3f}" in str(found).splitlines()
