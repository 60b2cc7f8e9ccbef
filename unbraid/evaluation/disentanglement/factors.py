"""Factors: what is known of the rows, checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unbraid.data.label_values import label_array
from unbraid.errors import DataError


def read_factors(factors: Mapping[str, Any], rows: int) -> dict[str, NDArray[Any]]:
    """Checks factors and brings them into one form.

    Args:
        factors: By name: (rows,) integers for a discrete factor, floats for a real one.
        rows: How many rows the latents have.

    Returns:
        By name: (rows,) int64 or float64.

    Raises:
        DataError: If there is no factor; or one has another number of rows or dimensions, a missing or infinite value,
            or the same value in all rows.
    """
    if not factors:
        raise DataError("there are no factors to measure against: pass a mapping such as {'shape': array}")
    return {name: _factor(name, label_array(values, name), rows) for name, values in factors.items()}


def is_discrete(factor: NDArray[Any]) -> bool:
    """Says whether a factor's values are classes."""
    return factor.dtype.kind == "i"


def _factor(name: str, values: NDArray[Any], rows: int) -> NDArray[Any]:
    """Checks one factor."""
    if values.ndim != 1:
        raise DataError(
            f"the factor '{name}' has the shape {values.shape}: give one number a row, and each component of a vector "
            "as a factor of its own"
        )
    if len(values) != rows:
        raise DataError(f"the factor '{name}' has {len(values)} values for {rows} rows of latents: give one a row")
    gaps = ~np.isfinite(values) if values.dtype.kind == "f" else values < 0
    if gaps.any():
        raise DataError(
            f"the factor '{name}' is not known in {int(gaps.sum())} rows, the first of them {int(gaps.argmax())} "
            "(-1, NaN or infinite): leave these rows out of latents and factors"
        )
    if (values == values[0]).all():
        raise DataError(f"the factor '{name}' is {values[0]} in every row: what does not vary cannot be measured")
    return values.astype(np.float64 if values.dtype.kind == "f" else np.int64)
