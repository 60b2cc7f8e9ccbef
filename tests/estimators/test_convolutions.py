"""Convolutional encoders and decoders under every estimator, for one sample and several, and for one row."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import unbraid as ub
from unbraid.estimators import Estimator, Gumbel, Reinforce, SumAndSample
from unbraid.estimators.enumeration import Enumerate
from unbraid.estimators.plug_in import PlugIn

ESTIMATORS: list[Estimator] = [
    Enumerate(),
    Enumerate(rows=4),
    PlugIn(),
    Gumbel(),
    Gumbel(hard=True),
    Reinforce(1),
    Reinforce(3),
    SumAndSample(1),
    SumAndSample(2),
]


class ConvDigits(ub.Model):
    """A digit and its style between convolutions."""

    def encode(self, x: Any) -> Any:
        h = ub.conv(4, 4)(x)
        digit = ub.Categorical(5)(h)
        return {"digit": digit, "style": ub.Normal(2)(digit, h)}

    def decode(self, digit: Any, style: Any) -> Any:
        return ub.Bernoulli(1, 9, 9)(logits=ub.deconv(4, 4, to=(1, 9, 9))(digit, style))


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=str)
@pytest.mark.parametrize("samples", [1, 8])
@pytest.mark.parametrize("rows", [1, 6])
def test_every_estimator_runs_through_convolutions(estimator: Estimator, samples: int, rows: int) -> None:
    """The loss and every gradient are finite; class 4 is never seen."""
    model = ConvDigits(seed=1)
    x = (torch.rand(rows, 1, 9, 9, generator=torch.Generator().manual_seed(0)) < 0.5).float()
    labels = {"digit": torch.tensor([-1, 0, 1, 2, 3, -1][:rows])}
    generator = torch.Generator().manual_seed(2)
    found = model.objective(x, labels, estimators={"digit": estimator}, samples=samples, generator=generator)
    found.loss.backward()
    assert torch.isfinite(found.loss)
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name


@pytest.mark.parametrize("samples", [1, 8])
def test_chunks_give_what_one_pass_gives(samples: int) -> None:
    """Enumeration a few values at a time does not change the gradient, where no latent is sampled."""

    class NoStyle(ub.Model):
        def encode(self, x: Any) -> Any:
            return {"digit": ub.Categorical(5)(ub.conv(4, 4)(x))}

        def decode(self, digit: Any) -> Any:
            return ub.Bernoulli(1, 9, 9)(logits=ub.deconv(4, 4, to=(1, 9, 9))(digit))

    model = NoStyle(seed=1).double()
    x = (torch.rand(6, 1, 9, 9, generator=torch.Generator().manual_seed(0)) < 0.5).double()
    gradients = []
    for rows in (1000, 7):
        loss = model.objective(x, estimators={"digit": Enumerate(rows=rows)}, samples=samples).loss
        gradients.append(torch.autograd.grad(loss, list(model.parameters())))
    for whole, chunked in zip(*gradients, strict=True):
        torch.testing.assert_close(whole, chunked, rtol=1e-10, atol=1e-12)
