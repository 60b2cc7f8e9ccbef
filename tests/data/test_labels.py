"""Labels: every accepted form gives the same tensors, and each wrong one its own error."""

import inspect
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from unbraid.data import missing, normalise_labels, unlabelled_classes
from unbraid.errors import DataError, OptionError

NAN = float("nan")
MODEL = {"digit": 3, "light": None}


class NA:
    """Behaves as pandas' NA: its comparisons are NA again, which has no truth value."""

    def __eq__(self, other: object) -> "NA":  # type: ignore[override]
        return self

    def __ne__(self, other: object) -> "NA":  # type: ignore[override]
        return self

    def __bool__(self) -> bool:
        raise TypeError("boolean value of NA is ambiguous")

    __hash__ = object.__hash__


class Series:
    """Behaves as a pandas Series, as far as numpy sees."""

    def __init__(self, values: list[Any], dtype: type | None = None) -> None:
        self.values, self.dtype = values, dtype

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self.values, dtype or self.dtype)


def one(values: Any, **options: Any) -> torch.Tensor:
    return normalise_labels({"digit": values}, 4, MODEL, **options)["digit"]


@pytest.mark.parametrize(
    "values",
    [
        [2, 0, -1, 1],
        [2, 0, None, 1],
        [2, 0, NAN, 1],
        [2, 0, NA(), 1],
        (2.0, 0.0, None, 1.0),
        np.array([2, 0, -1, 1], np.int8),
        np.array([2, 0, NAN, 1], np.float32),
        np.array([2.0, 0, -1, 1]),
        np.array([np.int64(2), 0.0, None, 1], object),
        np.ma.masked_array([2, 0, 0, 1], [False, False, True, False]),
        np.ma.masked_array([2.0, 0.0, 0.0, 1.0], [False, False, True, False]),
        np.ma.masked_array([2, 0, -1, 1]),
        torch.tensor([2, 0, -1, 1], dtype=torch.int32),
        torch.tensor([2, 0, NAN, 1], requires_grad=True),
        torch.tensor([2, 0, NAN, 1], dtype=torch.bfloat16),
        Series([2, 0, NAN, 1]),
        Series([2, 0, NA(), 1], object),
    ],
)
def test_discrete_labels_of_every_form_are_the_same(values: Any) -> None:
    normal = one(values)
    assert normal.dtype == torch.int64
    assert normal.tolist() == [2, 0, -1, 1]


@pytest.mark.parametrize(
    "values",
    [
        [0.5, NAN, -1.0],
        [0.5, None, -1],
        np.array([0.5, NAN, -1], np.float16),
        torch.tensor([0.5, NAN, -1], dtype=torch.float64),
        Series([0.5, NA(), -1], object),
    ],
)
def test_real_labels_of_every_form_are_the_same_and_minus_one_is_a_value(values: Any) -> None:
    normal = normalise_labels({"light": values}, 3, MODEL)["light"]
    torch.testing.assert_close(normal, torch.tensor([0.5, NAN, -1]), equal_nan=True)


def test_real_labels_may_have_axes_and_integers_are_real_numbers() -> None:
    values = [[1, 2], [-1, 0]]
    normal = normalise_labels({"light": values}, 2, MODEL)["light"]
    assert normal.dtype == torch.float32
    assert normal.tolist() == values


def test_the_tensors_do_not_share_memory_with_the_labels() -> None:
    digit, light = np.array([0, 1, 2, -1]), np.zeros(4, np.float32)
    normal = normalise_labels({"digit": digit, "light": light}, 4, MODEL)
    digit[:], light[:] = 7, 7
    assert normal["digit"].tolist() == [0, 1, 2, -1]
    assert normal["light"].tolist() == [0] * 4


def test_no_labels_are_no_error() -> None:
    assert normalise_labels({}, 4, MODEL) == {}


