"""Digits drawn by a formula: for tests and examples that need no data."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from unbraid.data.rows import Rows
from unbraid.data.seeds import seeded
from unbraid.errors import DataError

_SIZE = 28  # pixels
# The corners of a seven-segment digit, as (x, y) in -1..1, y downwards; a segment joins two of them.
_CORNERS = np.array([(-0.5, -1), (0.5, -1), (-0.5, 0), (0.5, 0), (-0.5, 1), (0.5, 1)], dtype=np.float64)
_SEGMENTS = {"top": (0, 1), "upper left": (0, 2), "upper right": (1, 3), "middle": (2, 3)}
_SEGMENTS |= {"lower left": (2, 4), "lower right": (3, 5), "bottom": (4, 5)}
# Which of the seven segments, in the order above, each digit has.
_GLYPHS = ("1110111", "0010010", "1011101", "1011011", "0111010", "1101011", "1101111", "1010010", "1111111", "1111011")


def tiny_digits(n: int = 200, seed: int = 0) -> Rows:
    """Draws seven-segment digits, each with its own size, slant, place and stroke width.

    Args:
        n: how many rows; the ten digits come equally often, to within one, in random order.
        seed: the same seed gives the same rows.

    Returns:
        Images (n, 1, 28, 28), white on black; labels `{"digit": (n,) int64}`.

    Raises:
        DataError: `n` is negative.

    Example:
        >>> tiny_digits(20)
        Rows(name='tiny digits', images=(20, 1, 28, 28), labels=['digit'])
    """
    if n < 0:
        raise DataError(f"tiny_digits draws n rows, and n is {n}: give 0 or more")
    generator = seeded(seed)
    digits = generator.permutation(np.arange(n, dtype=np.int64) % 10)
    corners = _place_corners(n, generator)
    width = generator.uniform(0.7, 1.4, n)
    lit = np.array([[mark == "1" for mark in glyph] for glyph in _GLYPHS])[digits]
    images = np.zeros((n, _SIZE, _SIZE))
    for segment, (start, end) in enumerate(_SEGMENTS.values()):
        distance = _distance(corners[:, start], corners[:, end])
        ink = np.clip(width[:, None, None] + 0.5 - distance, 0, 1)  # the edge falls from 1 to 0 over one pixel
        images = np.maximum(images, ink * lit[:, segment, None, None])
    return Rows(torch.from_numpy(images.astype(np.float32))[:, None], {"digit": digits}, name="tiny digits")


def _place_corners(n: int, generator: np.random.Generator) -> NDArray[np.float64]:
    """Draws where the six corners lie in each image: (n, 6, 2), in pixels."""
    size = generator.uniform(7.5, 9.0, (n, 1))
    slant = generator.uniform(-0.1, 0.3, (n, 1))
    centre = (_SIZE - 1) / 2 + generator.uniform(-1, 1, (n, 1, 2))
    x, y = _CORNERS[:, 0] - slant * _CORNERS[:, 1] * 0.5, np.broadcast_to(_CORNERS[:, 1], (n, 6))
    return np.stack([x, y], axis=-1) * size[..., None] + centre


def _distance(start: NDArray[np.float64], end: NDArray[np.float64]) -> NDArray[np.float64]:
    """Measures how far each pixel is from the line between two points.

    Args:
        start: (n, 2), in pixels.
        end: (n, 2), in pixels.

    Returns:
        (n, 28, 28), in pixels.
    """
    y, x = np.mgrid[:_SIZE, :_SIZE]
    (start_x, start_y), (along_x, along_y) = start.T[..., None, None], (end - start).T[..., None, None]
    share = ((x - start_x) * along_x + (y - start_y) * along_y) / (along_x**2 + along_y**2)
    share = np.clip(share, 0, 1)
    distance: NDArray[np.float64] = np.hypot(x - start_x - share * along_x, y - start_y - share * along_y)
    return distance
