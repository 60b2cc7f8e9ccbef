"""What a user may give as labels, and how it says that a row has none."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from unbraid.errors import DataError

Labels = TypeVar("Labels", NDArray[Any], torch.Tensor)


def by_variable(labels: Any, variables: Iterable[str] = ()) -> dict[str, Any]:
    """Returns labels by variable, as they were given in a mapping or a data frame; none for None.

    Args:
        labels: what a user gave.
        variables: that could be labelled, for messages.

    Raises:
        DataError: the labels are not by variable.
    """
    if labels is None:
        return {}
    if hasattr(labels, "items") and getattr(labels, "ndim", 2) == 2:  # a pandas Series has items too, its rows
        return dict(labels.items())
    known = list(variables)
    which = f" Those of this model are {', '.join(map(repr, known))}." if known else ""
    raise DataError(
        f"labels go by variable, {{{next(iter(known), 'digit')!r}: ...}}, got {type(labels).__name__}.{which}"
    )


def missing(values: Any) -> NDArray[np.bool_]:
    """Says which labels are missing: -1 among integers, NaN among floats; None, NaN, NA and -1 among objects; masked.

    NA is any value that does not equal itself, or whose comparison has no truth value, as pandas' NA.

    Args:
        values: labels as an array, a tensor, a list or a pandas Series.

    Returns:
        The mask, in the shape of `values`.

    Example:
        >>> missing([3, -1]).tolist(), missing([0.5, float("nan")]).tolist(), missing([3, None]).tolist()
        ([False, True], [False, True], [False, True])
    """
    array = as_array(values)
    if array.dtype.kind == "i":
        return np.asarray(array == -1)
    if array.dtype.kind == "f":
        return np.asarray(np.isnan(array))
    if array.dtype.kind == "O":
        return np.array([_is_missing(value) for value in array.flat], dtype=np.bool_).reshape(array.shape)
    return np.zeros(array.shape, np.bool_)


def label_array(values: Any, variable: str) -> NDArray[Any]:
    """Turns labels of any accepted form into one array of numbers.

    Args:
        values: labels as an array, a tensor, a list or a pandas Series, maybe masked or of objects with gaps.
        variable: whose labels they are, for messages.

    Returns:
        (rows, ...) integers or floats as given; float64 with NaN for what is masked and for objects with gaps.

    Raises:
        DataError: the labels are booleans, texts or other things that are not numbers, or are ragged.
    """
    try:
        array = as_array(values)
    except (ValueError, TypeError) as error:
        raise DataError(
            f"the labels of '{variable}' do not form an array: give every row the same number of values, "
            "NaN where a row has no label"
        ) from error
    if array.dtype.kind == "O":
        return _numbers_of_objects(array, variable)
    if array.dtype.kind not in "iuf":
        raise _not_numbers(variable, array.dtype.name)
    return array


def label_array_by_kind(values: Any, variable: str) -> NDArray[Any]:
    """Turns labels into an array as `label_array` does, but whole numbers with gaps stay whole: int64 with -1.

    For those who are told by the kind of the numbers whether labels are classes, as no variable of a model says so.

    Example:
        >>> label_array_by_kind([3, None], "digit").tolist(), label_array_by_kind([3.0, None], "size").tolist()
        ([3, -1], [3.0, nan])
    """
    array = label_array(values, variable)
    given = as_array(values)
    if given.dtype.kind != "O":
        return array
    gaps = np.isnan(array)
    if gaps.all() or not all(isinstance(value, Integral) for value in given[~gaps].flat):
        return array
    return np.where(gaps, -1, array).astype(np.int64)


def with_component(values: Labels, axes: int, label_shape: tuple[int, ...]) -> Labels:
    """Gives labels of one component the axis of it, where a user wrote one number a row, or a row and step.

    Args:
        values: labels.
        axes: how many axes they have for rows and steps.
        label_shape: of one label of the variable.

    Example:
        >>> with_component(np.zeros(4), 1, (1,)).shape, with_component(np.zeros((4, 3)), 1, (3,)).shape
        ((4, 1), (4, 3))
    """
    return values[..., None] if label_shape == (1,) and values.ndim == axes else values


def as_array(values: Any) -> NDArray[Any]:
    """Makes an array of a tensor on any device, or of anything that numpy understands; what is masked becomes None."""
    if isinstance(values, torch.Tensor):
        values = values.detach().cpu()
        return np.asarray((values.float() if values.dtype == torch.bfloat16 else values).numpy())
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        objects = values.data.astype(object)
        objects[np.ma.getmaskarray(values)] = None
        return np.asarray(objects)
    return np.asarray(values)


def _is_missing(value: Any) -> bool:
    """Says whether one object stands for no label."""
    if value is None:
        return True
    try:
        return bool(value != value) or bool(value == -1)
    except (TypeError, ValueError):
        return True  # pandas: "boolean value of NA is ambiguous"


def _is_number(value: object) -> bool:
    """Says whether one object is a number; a bool is none."""
    return isinstance(value, Real) and not isinstance(value, (bool, np.bool_))


def _numbers_of_objects(array: NDArray[Any], variable: str) -> NDArray[np.float64]:
    """Makes floats of objects, NaN where a label is missing; -1 stays, for it may be a real variable's value."""
    numbers = np.full(array.shape, np.nan)
    for index, value in np.ndenumerate(array):
        if _is_number(value):
            numbers[index] = float(value)
        elif not _is_missing(value):
            raise _not_numbers(variable, f"{type(value).__name__} ({value!r} in row {index[0] if index else 0})")
    return numbers


def _not_numbers(variable: str, kind: str) -> DataError:
    """Words the error for labels that are not numbers."""
    if kind.startswith("bool"):
        advice = "write 0 and 1, e.g. values.astype(int), and -1 for a row without a label"
    else:
        advice = "number the classes, e.g. numpy.unique(values, return_inverse=True); -1 for a row without a label"
    return DataError(f"the labels of '{variable}' must be numbers, got {kind}: {advice}")
