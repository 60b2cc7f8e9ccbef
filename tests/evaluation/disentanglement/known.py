"""Codes whose scores are known."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

ROWS = 400
RANDOM = np.random.default_rng(0)
SIDE = np.arange(ROWS)
GRID: dict[str, NDArray[Any]] = {"a": SIDE % 4, "b": SIDE // 4 % 4}  # independent: each pair 25 times
PLACE: dict[str, NDArray[Any]] = {"x": RANDOM.uniform(-1, 1, ROWS), "y": RANDOM.uniform(-1, 1, ROWS)}
NOISE = RANDOM.normal(size=(ROWS, 3))


def clean(factors: dict[str, NDArray[Any]]) -> NDArray[np.float64]:
    """A code of one real dimension a factor, in unit variance, and one of noise."""
    columns = np.stack([*factors.values(), NOISE[:, 0]], axis=1).astype(np.float64)
    scaled: NDArray[np.float64] = (columns - columns.mean(0)) / columns.std(0)
    return scaled


def rotated(factors: dict[str, NDArray[Any]]) -> NDArray[np.float64]:
    """Two factors turned by 45 degrees: each of the two dimensions holds half of each factor."""
    turn = np.array([[1.0, 1.0], [-1.0, 1.0]]) / np.sqrt(2)
    turned: NDArray[np.float64] = clean(factors)[:, :2] @ turn
    return turned
