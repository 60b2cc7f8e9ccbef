"""Labels: checked against a model's variables, and brought into the one form that the rest of unbraid reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from unbraid.data.few import few_labels
from unbraid.data.label_values import label_array, missing
from unbraid.errors import DataError, OptionError, did_you_mean

__all__ = ["class_labels", "few_labels", "missing", "normalise_labels", "refuse_unlabelled", "unlabelled_classes"]


def normalise_labels(
    labels: Mapping[str, Any],
    n_rows: int,
    cardinalities: Mapping[str, int | None],
    *,
    missing_class: Literal["error", "allow"] = "error",
) -> dict[str, torch.Tensor]:
    """Checks labels against the variables of a model, and makes tensors of them.

    Args:
        labels: by variable, one label a row: arrays, tensors, lists or pandas Series. A row without a label has -1
            (discrete variables), NaN, None or pandas' NA. A real variable has no -1 for this: -1 is a value.
        n_rows: how many rows the data have.
        cardinalities: of each variable of the model, how many classes it has; None for a real one.
        missing_class: what to do where a class of a labelled variable has no labelled row.

    Returns:
        By variable, on the CPU: (rows,) int64 with -1 for a discrete one, (rows, ...) float32 with NaN for a real one.

    Raises:
        DataError: a variable does not exist; the number of labels is not `n_rows`; a label is out of range, not an
            integer, infinite or not a number; a real variable has integers that are -1 in a row, which may mean
            either; no row is labelled; or a class has no labelled row (see `missing_class`).
        OptionError: `missing_class` is neither 'error' nor 'allow'.

    Example:
        >>> normalise_labels({"digit": [1, None, 0]}, 3, {"digit": 2, "style": None})
        {'digit': tensor([ 1, -1,  0])}
    """
    if missing_class not in ("error", "allow"):
        raise OptionError(f"missing_class must be 'error' or 'allow', got {missing_class!r}")
    normal = {name: _normalise(name, values, n_rows, cardinalities) for name, values in labels.items()}
    if missing_class == "error":
        refuse_unlabelled(unlabelled_classes(normal, cardinalities))
    return normal


def unlabelled_classes(
    labels: Mapping[str, torch.Tensor], cardinalities: Mapping[str, int | None]
) -> dict[str, list[int]]:
    """Lists the classes that no row is labelled with.

    Args:
        labels: as `normalise_labels` returns them.
        cardinalities: of each variable of the model, how many classes it has; None for a real one.

    Returns:
        By discrete variable that has labels and lacks some class: the classes, in order.

    Example:
        >>> unlabelled_classes({"digit": torch.tensor([0, -1, 2])}, {"digit": 4})
        {'digit': [1, 3]}
    """
    lacking = {}
    for name, values in labels.items():
        cardinality = cardinalities.get(name)
        if cardinality is not None:
            seen = set(values.unique().tolist())
            lacking[name] = [each for each in range(cardinality) if each not in seen]
    return {name: classes for name, classes in lacking.items() if classes}


def _normalise(name: str, values: Any, n_rows: int, cardinalities: Mapping[str, int | None]) -> torch.Tensor:
    """Checks the labels of one variable, and makes a tensor of them."""
    if name not in cardinalities:
        hint = did_you_mean(name, cardinalities)
        raise DataError(f"there are labels for '{name}', which is not a variable of the model.{hint}")
    array = label_array(values, name)
    if array.ndim == 0 or len(array) != n_rows:
        length = len(array) if array.ndim else "no"
        raise DataError(
            f"'{name}' has {length} labels, but the data have {n_rows} rows: give one label a row, "
            "-1 (or NaN for a real variable) for a row without one"
        )
    cardinality = cardinalities[name]
    gaps = np.isnan(array) if cardinality is None else np.isnan(array) | (array == -1)
    if gaps.all():
        raise DataError(f"no row is labelled for '{name}'; leave it out to train without labels")
    if cardinality is None:
        return _real(name, array)
    if array.ndim != 1:
        raise DataError(
            f"the labels of '{name}' have the shape {array.shape}, but a discrete variable has one class a row, "
            "(rows,): flatten a column, or take argmax(axis=1) of one-hot rows"
        )
    return class_labels(name, array, cardinality)


def class_labels(name: str, array: NDArray[Any], cardinality: int) -> torch.Tensor:
    """Checks the class labels of a variable, (rows, ...): whole numbers in 0..cardinality-1, or missing.

    Returns:
        Of the same shape, int64, -1 where missing.

    Raises:
        DataError: a label is none of these.
    """
    gaps = np.isnan(array) | (array == -1)
    whole = gaps | (np.isfinite(array) & (array == np.floor(array)))
    _refuse(name, array, ~whole, f"'{name}' is discrete: its labels are the whole numbers 0..{cardinality - 1}")
    inside = gaps | ((array >= 0) & (array < cardinality))
    rule = f"'{name}' has {cardinality} classes, 0..{cardinality - 1}; -1 says that a row has no label"
    _refuse(name, array, ~inside, rule)
    classes = np.full(array.shape, -1, np.int64)
    classes[~gaps] = array[~gaps].astype(np.int64)
    return torch.from_numpy(classes)


def _real(name: str, array: NDArray[Any]) -> torch.Tensor:
    """Checks real labels: (rows, ...) finite numbers, or NaN throughout a row."""
    refuse_doubtful(name, array)
    with np.errstate(over="ignore"):
        numbers = array.astype(np.float32)
    rows = numbers.reshape(len(numbers), -1)
    infinite, gaps = np.isinf(rows), np.isnan(rows)
    _refuse(name, array, infinite.max(axis=1), "a real label must be finite in float32; NaN says that a row has none")
    partly = gaps.max(axis=1) & ~gaps.min(axis=1)
    _refuse(name, array, partly, "a row is labelled as a whole or not at all: all its values NaN, or none")
    return torch.from_numpy(numbers)


def refuse_doubtful(name: str, array: NDArray[Any], axes: int = 1) -> None:
    """Raises DataError where integers are given as real labels, and -1 throughout one of them may mean that it is none.

    Args:
        name: Of the variable.
        array: Its labels, (rows, ...).
        axes: How many axes labels have for rows and steps.
    """
    if array.dtype.kind == "i":
        doubtful = (array == -1).all(axis=tuple(range(axes, array.ndim)))
        _refuse(name, array, doubtful, "a real label may be -1, but in integers it may also mean none: give floats")


def _refuse(name: str, array: NDArray[Any], wrong: NDArray[np.bool_], rule: str) -> None:
    """Raises an error for the first row marked as wrong, in whatever part, if there is one."""
    rows = np.flatnonzero(wrong.any(axis=tuple(range(1, wrong.ndim))))
    if rows.size:
        others = f" (and {rows.size - 1} more)" if rows.size > 1 else ""
        raise DataError(f"the label of '{name}' in row {rows[0]}{others} is {array[rows[0]]}: {rule}")


def refuse_unlabelled(lacking: Mapping[str, list[int]]) -> None:
    """Raises DataError where a class has no labelled row: by variable, what `unlabelled_classes` found."""
    for name, classes in lacking.items():
        which = f"class {classes[0]}" if len(classes) == 1 else f"classes {', '.join(map(str, classes))}"
        raise DataError(
            f"no row is labelled with {which} of '{name}', so nothing would tell the model what that means: label a "
            "row of each class, or pass missing_class='allow' to train without"
        )
