"""Resampling: putting images onto larger ones, and cutting them out again, at places that gradients can move.

A place is (scale, x, y). Scale is the item's side as a share of the canvas's side; x and y are the item's centre, -1 to
1 across the canvas, x to the right and y down. The edges of the canvas are at -1 and 1, not the middles of the first
and last pixel (in torch's words: align_corners=False), so that a place means the same whatever the size in pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from unbraid.errors import ModelError

SMALLEST = 1e-3
"""The smallest scale: one below counts as this, an item of a twentieth of a pixel on a canvas of 50."""

_LARGEST = 1e3  # of scales; and places beyond _FARTHEST are as invisible as those on it
_FARTHEST = 1e4


def place_onto(
    items: Float[Tensor, "*rows channels height width"], where: Float[Tensor, "*rows 3"], size: tuple[int, int]
) -> Float[Tensor, "*rows channels canvas_height canvas_width"]:
    """Puts images onto empty canvases.

    Args:
        items: The images.
        where: The places (scale, x, y).
        size: Of the canvas: height and width, in pixels.

    Returns:
        The canvases, in the items' dtype: 0 outside the item.

    Raises:
        ModelError: The shapes or types do not fit; the text lacks a subject, which the caller puts before it.
    """
    _check(items, where, "items")
    scale, centre = _bounded(where)

    def weights(canvas: int, item: int, centre: Tensor) -> Tensor:
        return _weights(canvas, item, item / (scale * canvas), (centre + 1) * canvas / 2, item / 2)

    return _product(items, *_down_and_across(weights, size, items.shape[-2:], centre))


def cut_from(
    canvases: Float[Tensor, "*rows channels canvas_height canvas_width"],
    where: Float[Tensor, "*rows 3"],
    size: tuple[int, int],
) -> Float[Tensor, "*rows channels height width"]:
    """Cuts images out of canvases: the inverse of `place_onto`.

    Args:
        canvases: The images to cut from; beyond their edges is 0.
        where: The places (scale, x, y).
        size: Of the cutting: height and width, in pixels.

    Returns:
        The cuttings, in the canvases' dtype.

    Raises:
        ModelError: The shapes or types do not fit; the text lacks a subject, which the caller puts before it.
    """
    _check(canvases, where, "canvases")
    scale, centre = _bounded(where)

    def weights(glimpse: int, canvas: int, centre: Tensor) -> Tensor:
        return _weights(glimpse, canvas, scale * canvas / glimpse, glimpse / 2, (centre + 1) * canvas / 2)

    return _product(canvases, *_down_and_across(weights, size, canvases.shape[-2:], centre))


def _down_and_across(
    weights: Callable[[int, int, Tensor], Tensor], to: Sequence[int], of: Sequence[int], centre: Tensor
) -> tuple[Tensor, Tensor]:
    """Returns the weights of lines and of columns, computed in one go where all images are square.

    Args:
        weights: Those of an axis, for its numbers of pixels to and of, and centres (..., *rows).
        to: Height and width of what is made.
        of: Height and width of what it is made of.
        centre: (2, *rows), x and y.
    """
    if to[0] == to[1] and of[0] == of[1]:
        across, down = weights(to[1], of[1], centre)
    else:
        across, down = weights(to[1], of[1], centre[0]), weights(to[0], of[0], centre[1])
    return down, across


def _weights(to: int, of: int, step: Tensor, there: Tensor | float, here: Tensor | float) -> Tensor:
    """Returns what each pixel of a line gets from each pixel of the line that it is resampled from.

    A target pixel is `step` source pixels wide. Enlarged (step < 1), it interpolates linearly between two source
    pixels. Shrunk (step > 1), it is the mean over its own width, so that nothing aliases: thin strokes fade and do not
    break up. Both are one trapezoid, which is as wide as the two pixels together, and at step 1 the same triangle::

        weight(t) = clamp((1 + e) / 2 - |t|, 0, 1) / e,    e = max(step, 1),    t = distance of the centres

    Args:
        to: The number of target pixels.
        of: The number of source pixels.
        step: (*rows), the width of a target pixel, in source pixels.
        there: (*rows), a point on the target line, in pixels from its start...
        here: (*rows), ...and where it lies on the source line.

    Returns:
        (*rows, to, of).
    """

    def column(value: Tensor | float) -> Tensor | float:
        return value[..., None, None] if isinstance(value, Tensor) else value

    targets = torch.arange(to, device=step.device, dtype=step.dtype)[:, None] + 0.5
    sources = torch.arange(of, device=step.device, dtype=step.dtype) + 0.5
    distance = (targets - column(there)) * column(step) + column(here) - sources
    extent = column(step.clamp_min(1))
    return ((1 + extent) / 2 - distance.abs()).clamp(0, 1) / extent


def _product(images: Tensor, down: Tensor, across: Tensor) -> Tensor:
    """Resamples the lines of images, and then their columns; a place without rotation needs no more."""
    down, across = down.to(images.dtype)[..., None, :, :], across.to(images.dtype)[..., None, :, :]
    return down @ images @ across.mT


def _bounded(where: Tensor) -> tuple[Tensor, Tensor]:
    """Returns scale, (*rows), and x and y, (2, *rows), in single precision or better, so that no division overflows."""
    # In half precision a place would be off by a tenth of a pixel.
    precise = where if where.dtype == torch.float64 else where.float()
    scale, x, y = precise.unbind(-1)
    return scale.clamp(SMALLEST, _LARGEST), torch.stack((x, y)).clamp(-_FARTHEST, _FARTHEST)


def _check(images: Tensor, where: Tensor, what: str) -> None:
    """Refuses shapes and types that do not fit together."""
    shape, place = tuple(images.shape), tuple(where.shape)
    if len(shape) < 4:
        raise ModelError(f"takes {what} (rows, channels, height, width), got the shape {shape}.")
    if not place or place[-1] != 3:
        raise ModelError(f"takes places (rows, 3), each (scale, x, y), got the shape {place}.")
    if not images.is_floating_point() or not where.is_floating_point():
        raise ModelError(f"takes floats, got {what} of {images.dtype} and places of {where.dtype}: use .float().")
    if len(place) - 1 != len(shape) - 3 or any(n not in (m, 1) and m != 1 for n, m in zip(place, shape[:-3])):  # noqa: B905
        raise ModelError(f"takes one place for each of its {what}, got {what} of shape {shape} and places {place}.")
