"""Editing: several latents set by hand, the others as inferred."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import unbraid as ub
from tests.inference.test_analogy import Characteristics
from tests.models import REGISTRY, Digits, rows_of
from tests.repeat.models import Events
from unbraid.errors import DataError


@pytest.mark.parametrize("name", REGISTRY)
def test_nothing_set_is_a_reconstruction_and_one_latent_an_analogy(name: str) -> None:
    model = REGISTRY[name](seed=1)
    x = rows_of(model, 4)
    torch.testing.assert_close(model.edit(x), model.reconstruct(x))
    for latent, family in model.latents.items():
        value = 1 if family.cardinality is not None else model.predict(x)[latent][0]
        torch.testing.assert_close(model.edit(x, **{latent: value}), model.analogy(x, **{latent: [value]})[:, 0])


def test_each_row_has_its_own_values() -> None:
    model = Digits(seed=1)
    x, style = rows_of(model, 3), torch.randn(3, 3, generator=torch.Generator().manual_seed(0))
    factors = {"digit": torch.tensor([3, 0, 2]), "style": style}
    torch.testing.assert_close(model.edit(x, **factors), model.generate(factors))


def test_what_follows_in_p_is_generated_anew_unless_it_is_set() -> None:
    model = Characteristics(seed=3)
    x = torch.zeros(2, 4)
    trait = torch.tensor([1.0, -2.0])
    both = model.edit(x, digit=2, trait=trait)
    torch.testing.assert_close(both, model.edit(x, trait=trait))
    assert not torch.allclose(both, model.edit(x, digit=2))


def test_one_step_of_a_repeat() -> None:
    model = Events(seed=2)
    x = rows_of(model, 5)
    inferred: Any = model.predict(x, count=3)
    kinds = inferred["events.kind"].clone()
    kinds[:, 1] = 2
    one = model.edit(x, count=3, **{"events[1].kind": 2})
    torch.testing.assert_close(one, model.generate({**inferred, "events.kind": kinds}))


@pytest.mark.parametrize(
    ("factors", "message"),
    [
        ({"digitt": 1}, "'digitt' is no latent of this model. Did you mean 'digit'"),
        ({"digit": 4}, "'digit' takes whole numbers from 0 to 3, got 4"),
        ({"style": torch.zeros(2)}, "'style' was given .*expected a number or a tensor"),
        ({"style": float("nan")}, "'style' in row 0 .*a value set by hand is a number"),
    ],
)
def test_what_cannot_be_set(factors: dict[str, Any], message: str) -> None:
    model = Digits(seed=1)
    with pytest.raises(DataError, match=message):
        model.edit(rows_of(model, 5), **factors)


def test_what_is_no_row() -> None:
    with pytest.raises(DataError, match=r"x has shape \(1,\)"):
        Digits(seed=1).edit([0.0], digit=1)


def test_no_rows() -> None:
    model: ub.Model = Digits(seed=1)
    assert model.edit(torch.zeros(0, 1, 4, 4), digit=1).shape == (0, 1, 4, 4)
