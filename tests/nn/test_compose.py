"""Composing: values in the range of an image, gradients that survive, and steps that are absent."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

import unbraid as ub
from unbraid.errors import ModelError
from unbraid.nn.compose import How

HOWS: list[How] = ["sum", "max", "over"]


def items(rows: int = 4, steps: int = 3) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.rand(rows, steps, 2, 5, 6, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("how", HOWS)
def test_the_canvas_is_an_image_whatever_the_order_of_the_steps(how: How) -> None:
    canvas = ub.compose(items(), how=how)
    assert canvas.shape == (4, 2, 5, 6)
    assert canvas.min() >= 0
    assert canvas.max() <= 1
    torch.testing.assert_close(ub.compose(items()[:, [2, 0, 1]], how=how), canvas)
    torch.testing.assert_close(ub.compose(items()[:, :1], how=how), items()[:, 0])


def test_the_values_are_those_of_the_formulas() -> None:
    a, b = items(steps=2).unbind(1)
    torch.testing.assert_close(ub.compose(items(steps=2)), torch.clamp(a + b, max=1))
    torch.testing.assert_close(ub.compose(items(steps=2), how="max"), torch.maximum(a, b))
    torch.testing.assert_close(ub.compose(items(steps=2), how="over"), a + b - a * b)


@pytest.mark.parametrize("how", HOWS)
def test_gradients(how: How) -> None:
    given = (items(1, 3) * 0.3).requires_grad_()  # the sum stays below 1, where its gradient is the function's own
    presence = torch.tensor([[1.0, 0.9, 0.7]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda i, p: ub.compose(i, how=how, presence=p), (given, presence))


def test_the_gradient_of_the_sum_survives_saturation() -> None:
    white = torch.full((1, 2, 1, 1, 1), 0.8, requires_grad=True)
    canvas = ub.compose(white)
    assert canvas.item() == 1
    assert torch.autograd.grad(canvas, white)[0].flatten().tolist() == [1, 1]


@pytest.mark.parametrize("how", HOWS)
def test_an_absent_step_changes_nothing_and_gets_no_gradient(how: How) -> None:
    given, presence = items().requires_grad_(), torch.tensor([[True, True, False]])
    canvas = ub.compose(given, how=how, presence=presence)
    torch.testing.assert_close(canvas, ub.compose(given[:, :2], how=how))
    (gradient,) = torch.autograd.grad(canvas.square().sum(), given)
    assert gradient[:, 2].count_nonzero() == 0
    assert gradient[:, :2].count_nonzero() > 0
    assert ub.compose(given, how=how, presence=presence & False).count_nonzero() == 0


def test_dtypes_are_kept() -> None:
    for dtype in (torch.bfloat16, torch.float32, torch.float64):
        assert ub.compose(items().to(dtype), presence=torch.ones(4, 3)).dtype == dtype


@pytest.mark.parametrize(
    ("images", "presence", "match"),
    [
        (torch.zeros(4, 3, 5, 5), None, r"^ub.compose takes items \(rows, steps, channels, height, width\), got the"),
        (torch.zeros(4, 0, 1, 5, 5), None, r"got the shape \(4, 0, 1, 5, 5\)"),
        (
            torch.zeros(4, 3, 1, 5, 5),
            torch.ones(4),
            r"a presence \(rows, steps\) for its 3 steps, got the shape",
        ),
        (torch.zeros(4, 3, 1, 5, 5), torch.ones(4, 2), r"a presence \(rows, steps\) for its 3 steps, got"),
    ],
)
def test_wrong_shapes_are_refused(images: Tensor, presence: Tensor | None, match: str) -> None:
    ub.compose(torch.zeros(4, 3, 1, 5, 5), presence=torch.ones(4, 3))
    with pytest.raises(ModelError, match=match):
        ub.compose(images, presence=presence)


def test_an_unknown_way_is_refused() -> None:
    how: Any = "summ"
    with pytest.raises(ModelError, match=r"py, line \d+: compose how='summ' is unknown. Did you mean 'sum'"):
        ub.compose(items(), how=how)
