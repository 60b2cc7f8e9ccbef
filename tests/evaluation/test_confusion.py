"""Confusion matrices."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from unbraid.errors import DataError
from unbraid.evaluation import class_errors, confusion_matrix, error_rate


def test_counts_agree_with_the_error_rate() -> None:
    random = np.random.default_rng(0)
    labels, predicted = random.integers(-1, 5, 300), random.integers(0, 5, 300)
    matrix = confusion_matrix(predicted, labels, 5)
    rate = error_rate(predicted, labels)
    assert matrix.sum() == rate.n
    assert 1 - np.trace(matrix) / rate.n == pytest.approx(rate.error)
    assert matrix[2, 3] == np.sum((labels == 2) & (predicted == 3))


def test_error_of_each_class() -> None:
    errors = class_errors(confusion_matrix([0, 1, 1], [0, 0, 1], 3))
    np.testing.assert_array_equal(errors, [0.5, 0.0, np.nan])


@pytest.mark.parametrize(
    ("predicted", "labels", "message"),
    [
        ([0, 2], [0, 1], "the predicted value 2 is out of range: the variable has the values 0 to 1"),
        ([0, 1], [0, 2], "the label 2 is out of range"),
        ([0], [0, 1], "1 predicted values but 2 labels"),
    ],
)
def test_refuses(predicted: Any, labels: Any, message: str) -> None:
    assert confusion_matrix([0, 1], [0, 1], 2).tolist() == [[1, 0], [0, 1]]
    with pytest.raises(DataError, match=message):
        confusion_matrix(predicted, labels, 2)
