"""A few labels: as many a class as asked for, the same for a seed, drawn from the rows allowed."""

from typing import Any

import numpy as np
import pytest
import torch

from unbraid.data import few_labels
from unbraid.errors import DataError

DIGITS = np.arange(100) % 10


def test_each_class_keeps_as_many_labels_and_they_are_right() -> None:
    few = few_labels({"digit": DIGITS}, per_class=3)["digit"]
    kept = few >= 0
    assert few.dtype == np.int64
    np.testing.assert_array_equal(few[kept], DIGITS[kept])
    assert np.bincount(few[kept], minlength=10).tolist() == [3] * 10
    assert (few[~kept] == -1).all()


def test_a_seed_fixes_the_rows() -> None:
    first, again, other = (few_labels({"digit": DIGITS}, 2, seed)["digit"] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_fewer_labels_are_among_the_more() -> None:
    two, five = (few_labels({"digit": DIGITS}, count, seed=4)["digit"] >= 0 for count in (2, 5))
    assert (five | ~two).all()


def test_the_given_labels_stay_as_they_are() -> None:
    digits = DIGITS.copy()
    few_labels({"digit": digits}, 1)
    np.testing.assert_array_equal(digits, DIGITS)


def test_the_rows_kept_keep_all_their_labels() -> None:
    light = np.linspace(-1, 1, 300, dtype=np.float32).reshape(100, 3)
    few = few_labels({"light": light, "digit": DIGITS}, 2, of="digit")
    kept = few["digit"] >= 0
    assert kept.sum() == 20
    assert few["light"].dtype == np.float32
    np.testing.assert_array_equal(few["light"][kept], light[kept])
    assert np.isnan(few["light"][~kept]).all()


@pytest.mark.parametrize("within", [range(50), list(range(50)), np.arange(100) < 50])
def test_only_the_rows_within_are_drawn(within: Any) -> None:
    few = few_labels({"digit": DIGITS}, 5, within=within)["digit"]
    np.testing.assert_array_equal(few, np.where(np.arange(100) < 50, DIGITS, -1))


@pytest.mark.parametrize(
    "digits",
    [
        np.where(np.arange(100) < 90, DIGITS, -1),
        np.where(np.arange(100) < 90, DIGITS, np.nan),
        [int(digit) if row < 90 else None for row, digit in enumerate(DIGITS)],
        torch.where(torch.arange(100) < 90, torch.tensor(DIGITS), -1),
        np.where(np.arange(100) < 90, DIGITS, 10).astype(np.uint8)[:90],
    ],
)
def test_rows_without_a_label_are_never_drawn(digits: Any) -> None:
    few = few_labels({"digit": digits}, 9)["digit"]
    kept = few >= 0
    assert np.flatnonzero(kept).tolist() == list(range(90))
    np.testing.assert_array_equal(few[kept], DIGITS[:90])


@pytest.mark.parametrize(
    ("labels", "options", "match"),
    [
        ({"digit": DIGITS}, {"per_class": 11}, "class 0 of 'digit' has 10 labelled rows, fewer than per_class=11"),
        ({"digit": DIGITS}, {"per_class": 2, "within": range(19)}, "class 9 of 'digit' has 1 labelled rows within the"),
        ({"digit": DIGITS}, {"per_class": 0}, "per_class is 0: give 1 or more"),
        ({"digit": DIGITS}, {"per_class": 1, "of": "digits"}, r"'digits', which has no labels. Did you mean 'digit'\?"),
        ({"digit": DIGITS}, {"per_class": 1, "within": [100]}, r"row numbers in 0\.\.99"),
        ({"digit": DIGITS}, {"per_class": 1, "within": [0.5]}, r"row numbers in 0\.\.99"),
        ({"digit": DIGITS}, {"per_class": 1, "within": [True]}, "a mask with one bool for each of 100 rows"),
        ({"light": DIGITS / 7}, {"per_class": 1}, "'light' is not discrete, so it has no classes"),
        ({"light": np.ones((3, 2))}, {"per_class": 1}, "'light' is not discrete, so it has no classes"),
        ({"digit": DIGITS, "light": DIGITS[:9]}, {"per_class": 1}, "different numbers of labels.*100.*9"),
        ({}, {"per_class": 1}, "was given no labels"),
    ],
)
def test_what_cannot_be_drawn_is_refused(labels: dict[str, Any], options: dict[str, Any], match: str) -> None:
    few_labels({"digit": DIGITS}, per_class=10)
    with pytest.raises(DataError, match=match):
        few_labels(labels, **options)


def test_a_masked_label_stays_hidden() -> None:
    few = few_labels({"digit": np.ma.masked_array(DIGITS, np.arange(100) >= 50)}, 5)["digit"]
    np.testing.assert_array_equal(few, np.where(np.arange(100) < 50, DIGITS, np.nan))
