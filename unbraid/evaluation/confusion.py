"""Which value of a discrete variable is taken for which."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from unbraid.errors import DataError
from unbraid.evaluation.error import whole_numbers


def confusion_matrix(
    predicted: ArrayLike | torch.Tensor, labels: ArrayLike | torch.Tensor, cardinality: int
) -> NDArray[np.int64]:
    """Counts the rows by their true and their predicted value.

    Args:
        predicted: (rows,) integers in 0..cardinality-1.
        labels: (rows,) integers, -1 where missing: such a row is left out.
        cardinality: the number of values of the variable.

    Returns:
        (cardinality, cardinality) counts, [true, predicted].

    Raises:
        DataError: the lengths differ, or a value is out of range.

    Example:
        >>> confusion_matrix([0, 1, 1, 1], [0, 0, 1, -1], 2)
        array([[1, 1],
               [0, 1]])
    """
    values, truth = whole_numbers(predicted, "predicted values"), whole_numbers(labels, "labels")
    if len(values) != len(truth):
        raise DataError(f"there are {len(values)} predicted values but {len(truth)} labels: one label a row is needed")
    labelled = truth >= 0
    values, truth = values[labelled], truth[labelled]
    for what, numbers in (("predicted value", values), ("label", truth)):
        outside = numbers[(numbers < 0) | (numbers >= cardinality)]
        if outside.size:
            raise DataError(
                f"the {what} {outside[0]} is out of range: the variable has the values 0 to {cardinality - 1}"
            )
    counts: NDArray[np.int64] = np.bincount(truth * cardinality + values, minlength=cardinality**2)
    return counts.reshape(cardinality, cardinality)


def class_errors(matrix: NDArray[np.int64]) -> NDArray[np.float64]:
    """Returns the fraction of wrong rows among those of each true value.

    Args:
        matrix: (values, values) counts, [true, predicted].

    Returns:
        (values,) fractions in [0, 1]; NaN for a value that no row has.

    Example:
        >>> class_errors(np.array([[3, 1], [0, 0]]))
        array([0.25,  nan])
    """
    rows = matrix.sum(1)
    wrong = rows - np.diagonal(matrix)
    errors = np.full(len(rows), np.nan)
    np.divide(wrong, rows, out=errors, where=rows > 0)
    return errors
