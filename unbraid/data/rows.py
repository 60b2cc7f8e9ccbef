"""Rows: images with the labels that are known of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from unbraid.errors import DataError


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Rows:
    """Images and their labels, row by row.

    A part of the rows is again `Rows`: `rows[:100]`, `rows[index_array]`, `rows[mask]`, `rows[7]` (one row). A slice
    shares its memory with the whole.

    Args:
        images: (rows, channels, height, width), float32 in [0, 1].
        labels: by variable: (rows,) integers for a discrete variable, (rows, ...) floats for a real one; of variables
            that come several times in a row, (rows, steps) integers and (rows, steps, ...) floats.
        name: what the rows are, as figures and reports call them.
        categories: by discrete variable that was read from words: what its classes 0, 1, ... are called.

    Raises:
        DataError: the images have another shape, type or range, or a variable has not one label a row.

    Example:
        >>> import torch, numpy as np
        >>> rows = Rows(torch.zeros(5, 1, 4, 4), {"digit": np.arange(5)}, name="blank")
        >>> rows[1:3]
        Rows(name='blank', images=(2, 1, 4, 4), labels=['digit'])
        >>> rows[[0, 4]].labels["digit"].tolist()
        [0, 4]
    """

    images: torch.Tensor
    labels: dict[str, NDArray[Any]]
    name: str
    categories: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_images(self.images, self.name)
        for variable, values in self.labels.items():
            _check_labels(variable, values, len(self.images), self.name)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int | slice | ArrayLike | torch.Tensor) -> Rows:
        chosen = _as_index(index, len(self))
        where = chosen if isinstance(chosen, slice) else torch.from_numpy(chosen)
        labels = {variable: values[chosen] for variable, values in self.labels.items()}
        return replace(self, images=self.images[where], labels=labels)

    def __iter__(self) -> Iterator[Rows]:
        return (self[row] for row in range(len(self)))

    def __repr__(self) -> str:
        return f"Rows(name={self.name!r}, images={tuple(self.images.shape)}, labels={list(self.labels)})"


def _check_images(images: object, name: str) -> None:
    """Refuses images that are not (rows, channels, height, width) float32 in [0, 1]."""
    if not isinstance(images, torch.Tensor):
        raise DataError(f"images of '{name}' must be a torch.Tensor, got {type(images).__name__}: use torch.as_tensor")
    if images.ndim != 4:
        shape = tuple(images.shape)
        raise DataError(
            f"images of '{name}' must have the shape (rows, channels, height, width), got {shape}: "
            "add the missing axis, e.g. images[:, None] for one channel"
        )
    if images.dtype != torch.float32:
        raise DataError(f"images of '{name}' must be float32 in [0, 1], got {images.dtype}: for bytes, divide by 255")
    if images.numel():
        low, high = (bound.item() for bound in torch.aminmax(images))
        if not (low >= 0 and high <= 1):
            raise DataError(f"images of '{name}' must lie in [0, 1], got {low:g} to {high:g}: rescale them")


def _check_labels(variable: str, values: object, rows: int, name: str) -> None:
    """Refuses labels that are not one number, or one array of numbers, a row."""
    if not isinstance(values, np.ndarray):
        kind = type(values).__name__
        raise DataError(f"labels '{variable}' of '{name}' must be a numpy array, got {kind}: use numpy.asarray")
    if np.ma.is_masked(values):
        raise DataError(
            f"labels '{variable}' of '{name}' are masked in row {np.argwhere(np.ma.getmaskarray(values))[0][0]}: write "
            "-1 (whole numbers) or NaN there, as unbraid.data.from_arrays does"
        )
    if values.dtype.kind not in "iuf":
        raise DataError(f"labels '{variable}' of '{name}' must be integers or floats, got {values.dtype}")
    if values.ndim == 0 or len(values) != rows:
        raise DataError(
            f"labels '{variable}' of '{name}' have the shape {values.shape} for {rows} images: give one label a row"
        )


def _as_index(index: int | slice | ArrayLike | torch.Tensor, rows: int) -> slice | NDArray[np.int64]:
    """Turns any index into a forward slice or an array of row numbers in 0..rows-1."""
    if isinstance(index, slice):
        start, stop, step = index.indices(rows)
        return slice(start, stop, step) if step > 0 else np.arange(start, stop, step)
    if isinstance(index, torch.Tensor):
        index = index.detach().cpu().numpy()
    array = np.atleast_1d(np.asarray(index))
    if array.dtype == np.bool_ and array.shape != (rows,):
        raise IndexError(f"a mask of the shape {array.shape} cannot choose among {rows} rows: give one bool a row")
    if (array.size and array.dtype.kind not in "iub") or array.ndim != 1:
        raise TypeError(f"rows are chosen by an integer, a slice, a 1-d array of integers or a mask, got {index!r}")
    numbers: NDArray[np.int64] = np.flatnonzero(array) if array.dtype == np.bool_ else array.astype(np.int64)
    outside = numbers[(numbers < -rows) | (numbers >= rows)]
    if outside.size:
        raise IndexError(f"row {outside[0]} is out of range: there are {rows} rows")
    return np.where(numbers < 0, numbers + rows, numbers)
