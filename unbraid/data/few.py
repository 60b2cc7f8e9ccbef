"""A few labels of many: how an experiment with rare labels hides the others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unbraid.data.label_values import by_variable, label_array
from unbraid.data.seeds import seeded
from unbraid.errors import DataError, did_you_mean


def few_labels(
    labels: Mapping[str, Any],
    per_class: int,
    seed: int = 0,
    *,
    of: str | None = None,
    within: range | ArrayLike | None = None,
) -> dict[str, NDArray[Any]]:
    """Keeps the labels of a few rows of each class, and hides all others.

    With one seed, the rows kept for a smaller `per_class` are among those kept for a larger one.

    Args:
        labels: by variable, one label a row; -1, NaN or None for a row without one.
        per_class: how many rows of each class keep their labels.
        seed: of the draw.
        of: the variable whose classes count; the first one of `labels` where it is not given. The rows kept keep the
            labels of all variables.
        within: the rows to draw from, as row numbers or a mask; all where it is not given.

    Returns:
        By variable: int64 with -1 where the label is hidden or was missing, for integers; floats with NaN, for floats
        and for objects.

    Raises:
        DataError: there are no labels, or not by variable; `of` is not among them or is not discrete; the variables
            differ in length; `per_class` is below 1; `within` leaves the rows; or a class has fewer rows than asked
            for.
        OptionError: the seed is below 0.

    Example:
        >>> few_labels({"digit": [0, 0, 1, 1]}, per_class=1)["digit"].tolist()
        [0, -1, 1, -1]
    """
    arrays = {name: label_array(values, name) for name, values in by_variable(labels).items()}
    if not arrays:
        raise DataError("few_labels was given no labels: pass a mapping such as {'digit': array}")
    of = next(iter(arrays)) if of is None else of
    if of not in arrays:
        raise DataError(f"few_labels counts the classes of '{of}', which has no labels.{did_you_mean(of, arrays)}")
    rows = _rows(arrays)
    kept = _draw(_classes(arrays[of], of), per_class, seeded(seed), of, _mask(within, rows))
    return {name: _hide(array, kept) for name, array in arrays.items()}


def _rows(arrays: Mapping[str, NDArray[Any]]) -> int:
    """Returns how many rows the labels have, the same for every variable."""
    lengths = {name: len(array) if array.ndim else 0 for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        raise DataError(f"the variables have different numbers of labels, {lengths}: give each one label a row")
    return next(iter(lengths.values()))


def _classes(array: NDArray[Any], of: str) -> NDArray[np.int64]:
    """Returns the classes of a discrete variable, -1 where missing."""
    gaps = np.isnan(array)
    if array.ndim != 1 or not np.all(gaps | (np.isfinite(array) & (array == np.floor(array)))):
        raise DataError(f"'{of}' is not discrete, so it has no classes to count: name a discrete variable with of=...")
    return np.where(gaps, -1, array).astype(np.int64)


def _mask(within: range | ArrayLike | None, rows: int) -> NDArray[np.bool_]:
    """Marks the rows to draw from."""
    if within is None:
        return np.ones(rows, np.bool_)
    chosen = np.asarray(within)
    if chosen.dtype == np.bool_ and chosen.shape == (rows,):
        return chosen
    numbers = chosen.ndim == 1 and (chosen.size == 0 or chosen.dtype.kind in "iu")
    if not numbers or np.any((chosen < 0) | (chosen >= rows)):
        raise DataError(f"within must be row numbers in 0..{rows - 1}, or a mask with one bool for each of {rows} rows")
    mask = np.zeros(rows, np.bool_)
    mask[chosen.astype(np.int64)] = True
    return mask


def _draw(
    classes: NDArray[np.int64], per_class: int, generator: np.random.Generator, of: str, within: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Draws `per_class` rows of each class, and marks them."""
    if per_class < 1:
        raise DataError(f"few_labels keeps per_class rows of each class, and per_class is {per_class}: give 1 or more")
    kept = np.zeros(len(classes), np.bool_)
    for each in np.unique(classes[classes >= 0]):
        rows = np.flatnonzero((classes == each) & within)
        if len(rows) < per_class:
            place = "" if within.all() else " within the rows to draw from"
            raise DataError(
                f"class {each} of '{of}' has {len(rows)} labelled rows{place}, fewer than per_class={per_class}: "
                "ask for fewer labels, or give more rows"
            )
        kept[generator.permutation(rows)[:per_class]] = True
    return kept


def _hide(array: NDArray[Any], kept: NDArray[np.bool_]) -> NDArray[Any]:
    """Blanks the labels of all rows but those kept."""
    blank = np.full(array.shape, np.nan, array.dtype) if array.dtype.kind == "f" else np.full(array.shape, -1, np.int64)
    blank[kept] = array[kept]
    return blank
