"""Ranges: data and labels that a family cannot have made are refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

from unbraid.errors import DataError

if TYPE_CHECKING:
    from unbraid.variables.family import Family


ROUNDING = 1e-6
"""By how much values may leave [0, 1], as means of pixels in single precision do."""


def check_unit_interval(x: Tensor, likelihood: str) -> None:
    """Raises DataError for data outside [0, 1], but for rounding."""
    low, high = float(x.min()), float(x.max())
    if low < -ROUNDING or high > 1 + ROUNDING:
        hint = " Bytes? Divide by 255." if 2 <= high <= 255 and low >= 0 else " Rescale x, or choose ub.Normal."
        raise DataError(
            f"x has values from {low:.6g} to {high:.6g}; the likelihood {likelihood} takes values from 0 to 1.{hint}"
        )


def refuse_label(name: str, family: Family, labels: Tensor, wrong: Tensor, rule: str) -> None:
    """Raises DataError for the first row in which a label is marked as wrong, if there is one.

    Args:
        name: The variable.
        family: Its family.
        labels: Shape (rows, *label).
        wrong: Of the same shape.
        rule: What the labels of this family are.
    """
    if bool(wrong.any()):
        rows = wrong.flatten(1).any(1) if wrong.dim() > 1 else wrong
        first = int(rows.nonzero()[0])
        others = f" (and {int(rows.sum()) - 1} more)" if int(rows.sum()) > 1 else ""
        label = labels[first].tolist()
        raise DataError(f"the label of {name!r} in row {first}{others} is {label}: {name} is {family}, {rule}.")


def refuse_data(family: Family, x: Tensor, wrong: Tensor, rule: str) -> None:
    """Raises DataError if any number of the data is marked as wrong.

    Args:
        family: The likelihood.
        x: Shape (rows, *event).
        wrong: Of the same shape.
        rule: What the likelihood takes, and what else to do.
    """
    if bool(wrong.any()):
        row, value = int(wrong.flatten(1).any(1).nonzero()[0]), float(x[wrong][0])
        raise DataError(f"x has a value {value:.4g} in row {row}; the likelihood {family} takes {rule}.")
