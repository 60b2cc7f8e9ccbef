"""Chunks of values change no number, and saturated probabilities none to NaN."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

import unbraid as ub
from tests.models import Bits, Digits, TwoDiscrete, WholePrior, labels_of, rows_of
from unbraid.estimators import Enumerate, Estimator, Gumbel, PlugIn, Reinforce, SumAndSample
from unbraid.estimators.chunks import in_chunks


def numbers(model: ub.Model, estimator: Estimator, labels: dict[str, Tensor] | None = None) -> list[Tensor]:
    """Returns the loss and all gradients."""
    x = rows_of(model, 6)
    chosen = {name: estimator for name, family in model.latents.items() if family.discrete}
    loss = model.objective(
        x, labels or {}, estimators=chosen, samples=2, generator=torch.Generator().manual_seed(0)
    ).loss
    return [loss, *torch.autograd.grad(loss, list(model.parameters()), allow_unused=True, materialize_grads=True)]


@pytest.mark.parametrize("cls", [Digits, TwoDiscrete, Bits, WholePrior])
@pytest.mark.parametrize("rows", [1, 13, 30])
def test_chunks_change_nothing(cls: type[ub.Model], rows: int) -> None:
    model = cls().double()
    labels = {**labels_of(model, 6, missing=0.5), "style": labels_of(model, 6)["style"]}  # so that nothing is drawn
    whole, parts = numbers(model, Enumerate(), labels), numbers(model, Enumerate(rows=rows), labels)
    for one, other in zip(whole, parts, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)


def saturated(model: ub.Model, size: float) -> None:
    """Makes q certain of values."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "encode" in name and name.endswith("bias"):
                parameter.copy_(torch.linspace(-size, 0.6 * size, len(parameter)))


class Certain(ub.Model):
    def encode(self, x: Any) -> Any:
        return {"kind": ub.Categorical(4)(x), "bits": ub.Bernoulli(3)(x)}

    def decode(self, kind: Any, bits: Any) -> Any:
        return ub.Bernoulli(4)(kind, bits)


@pytest.mark.parametrize(
    "estimator",
    [Enumerate(), Enumerate(rows=1), PlugIn(), Gumbel(), Gumbel(hard=True), Reinforce(1), Reinforce(), SumAndSample(1)],
    ids=str,
)
@pytest.mark.parametrize("size", [1e3, 1e5])
def test_certain_values_give_finite_numbers(estimator: Estimator, size: float) -> None:
    model = Certain()
    saturated(model, size)
    found, exact = numbers(model, estimator), numbers(model, Enumerate())
    assert all(torch.isfinite(each).all() for each in found)
    torch.testing.assert_close(found[0], exact[0], rtol=1e-4, atol=1e-3)


def test_one_value_is_no_choice() -> None:
    class One(ub.Model):
        def encode(self, x: Any) -> Any:
            return {"kind": ub.Categorical(1)(x)}

        def decode(self, kind: Any) -> Any:
            return ub.Bernoulli(4)(kind)

    model = One()
    exact = numbers(model, Enumerate())
    for estimator in (PlugIn(), Gumbel(), Reinforce(), SumAndSample()):
        for one, other in zip(numbers(model, estimator), exact, strict=True):
            torch.testing.assert_close(one, other)


def test_a_table_of_one_hot_vectors_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many values of few rows go in chunks too."""
    chunks: list[int] = []

    def counted(site: Any, downstream: Any, size: int, at_once: int) -> Any:
        chunks.append(at_once)
        return in_chunks(site, downstream, size, at_once)

    monkeypatch.setattr("unbraid.estimators.enumeration.in_chunks", counted)
    monkeypatch.setattr("unbraid.estimators.enumeration.ENTRIES", 9)
    model = TwoDiscrete()
    numbers(model, Enumerate())
    assert chunks == []
    monkeypatch.setattr("unbraid.estimators.enumeration.ENTRIES", 6)
    numbers(model, Enumerate())
    assert chunks == [2]


def test_backward_leaves_the_generator_where_it_was() -> None:
    """A chunk computed again draws its noise again, but what is drawn later goes on from before."""

    class Styled(ub.Model):
        def encode(self, x: Any) -> Any:
            h = ub.mlp(4)(x)
            digit = ub.Categorical(6)(h)
            return {"digit": digit, "style": ub.Normal(2)(digit, h)}

        def decode(self, digit: Any, style: Any) -> Any:
            return ub.Bernoulli(5)(digit, style)

    x = torch.ones(3, 5)
    model, generator = Styled(), torch.Generator().manual_seed(0)
    found = model.objective(x, estimators={"digit": ub.Enumerate(rows=6)}, generator=generator)
    before = generator.get_state()
    found.loss.backward()
    assert torch.equal(generator.get_state(), before)
