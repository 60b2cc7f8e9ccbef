"""Training and test rows out of one set: rows at random, or whole groups that training never sees."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unbraid.data.label_values import missing
from unbraid.data.rows import Rows
from unbraid.data.seeds import seeded
from unbraid.errors import DataError, did_you_mean


def split_rows(rows: Rows, test_share: float = 0.2, seed: int = 0) -> tuple[Rows, Rows]:
    """Draws test rows at random; the others are for training.

    Args:
        rows: the whole set.
        test_share: of the rows, between 0 and 1.
        seed: of the draw; the same seed gives the same rows.

    Returns:
        The training rows and the test rows, each in random order.

    Raises:
        DataError: the share is not between 0 and 1, or leaves one part empty.
        OptionError: the seed is below 0.

    Example:
        >>> from unbraid.data import tiny_digits
        >>> train, test = split_rows(tiny_digits(50), test_share=0.2)
        >>> train, len(test)
        (Rows(name='tiny digits, train', images=(40, 1, 28, 28), labels=['digit']), 10)
    """
    count = _count(len(rows), test_share, f"rows of '{rows.name}'")
    order = seeded(seed).permutation(len(rows))
    return _part(rows, order[count:], "train"), _part(rows, order[:count], "test")


def hold_out(rows: Rows, of: str | Sequence[str], test_share: float = 0.2, seed: int = 0) -> tuple[Rows, Rows]:
    """Draws whole groups as test rows, so that training never sees a row of them.

    Rows are of one group where they have the same labels of all variables in `of`: the images of one person
    (``of="identity"``), or those under one light (``of=("azimuth", "elevation")``).

    Args:
        rows: the whole set.
        of: the variable or variables whose values make the groups.
        test_share: of the groups, between 0 and 1.
        seed: of the draw; the same seed gives the same groups.

    Returns:
        The training rows and the test rows, each in the order of `rows`.

    Raises:
        DataError: there are no labels of a variable, a row has none, or the share leaves one part empty.
        OptionError: the seed is below 0.

    Example:
        >>> from unbraid.data import tiny_digits
        >>> train, test = hold_out(tiny_digits(50), of="digit", test_share=0.2)
        >>> sorted(set(test.labels["digit"].tolist()) & set(train.labels["digit"].tolist()))
        []
    """
    groups = _groups(rows, (of,) if isinstance(of, str) else tuple(of))
    total = int(groups.max(initial=-1)) + 1
    count = _count(total, test_share, f"groups of '{rows.name}'")
    held = np.isin(groups, seeded(seed).permutation(total)[:count])
    return _part(rows, ~held, "train"), _part(rows, held, "test")


def _groups(rows: Rows, variables: tuple[str, ...]) -> NDArray[np.int64]:
    """Numbers the groups in the order of their labels, and returns that of each row."""
    if not variables:
        raise DataError("hold_out was given no variable whose values make the groups: name one with of=...")
    columns = []
    for variable in variables:
        if variable not in rows.labels:
            raise DataError(
                f"'{rows.name}' has no labels of '{variable}' to hold out by.{did_you_mean(variable, rows.labels)}"
            )
        values = rows.labels[variable].reshape(len(rows), -1)
        gaps = np.flatnonzero(missing(values).any(axis=1))
        if gaps.size:
            raise DataError(
                f"row {gaps[0]} of '{rows.name}' has no label of '{variable}', so nothing says whether it is held out: "
                "leave such rows out"
            )
        columns.append(values.astype(np.float64))
    return np.unique(np.concatenate(columns, axis=1), axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)


def _count(total: int, test_share: float, what: str) -> int:
    """Returns how many of `total` are for the test."""
    if not 0 < test_share < 1:
        raise DataError(f"test_share is the share of {what} that are for the test, between 0 and 1: got {test_share}")
    count = round(total * test_share)
    if not 0 < count < total:
        raise DataError(f"a test_share of {test_share} of {total} {what} leaves one part empty: choose another share")
    return count


def _part(rows: Rows, chosen: NDArray[Any], part: str) -> Rows:
    """Takes some of the rows, and names them."""
    return dataclasses.replace(rows[chosen], name=f"{rows.name}, {part}")
