"""The library equals the same model written by hand in plain PyTorch, in losses and in every gradient."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import unbraid as ub
from tests.by_hand import LAYERS, HandWrittenDigits
from unbraid.variables.binarise import binarised

ALPHA, GAMMA = 3.0, 0.7
ROWS = 7


class Digits(ub.Model):  # the paper's Figure 3
    """A digit and its handwriting style."""

    hidden: int = 512  # hyper-parameters: typed fields with defaults
    style_size: int = 50

    def encode(self, x):  # type: ignore[no-untyped-def]  # q(digit, style | x)
        h = ub.mlp(self.hidden)(x)  # layers take their input sizes from what they are given
        digit = ub.Categorical(10)(h)  # first call: the variable and its prior; second: its parents in q
        style = ub.Normal(self.style_size)(digit, h)  # several parents are concatenated
        return {"digit": digit, "style": style}  # the names of the latents

    def decode(self, digit, style):  # type: ignore[no-untyped-def]  # arguments are latents, by name
        return ub.Bernoulli(1, 28, 28)(ub.mlp(self.hidden)(digit, style))


def pair(shared: bool) -> tuple[Digits, HandWrittenDigits]:
    model = Digits(hidden=20, style_size=4).double()
    hand = HandWrittenDigits(hidden=20, style_size=4, shared=shared).double()
    return model, hand.copy_from(model.state_dict())


def batch() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(ROWS, 1, 28, 28, generator=generator, dtype=torch.float64)
    return x, torch.randint(10, (ROWS,), generator=generator)


def gradient(model: nn.Module, name: str) -> Tensor:
    found = model.get_parameter(name).grad
    assert found is not None
    return found


def assert_same(loss: Tensor, model: Digits, by_hand: Tensor, hand: HandWrittenDigits) -> None:
    """Compares losses, and the gradients of every weight."""
    torch.testing.assert_close(loss, by_hand, rtol=1e-10, atol=1e-10)
    loss.backward()
    by_hand.backward()
    compared = 0
    for layer, name in LAYERS.items():
        for kind in ("weight", "bias"):
            ours, theirs = gradient(model, f"parts.{name}.{kind}"), gradient(hand, f"{layer}.{kind}")
            torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)
            compared += 1
    assert compared == len(list(model.parameters()))


SHARED = pytest.mark.parametrize("shared", [False, True], ids=["concatenated", "shared"])
ESTIMATOR = pytest.mark.parametrize("estimator", ["enumerate", "plug_in"])


@SHARED
@ESTIMATOR
def test_unlabelled_rows(estimator: str, shared: bool) -> None:
    model, hand = pair(shared)
    x, _ = batch()
    result = model.objective(x, estimators={"digit": estimator}, generator=torch.Generator().manual_seed(1))
    generator = torch.Generator().manual_seed(1)
    values = (hand.enumerated if estimator == "enumerate" else hand.plug_in)(x, binarised(x, generator), generator)
    assert_same(result.loss, model, -values.mean(), hand)


@SHARED
def test_labelled_rows(shared: bool) -> None:
    model, hand = pair(shared)
    x, digit = batch()
    result = model.objective(x, {"digit": digit}, alpha=ALPHA, gamma=GAMMA, generator=torch.Generator().manual_seed(1))
    generator = torch.Generator().manual_seed(1)
    values = hand.labelled(x, binarised(x, generator), digit, ALPHA, generator)
    assert_same(result.loss, model, -GAMMA * values.mean(), hand)


@SHARED
@ESTIMATOR
def test_a_mixed_batch(estimator: str, shared: bool) -> None:
    model, hand = pair(shared)
    x, digit = batch()
    known = torch.tensor([True, False, False, True, False, True, True])
    labels = {"digit": torch.where(known, digit, -1)}
    result = model.objective(
        x,
        labels,
        estimators={"digit": estimator},
        alpha=ALPHA,
        gamma=GAMMA,
        generator=torch.Generator().manual_seed(1),
    )
    generator = torch.Generator().manual_seed(1)
    target = binarised(x, generator)
    unlabelled = hand.enumerated if estimator == "enumerate" else hand.plug_in
    total = unlabelled(x[~known], target[~known], generator).sum()
    total = total + GAMMA * hand.labelled(x[known], target[known], digit[known], ALPHA, generator).sum()
    assert_same(result.loss, model, -total / ROWS, hand)
