"""Placing: between the latent of a place, any three numbers, and the place itself, (scale, x, y)."""

from __future__ import annotations

from typing import overload

import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from unbraid.errors import DataError, ModelError
from unbraid.graph.symbol import Symbol, calling_line
from unbraid.nn.canvas import applied

_EDGE = 1e-6  # how near the ends of a range labels may come: the ends themselves are infinitely far away


class ToPlace(nn.Module):
    """Maps any three numbers to a scale within bounds and a centre on the canvas."""

    def __init__(self, low: float, high: float) -> None:
        super().__init__()
        self.low, self.high = low, high

    def forward(self, latent: Tensor) -> Tensor:
        """Maps (rows, ..., 3) to (rows, ..., 3)."""
        if latent.shape[-1] != 3:
            raise ModelError(f"takes three numbers, for scale, x and y, got the shape {tuple(latent.shape)}.")
        scale = self.low + (self.high - self.low) * torch.sigmoid(latent[..., :1])
        return torch.cat([scale, torch.tanh(latent[..., 1:])], -1)


@overload
def to_place(latent: Tensor, scales: tuple[float, float] = ...) -> Tensor: ...
@overload
def to_place(latent: Symbol, scales: tuple[float, float] = ...) -> Symbol: ...
def to_place(latent: Symbol | Tensor, scales: tuple[float, float] = (0.2, 0.8)) -> Symbol | Tensor:
    """Maps three numbers of any size to a place (scale, x, y) on the canvas.

    ::

        scale = low + (high - low) sigmoid(latent[0]),    x = tanh(latent[1]),    y = tanh(latent[2])

    A latent ``ub.Normal(3)`` thereby starts in the middle of the canvas at a middling scale, its prior covers the
    whole canvas, and no value of it loses the item: some of it is on the canvas, so its gradient can bring it back.
    What is labelled is the latent; `from_place` turns places into its labels.

    Args:
        latent: (rows, ..., 3).
        scales: The smallest and the largest scale.

    Returns:
        (rows, ..., 3), as `place` and `glimpse` take it: a symbol while a program is traced, a tensor for a tensor.

    Raises:
        ModelError: The scales are not two numbers, 0 < low < high, or the latent has not three numbers.

    Example:
        >>> to_place(torch.zeros(1, 3))
        tensor([[0.5000, 0.0000, 0.0000]])
    """
    return applied(ToPlace(*_checked(scales)), "to_place", latent)


def from_place(place: ArrayLike | Tensor, scales: tuple[float, float] = (0.2, 0.8)) -> Tensor:
    """Maps places (scale, x, y) to the latent: the inverse of `to_place`, for labels.

    Args:
        place: (rows, ..., 3); NaN stays NaN: not labelled.
        scales: The smallest and the largest scale, as `to_place` has them.

    Returns:
        (rows, ..., 3).

    Raises:
        ModelError: The scales are not two numbers, 0 < low < high.
        DataError: A scale lies outside `scales`, or a centre outside the canvas.

    Example:
        >>> from_place([[0.5, 0.0, 0.0]])
        tensor([[0., 0., 0.]])
    """
    low, high = _checked(scales)
    places = torch.as_tensor(place)
    places = places if places.is_floating_point() else places.float()
    if places.dim() == 0 or places.shape[-1] != 3:
        raise DataError(f"from_place takes places (rows, ..., 3), got the shape {tuple(places.shape)}.")
    share, centre = (places[..., :1] - low) / (high - low), places[..., 1:]
    outside = (share < -_EDGE) | (share > 1 + _EDGE)
    _refuse(places, outside, f"scales={scales} do not hold the scale: give wider ones, here as there")
    _refuse(places, centre.abs() > 1, "x or y is not in -1..1: they are shares of the canvas, 0 its middle")
    return torch.cat([torch.logit(share, _EDGE), torch.atanh(centre.clamp(_EDGE - 1, 1 - _EDGE))], -1)


def _refuse(places: Tensor, wrong: Tensor, rule: str) -> None:
    """Raises an error for the first place marked as wrong, if there is one."""
    marked = wrong.any(-1).nonzero()
    if len(marked):
        first = tuple(marked[0].tolist())
        raise DataError(f"the place of row {', step '.join(map(str, first))} is {places[first].tolist()}: {rule}")


def _checked(scales: tuple[float, float]) -> tuple[float, float]:
    """Refuses what is not a range of scales."""
    if len(scales) != 2 or not 0 < scales[0] < scales[1]:
        raise ModelError(f"{calling_line()}: scales are the smallest and the largest, 0 < low < high, got {scales}.")
    return scales