@pytest.mark.parametrize(
    ("values", "match"),
    [
        ([0, 1, 2], "'digit' has 3 labels, but the data have 4 rows"),
        (1, "'digit' has no labels, but the data have 4 rows"),
        ([0, 1, 2, 3], r"'digit' in row 3 is 3: 'digit' has 3 classes, 0\.\.2"),
        ([0, 1, -2, -3], r"'digit' in row 2 \(and 1 more\) is -2: 'digit' has 3 classes"),
        ([0, 1, 2, 1.5], r"'digit' in row 3 is 1.5: 'digit' is discrete: its labels are the whole numbers 0\.\.2"),
        ([0, 1, 2, float("inf")], "'digit' in row 3 is inf: 'digit' is discrete"),
        ([-1, -1, -1, -1], "no row is labelled for 'digit'; leave it out to train without labels"),
        ([None, None, NAN, NA()], "no row is labelled for 'digit'; leave it out"),
        ([True, False, True, True], "labels of 'digit' must be numbers, got bool: write 0 and 1"),
        ([True, None, 1, 2], r"must be numbers, got bool \(True in row 0\): write 0 and 1"),
        (torch.tensor([True] * 4), "must be numbers, got bool"),
        (["0", "1", "2", "0"], "must be numbers, got str.*: number the classes"),
        ([0, None, "1", 2], r"must be numbers, got str \('1' in row 2\): number the classes"),
        ([[0], [1], [2], [0]], r"'digit' have the shape \(4, 1\).*one class a row"),
        ([[0], [1, 2], [2], [0]], "labels of 'digit' do not form an array"),
        ([0, 1, 1, -1], "no row is labelled with class 2 of 'digit'.*missing_class='allow'"),
        ([1, 1, 1, 1], "no row is labelled with classes 0, 2 of 'digit'"),
    ],
)
def test_wrong_discrete_labels_are_refused(values: Any, match: str) -> None:
    one([0, 1, 2, -1])
    with pytest.raises(DataError, match=match):
        one(values)


@pytest.mark.parametrize(
    ("values", "match"),
    [
        ([0.5, float("inf")], "'light' in row 1 is inf: a real label must be finite"),
        ([0.5, 1e300], r"'light' in row 1 is 1e\+300: a real label must be finite in float32"),
        ([[0.5, NAN], [0.5, 0.5]], r"'light' in row 0 is \[0.5 nan\]: a row is labelled as a whole or not at all"),
        ([NAN, None], "no row is labelled for 'light'"),
        (np.zeros((2, 0)), "no row is labelled for 'light'"),
        ([3, -1], "'light' in row 1 is -1: a real label may be -1, but in integers it may also mean none: give floats"),
        ([True, False], "labels of 'light' must be numbers, got bool"),
        (np.array(["2020-01-01"] * 2, "datetime64[D]"), "must be numbers, got datetime64"),
    ],
)
def test_wrong_real_labels_are_refused(values: Any, match: str) -> None:
    normalise_labels({"light": [0.5, NAN]}, 2, MODEL)
    with pytest.raises(DataError, match=match):
        normalise_labels({"light": values}, 2, MODEL)


@pytest.mark.parametrize(
    ("name", "hint"), [("digits", r"Did you mean 'digit'\?"), ("colour", "Known: 'digit', 'light'")]
)
def test_labels_of_an_unknown_variable_are_refused(name: str, hint: str) -> None:
    with pytest.raises(DataError, match=f"'{name}', which is not a variable of the model. {hint}"):
        normalise_labels({name: [0, 1, 2, 0]}, 4, MODEL)


def test_a_class_without_a_labelled_row_can_be_allowed() -> None:
    assert one([1, 1, -1, -1], missing_class="allow").tolist() == [1, 1, -1, -1]
    unchecked: Any = inspect.unwrap(normalise_labels)  # what a user without a type checker calls
    with pytest.raises(OptionError, match="missing_class must be 'error' or 'allow', got 'ignore'"):
        unchecked({"digit": [0, 1, 2, -1]}, 4, MODEL, missing_class="ignore")


def test_unlabelled_classes() -> None:
    labels = {"digit": torch.tensor([1, -1]), "count": torch.tensor([1, 0]), "light": torch.tensor([0.5, NAN])}
    cardinalities = {"digit": 3, "count": 2, "light": None, "style": None, "person": 9}
    assert unlabelled_classes(labels, cardinalities) == {"digit": [0, 2]}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([[0, -1], [-2, 3]]), [[False, True], [False, False]]),
        (np.array([255, 1], np.uint8), [False, False]),
        (np.array([-1.0, NAN]), [False, True]),
        (torch.tensor([-1, 0]), [True, False]),
        ([None, NA(), NAN, -1, 2, "a"], [True, True, True, True, False, False]),
        (["a", "b"], [False, False]),
        ([], []),
    ],
)
def test_missing(values: Any, expected: list[Any]) -> None:
    mask = missing(values)
    assert mask.dtype == np.bool_
    assert mask.tolist() == expected


def test_what_is_masked_is_missing() -> None:
    mask = np.array([[False, False], [True, True]])
    light = normalise_labels({"light": np.ma.masked_array([[1, 2], [3, 4]], mask)}, 2, MODEL)["light"]
    torch.testing.assert_close(light, torch.tensor([[1.0, 2.0], [NAN, NAN]]), equal_nan=True)
    np.testing.assert_array_equal(missing(np.ma.masked_array([3, -1, 3], [False, False, True])), [False, True, True])
    for values, match in (([True, False], "got bool"), (["a", "b"], "got str")):
        with pytest.raises(DataError, match=match):
            normalise_labels({"light": np.ma.masked_array(values, [False, True])}, 2, MODEL)
