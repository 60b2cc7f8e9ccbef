"""Compares a compiled pass with the pass, for a kind of model: `python -m tests.capture.compiled Digits`."""

from __future__ import annotations

import copy
import sys
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn

import unbraid as ub
from tests.models import Digits, rows_of
from unbraid.capture import trial
from unbraid.capture.trial import AFTER, timed


class Dropping(ub.Model):
    """A digit and a style, with dropout and a normalisation before them."""

    def encode(self, x: Any) -> Any:
        h = ub.module(nn.BatchNorm1d(8))(ub.mlp(8, dropout=0.5)(x))
        digit = ub.Categorical(3, estimator=ub.estimators.Gumbel())(h)
        return {"digit": digit, "style": ub.Normal(2)(digit, h)}

    def decode(self, digit: Any, style: Any) -> Any:
        return ub.Normal(4)(ub.mlp(8)(digit, style))


def step(model: ub.Model, x: Tensor, seed: int) -> Tensor:
    """Takes the gradient of the objective of partly labelled rows, with noise of a seed."""
    model.zero_grad()
    torch.manual_seed(seed)
    labels = {"digit": torch.tensor([0, 1, 2, -1, -1, -1])}
    loss: Tensor = model.objective(x, labels, generator=torch.Generator().manual_seed(seed)).loss
    loss.backward()
    return loss.detach()


def compiled_is_quicker(*given: Any) -> tuple[float, float]:
    """Stands in for the clock."""
    timed(*given)
    return 2.0, 1.0


def compare(model: ub.Model) -> None:
    """Trains nothing, and compares losses, gradients and running means, before and after the pass is compiled."""
    other, x = copy.deepcopy(model), rows_of(model, 6)
    model.captures.compile, other.captures.enabled = True, False
    for seed in range(AFTER + 5):
        found, expected = step(model, x, seed), step(other, x, seed)
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
        for (name, weight), same in zip(model.named_parameters(), other.parameters(), strict=True):
            torch.testing.assert_close(weight.grad, same.grad, rtol=1e-3, atol=1e-4, msg=name)
        for running, twin in zip(model.buffers(), other.buffers(), strict=True):
            torch.testing.assert_close(running, twin)
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == 1, "compiled more than once"
    print(model.captures)


if __name__ == "__main__":
    with mock.patch.object(trial, "timed", compiled_is_quicker):
        compare({"Digits": Digits, "Dropping": Dropping}[sys.argv[1]]())
