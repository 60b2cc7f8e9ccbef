"""Sprites: small shapes drawn by a formula, each of whose factors is known.

References:
    Matthey, Higgins, Hassabis and Lerchner, "dSprites: Disentanglement testing Sprites dataset", 2017: the factors.
"""

from __future__ import annotations

from collections.abc import Callable
from math import pi
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from unbraid.data.rows import Rows
from unbraid.data.seeds import seeded
from unbraid.errors import DataError, OptionError

SPRITE_SHAPES = ("square", "ellipse", "heart")
_REACH = 0.2  # the radius of the circle around the largest sprite, as a fraction of the image
_CHUNK = 2000  # sprites drawn at once: their temporary arrays stay small

Pixels = NDArray[np.float32]
Factors = dict[str, NDArray[np.float32]]


def sprites(
    n: int | None = 10_000,
    *,
    seed: int = 0,
    size: Literal[32, 64] = 32,
    scales: int = 6,
    rotations: int = 40,
    places: int = 32,
) -> Rows:
    """Draws sprites whose shape, scale, rotation and place are known: white on black, with smooth edges.

    The factors lie on a grid and are independent of each other. The shape is 0, 1 or 2: square, ellipse, heart. The
    scale has `scales` values in [0.5, 1]; the rotation, counter-clockwise in radians, `rotations` values in [0, 2π); x
    (to the right) and y (downwards) `places` values in [0, 1] each. No sprite is cut by the border.

    Note:
        A square looks the same after a quarter turn, an ellipse after half a turn: their rotation cannot be read from
        the image as a number in [0, 2π).

    Args:
        n: How many rows, drawn from the grid without repetition; None for the whole grid in order, which has
            3 * scales * rotations * places² rows.
        seed: The same seed gives the same rows.
        size: Height and width of the images, in pixels.
        scales: How many scales there are.
        rotations: How many rotations there are.
        places: How many values x has, and y.

    Returns:
        Images (n, 1, size, size); labels of "shape", (n,) int64, and of "scale", "rotation", "x" and "y", (n,) float32.

    Raises:
        DataError: If n is negative or the grid has fewer rows.
        OptionError: If the size is another or a factor has no value.

    Example:
        >>> rows = sprites(100)
        >>> rows
        Rows(name='sprites', images=(100, 1, 32, 32), labels=['shape', 'scale', 'rotation', 'x', 'y'])
        >>> len(sprites(None, scales=2, rotations=4, places=3))
        216
    """
    counts = {"scales": scales, "rotations": rotations, "places": places}
    _check(size, counts)
    grid = (len(SPRITE_SHAPES), scales, rotations, places, places)
    indices = np.unravel_index(_chosen(n, int(np.prod(grid)), seed), grid)
    shape, factors = indices[0].astype(np.int64), _values(indices[1:], grid[1:])
    images = np.empty((len(shape), 1, size, size), np.float32)
    for kind, outline in enumerate(_OUTLINES):
        rows = np.flatnonzero(shape == kind)
        for some in (rows[start : start + _CHUNK] for start in range(0, len(rows), _CHUNK)):
            images[some, 0] = _draw(outline, {name: values[some] for name, values in factors.items()}, size)
    return Rows(torch.from_numpy(images), {"shape": shape, **factors}, name="sprites")


def _chosen(n: int | None, cells: int, seed: int) -> NDArray[np.int64]:
    """Returns the numbers of the cells of the grid that are drawn."""
    if n is None:
        return np.arange(cells)
    if not 0 <= n <= cells:
        raise DataError(
            f"n is {n}, but the grid has {cells} sprites, no two the same: give 0 to {cells}, None for all, or more "
            "scales, rotations or places"
        )
    return seeded(seed).choice(cells, n, replace=False)


def _values(indices: tuple[NDArray[np.intp], ...], counts: tuple[int, ...]) -> Factors:
    """Turns places in the grid into the values of the real factors."""
    scale, x, y = (_spread(low, 1, count) for low, count in zip((0.5, 0, 0), (counts[0], *counts[2:]), strict=True))
    grids = {"scale": scale, "rotation": np.arange(counts[1]) * (2 * pi / counts[1]), "x": x, "y": y}
    return {name: grids[name][index].astype(np.float32) for name, index in zip(grids, indices, strict=True)}


def _spread(low: float, high: float, count: int) -> NDArray[np.float64]:
    """Returns evenly spaced values from low to high; a single one lies in the middle."""
    return np.linspace(low, high, count) if count > 1 else np.array([(low + high) / 2])


def _draw(outline: Callable[[Pixels, Pixels], Pixels], factors: Factors, size: int) -> Pixels:
    """Draws one shape in many places: (rows, size, size), each pixel the share of it that the sprite covers."""
    scale, rotation, x, y = (values[:, None, None] for values in factors.values())
    radius = np.float32(_REACH * size) * scale
    margin = np.float32(_REACH * size + 1.25)  # edges and corners included
    free = np.float32(size - 2 * margin)
    centres = np.arange(size, dtype=np.float32) + np.float32(0.5)
    right, up = (centres[None, None, :] - margin - free * x) / radius, (margin + free * y - centres[:, None]) / radius
    cos, sin = np.cos(rotation), np.sin(rotation)
    distance = outline(cos * right + sin * up, cos * up - sin * right) * radius
    return np.clip(np.float32(0.5) - distance, 0, 1)  # the edge falls from 1 to 0 over one pixel


# Outlines: how far a point (u to the right, v upwards) is from the shape in the unit circle, negative inside.


def _square(u: Pixels, v: Pixels) -> Pixels:
    """Measures the distance to a square: exact but for the corners, which stay sharp."""
    return np.maximum(np.abs(u), np.abs(v)) - np.float32(0.5**0.5)


def _ellipse(u: Pixels, v: Pixels) -> Pixels:
    """Measures the distance to an ellipse of half-axes 1 and 0.5, to first order: a level over its slope."""
    level = np.hypot(u, 2 * v)
    distance: Pixels = level * (level - 1) / np.maximum(np.hypot(u, 4 * v), np.float32(1e-6))
    return distance


def _heart(u: Pixels, v: Pixels) -> Pixels:
    """Measures the distance to a heart: a square on its tip, and half a disc on each of its upper sides."""
    unit, middle = np.float32(0.675), np.float32(0.55)  # the heart with its tip at 0 and its dent at 1, in the circle
    side, height = np.abs(u) * unit, v * unit + middle
    lobe = np.hypot(side - np.float32(0.25), height - np.float32(0.75)) - np.float32(0.125**0.5)
    along = np.maximum(side + height, 0) / 2  # of the nearest point on the lower side
    edge = np.minimum(np.hypot(side, height - 1), np.hypot(side - along, height - along)) * np.sign(side - height)
    distance: Pixels = np.where(side + height > 1, lobe, edge) / unit
    return distance


_OUTLINES = (_square, _ellipse, _heart)


def _check(size: int, counts: dict[str, int]) -> None:
    """Refuses sizes that sprites are not drawn at, and factors without values."""
    if size not in (32, 64):
        raise OptionError(f"sprites are drawn at size=32 or size=64 pixels, got {size!r}")
    for name, count in counts.items():
        if count < 1:
            raise OptionError(f"{name} is {count}: each factor needs at least one value")
