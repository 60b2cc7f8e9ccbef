"""Rows in memory, as users have them: a tensor of a tensor, an array, a data frame or a list."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from unbraid.data.arrays import refuse_masked
from unbraid.data.rows import Rows
from unbraid.errors import DataError


@runtime_checkable
class DataFrame(Protocol):
    """A table of numbers, a row a line, as pandas and polars have it."""

    def to_numpy(self) -> NDArray[Any]:
        """Returns (rows, columns)."""


RowsLike = Tensor | NDArray[Any] | DataFrame | Sequence[Any]
"""What a model takes as rows: a tensor, an array, a data frame, a list of rows."""


def row_tensor(data: Any, dtype: torch.dtype | None = None, other: str = "") -> Tensor:
    """Makes a tensor of rows; nothing is copied that need not be.

    Args:
        data: A tensor, which stays as it is; an array, a data frame or a list, whose floats get the type of the model,
            as do the whole numbers and truth values of a data frame; or a list of tensors.
        dtype: Of the model's parameters (`dtype_of`); torch's default type if None.
        other: What may be given besides, for the message: " or a torch dataset".

    Raises:
        DataError: If it is none of these, is masked, or has rows of several shapes or columns of no numbers.

    Example:
        >>> row_tensor(np.zeros((5, 2)), torch.float32).dtype
        torch.float32
    """
    if isinstance(data, Tensor):
        return data
    if isinstance(data, Rows):
        raise DataError(
            "x is Rows, which hold images and labels: pass rows.images, and labels apart where they are wanted."
        )
    refuse_masked(data, "x is")
    try:
        if _is_list_of(Tensor, data):
            return torch.stack(tuple(data))
        x = _tensor_of(_array_of(data))
    except (TypeError, ValueError, RuntimeError) as error:
        raise DataError(f"x is {_found(data, other)}.") from error
    return x.to(dtype or torch.get_default_dtype()) if x.is_floating_point() else x


def dtype_of(model: object) -> torch.dtype:
    """Returns the type of a model's parameters; torch's default type of what has none."""
    first = next(model.parameters(), None) if isinstance(model, nn.Module) else None
    return torch.get_default_dtype() if first is None else first.dtype


def _array_of(data: Any) -> Any:
    """Makes one array of a data frame or of a list of arrays; returns anything else as it is."""
    if isinstance(data, DataFrame):
        table = data.to_numpy()
        return table.astype(np.float64) if table.dtype.kind in "biu" else table  # as where one column has a fraction
    return np.stack(data) if _is_list_of(np.ndarray, data) else data


def _tensor_of(data: Any) -> Tensor:
    """Makes a tensor of an array, which may be read-only, for nobody writes to it; or of nested lists."""
    if isinstance(data, np.ndarray) and (min(data.strides, default=0) < 0 or not data.dtype.isnative):
        data = np.array(data, data.dtype.newbyteorder("="), order="C")  # torch takes neither
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")
        return torch.as_tensor(data)


def _is_list_of(kind: type, data: Any) -> bool:
    """Says whether there is a list of nothing but such rows."""
    return isinstance(data, (list, tuple)) and bool(data) and all(isinstance(row, kind) for row in data)


def _found(data: Any, other: str) -> str:
    """Says what was given in place of rows, and what is wanted."""
    if isinstance(data, DataFrame):
        return (
            f"a {type(data).__name__} with columns of something else than numbers; leave them out, or make them numbers"
        )
    if not isinstance(data, np.ndarray):
        return f"{type(data).__name__}; it must be a tensor, an array{other or ' or a list of rows'}"
    remedy = ": numpy.stack(x) makes one array of rows of one shape" if data.dtype == object else ""
    return f"an array of {data.dtype}; it must hold floating-point numbers{remedy}"
