"""Rows of a memory-mapped array."""

from __future__ import annotations

import mmap
from typing import Any, TypeGuard

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unbraid.training.reading import floats_of

KEPT = 2**25
"""How many bytes of a file stay mapped, at most, until they are given back."""
AROUND = 2**16
"""How many bytes around a row the system maps with it."""


def is_mapped(data: Any) -> TypeGuard[np.memmap[Any, np.dtype[Any]]]:
    """Says whether rows are in a memory-mapped array: `numpy.load(..., mmap_mode="r")` or `numpy.memmap`."""
    return isinstance(data, np.memmap)


class MappedReader:
    """Reads rows of a memory-mapped array: bytes, which are divided by 255, or floats.

    The system counts the pages of a file that were touched as memory of the process, until it needs them. So that a
    training on a large file does not look as large as the file, the pages are given back from time to time; they stay
    in the system's cache, and the next access finds them there.

    Args:
        array: Shape (rows, *event).
        dtype: Of the model.
    """

    what = "the array"
    on_disk = True

    def __init__(self, array: np.memmap[Any, np.dtype[Any]], dtype: torch.dtype) -> None:
        self.array, self.dtype = array, dtype
        self.map = _map_of(array)
        self.rows_kept = max(1, KEPT // (array[:1].nbytes + AROUND)) if array.nbytes > KEPT else len(self)
        self.touched = 0

    def __len__(self) -> int:
        return len(self.array) if self.array.ndim else 0

    def read(self, numbers: NDArray[np.int64]) -> Tensor:
        """Returns rows by their numbers.

        Raises:
            DataError: If the array holds neither bytes nor floats.
        """
        pieces = [
            self._read(numbers[start : start + self.rows_kept]) for start in range(0, len(numbers), self.rows_kept)
        ]
        return floats_of(np.concatenate(pieces) if len(pieces) > 1 else pieces[0], self.dtype, self.what)

    def _read(self, numbers: NDArray[np.int64]) -> NDArray[Any]:
        """Copies rows, after giving pages back if there would be too many with them."""
        self.touched += len(numbers)
        if self.map is not None and self.touched > self.rows_kept:
            self.map.madvise(mmap.MADV_DONTNEED)
            self.touched = len(numbers)
        return np.asarray(self.array)[numbers]


def _map_of(array: np.memmap[Any, np.dtype[Any]]) -> mmap.mmap | None:
    """Returns the map whose pages can be given back; None where changes in memory would be lost, or none can."""
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    shared = getattr(array, "mode", None) in ("r", "r+", "w+")
    return base if shared and isinstance(base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED") else None
