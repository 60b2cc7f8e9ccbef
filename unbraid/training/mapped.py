"""Rows of a memory-mapped array."""

from __future__ import annotations

import mmap
import os
import weakref
from dataclasses import dataclass
from typing import Any, TypeGuard

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unbraid.errors import DataError
from unbraid.training.reading import floats_of

Mapped = np.memmap[Any, np.dtype[Any]]
SMALL = 2**26
"""Up to how many bytes an array is read through its map."""


def is_mapped(data: Any) -> TypeGuard[Mapped]:
    """Says whether rows are in a memory-mapped array: `numpy.load(..., mmap_mode="r")` or `numpy.memmap`."""
    return isinstance(data, np.memmap)


class MappedReader:
    """Reads rows of a memory-mapped array: bytes, which are divided by 255, or floats.

    A small array is read through its map. The system counts what was touched of a map as memory of the process, two
    megabytes for a single row where it maps them in large pieces, so a training would soon look as large as its file.
    Rows of a larger array are therefore read from the file itself; the system's cache serves both alike.

    Args:
        array: Shape (rows, *event).
        dtype: Of the model.
    """

    what = "the array"
    on_disk = True

    def __init__(self, array: Mapped, dtype: torch.dtype) -> None:
        self.array, self.dtype = array, dtype
        self.place = _place_of(array) if array.nbytes > SMALL else None
        if self.place is not None:
            self.file = os.open(self.place.path, os.O_RDONLY)
            weakref.finalize(self, os.close, self.file)

    def __len__(self) -> int:
        return len(self.array) if self.array.ndim else 0

    def read(self, numbers: NDArray[np.int64]) -> Tensor:
        """Returns rows by their numbers.

        Raises:
            DataError: If the array holds neither bytes nor floats, or its file was cut.
        """
        raw = np.asarray(self.array)[numbers] if self.place is None else self._from_file(numbers, self.place)
        return floats_of(raw, self.dtype, self.what)

    def _from_file(self, numbers: NDArray[np.int64], place: Place) -> NDArray[Any]:
        """Reads rows from the file."""
        rows = np.empty((len(numbers), *self.array.shape[1:]), self.array.dtype)
        content, size = rows.reshape(-1).view(np.uint8).data, place.size
        for start, number in zip(range(0, rows.nbytes, size), numbers.tolist(), strict=True):
            if os.preadv(self.file, [content[start : start + size]], place.start + number * place.stride) != size:
                raise DataError(f"row {number} of the array is not in {place.path} any more: was the file cut?")
        return rows


@dataclass(frozen=True, slots=True)
class Place:
    """Where the rows of an array are in a file.

    Attributes:
        path: The file.
        start: The byte at which the first row begins.
        stride: The bytes from one row to the next.
        size: The bytes of a row.
    """

    path: str
    start: int
    stride: int
    size: int


def _place_of(array: Mapped) -> Place | None:
    """Returns where an array's rows are; None where they are not in one piece each, or were changed in memory only."""
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    in_file = isinstance(base, mmap.mmap) and array.filename is not None and array.mode in ("r", "r+", "w+")
    if not in_file or not hasattr(os, "preadv") or not array[0].flags.c_contiguous:
        return None
    mapped_from = array.offset - array.offset % mmap.ALLOCATIONGRANULARITY  # a view keeps its whole's offset
    within = _address(array) - _address(np.frombuffer(base, np.uint8))
    return Place(str(array.filename), mapped_from + within, array.strides[0], array[0].nbytes)


def _address(array: NDArray[Any]) -> int:
    return int(array.__array_interface__["data"][0])
