"""Rows: their parts are rows again, and what is not rows is refused."""

from typing import Any

import numpy as np
import pytest
import torch

from unbraid.data import Rows
from unbraid.data.rows import _check_images, _check_labels
from unbraid.errors import DataError


def make(n: int = 6) -> Rows:
    images = torch.arange(n, dtype=torch.float32).reshape(n, 1, 1, 1).expand(n, 1, 2, 2) / 10
    return Rows(images, {"digit": np.arange(n), "light": np.linspace(0, 1, n)[:, None]}, name="ramp")


def test_length_and_text() -> None:
    assert len(make()) == 6
    assert repr(make()) == "Rows(name='ramp', images=(6, 1, 2, 2), labels=['digit', 'light'])"


@pytest.mark.parametrize(
    ("index", "expected"),
    [
        (slice(2), [0, 1]),
        (slice(None, None, -2), [5, 3, 1]),
        (slice(9, 10), []),
        (3, [3]),
        (np.int64(-1), [5]),
        ([4, 0, 4], [4, 0, 4]),
        ([], []),
        (range(2, 4), [2, 3]),
        (np.array([-1, 2]), [5, 2]),
        (torch.tensor([1, 5]), [1, 5]),
        (np.arange(6) > 3, [4, 5]),
        (torch.arange(6) < 1, [0]),
    ],
)
def test_any_index_gives_rows(index: Any, expected: list[int]) -> None:
    part = make()[index]
    assert isinstance(part, Rows)
    assert part.name == "ramp"
    assert part.labels["digit"].tolist() == expected
    assert part.labels["light"].shape == (len(expected), 1)
    torch.testing.assert_close(part.images[:, 0, 0, 0], torch.tensor(expected, dtype=torch.float32) / 10)


def test_a_slice_shares_memory_and_iteration_gives_single_rows() -> None:
    rows = make()
    assert rows[2:4].images.data_ptr() == rows.images[2:].data_ptr()
    assert [row.labels["digit"].item() for row in rows] == list(range(6))


def test_labels_of_several_steps_are_sliced_by_row() -> None:
    labels: dict[str, Any] = {"digit": np.arange(12).reshape(6, 2), "place": np.zeros((6, 2, 3), np.float32)}
    part = Rows(torch.zeros(6, 1, 2, 2), labels, name="pairs")[[1, 4]]
    assert part.labels["digit"].tolist() == [[2, 3], [8, 9]]
    assert part.labels["place"].shape == (2, 2, 3)
    with pytest.raises(DataError, match=r"labels 'digit' of 'pairs' have the shape \(6, 2\) for 5 images"):
        Rows(torch.zeros(5, 1, 2, 2), {"digit": labels["digit"]}, name="pairs")


@pytest.mark.parametrize("index", [6, [0, -7], torch.tensor([2, 6])])
def test_an_index_out_of_range_is_refused(index: Any) -> None:
    with pytest.raises(IndexError, match=r"row (6|-7) is out of range: there are 6 rows"):
        make()[index]


def test_a_wrong_mask_or_index_is_refused() -> None:
    with pytest.raises(IndexError, match=r"mask of the shape \(2,\) cannot choose among 6 rows"):
        make()[[True, False]]
    with pytest.raises(TypeError, match="rows are chosen by"):
        make()[[0.5]]
    with pytest.raises(TypeError, match="rows are chosen by"):
        make()[[[0]]]


@pytest.mark.parametrize(
    ("images", "match"),
    [
        (torch.zeros(2, 3, 3), r"shape \(rows, channels, height, width\), got \(2, 3, 3\)"),
        (torch.zeros(2, 1, 3, 3, dtype=torch.uint8), r"must be float32 in \[0, 1\], got torch.uint8"),
        (torch.full((2, 1, 3, 3), 255.0), r"must lie in \[0, 1\], got 255 to 255"),
        (torch.full((2, 1, 3, 3), torch.nan), r"must lie in \[0, 1\], got nan"),
    ],
)
def test_wrong_images_are_refused(images: Any, match: str) -> None:
    Rows(torch.zeros(2, 1, 3, 3), {}, name="good")
    with pytest.raises(DataError, match=match):
        Rows(images, {}, name="wrong")


@pytest.mark.parametrize(
    ("values", "match"),
    [
        (np.array(["a", "b"]), "must be integers or floats, got <U1"),
        (np.arange(3), r"have the shape \(3,\) for 2 images"),
        (np.array(3), r"have the shape \(\) for 2 images"),
        (np.ma.masked_array([0, 1], [False, True]), "'digit' of 'wrong' are masked in row 1: write -1 .* or NaN"),
    ],
)
def test_wrong_labels_are_refused(values: Any, match: str) -> None:
    Rows(torch.zeros(2, 1, 3, 3), {"digit": np.arange(2)}, name="good")
    with pytest.raises(DataError, match=match):
        Rows(torch.zeros(2, 1, 3, 3), {"digit": values}, name="wrong")


def test_wrong_types_are_refused_with_what_to_do() -> None:
    """Called below `Rows`, whose annotations the tests check at run time; a user's program does not."""
    with pytest.raises(DataError, match=r"images of 'wrong' must be a torch.Tensor, got ndarray: use torch.as_tensor"):
        _check_images(np.zeros((2, 1, 3, 3), np.float32), "wrong")
    with pytest.raises(DataError, match=r"labels .digit. of .wrong. must be a numpy array, got list: use numpy"):
        _check_labels("digit", [0, 1], 2, "wrong")
