"""Estimators without bias agree with the exact sum, in value and gradient, within five standard errors."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

import unbraid as ub
from tests.models import rows_of
from unbraid.estimators import Enumerate, Estimator, Gumbel, PlugIn, Reinforce, SumAndSample

BATCHES, ROWS = 80, 100


class TwoLevels(ub.Model):
    """Discrete latents only, so that enumeration is exact without noise."""

    def encode(self, x: Any) -> Any:
        kind = ub.Categorical(4)(x)
        return {"kind": kind, "sort": ub.Categorical(3)(x, kind)}

    def decode(self, kind: Any, sort: Any) -> Any:
        return ub.Bernoulli(4)(ub.mlp(5, activation="tanh")(kind, sort))


def model() -> TwoLevels:
    made = TwoLevels().double()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.mul_(2.5)
    return made


def estimate(made: ub.Model, rows: int, estimator: Estimator, generator: torch.Generator | None = None) -> Tensor:
    """Returns the loss and all gradients as one vector; every row of the batch is the same one."""
    x = rows_of(made, 1).expand(rows, -1)
    chosen = dict.fromkeys(made.latents, estimator)
    loss = made.objective(x, estimators=chosen, generator=generator).loss
    gradients = torch.autograd.grad(loss, list(made.parameters()))
    return torch.cat([loss.detach()[None], *(gradient.flatten() for gradient in gradients)])


def estimates(made: ub.Model, estimator: Estimator) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.stack([estimate(made, ROWS, estimator, generator) for _ in range(BATCHES)])


@pytest.mark.parametrize(
    "estimator",
    [Reinforce(samples=1), Reinforce(), Reinforce(samples=4), SumAndSample(k=1), SumAndSample(k=2)],
    ids=str,
)
def test_unbiased_estimators(estimator: Estimator) -> None:
    made = model()
    truth, found = estimate(made, 1, Enumerate()), estimates(made, estimator)
    error = found.std(0) / math.sqrt(BATCHES)
    assert ((found.mean(0) - truth).abs() <= 5 * error + 1e-12).all()
    assert (error > 0).any()


def test_all_values_are_an_enumeration() -> None:
    made = model()
    torch.testing.assert_close(estimate(made, 2, SumAndSample(k=4)), estimate(made, 2, Enumerate()))


@pytest.mark.parametrize("estimator", [PlugIn(), Gumbel(temperature=2.0), Gumbel(hard=True)], ids=str)
def test_biased_estimators_have_the_bias_that_their_docstrings_admit(estimator: Estimator) -> None:
    """Straight-through gradients are biased, its value is not; the others are biased in both."""
    made = model()
    truth, found = estimate(made, 1, Enumerate()), estimates(made, estimator)
    bias, error = (found.mean(0) - truth).abs(), found.std(0) / math.sqrt(BATCHES) + 1e-12
    assert (bias[1:] > 5 * error[1:]).any()
    assert torch.isfinite(found).all()
