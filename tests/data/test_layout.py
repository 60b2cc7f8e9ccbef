"""Layouts: dealt equally, placed inside the canvas without much overlap, in an order that can be seen."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from unbraid.data.layout import Order, deal, largest_overlap, ordered, spread_out
from unbraid.errors import DataError

FRAME = [-1.0, -1.0, 1.0, 1.0]


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def boxes_of(counts: NDArray[np.int64], steps: int = 3) -> NDArray[np.float64]:
    """Digits whose ink is the inner part of their frame, off its middle."""
    boxes = np.tile(np.array([-0.6, -0.7, 0.4, 0.7]), (len(counts), steps, 1))
    boxes[np.arange(steps) >= counts[:, None]] = np.nan
    return boxes


def test_counts_classes_and_images_are_dealt_equally() -> None:
    classes = np.repeat([0, 1, 2, 7], [3, 9, 5, 40])
    count, source = deal(classes, 202, (0, 1, 2, 3), 4, generator())
    assert sorted(np.bincount(count).tolist()) == [50, 50, 51, 51]
    assert ((source >= 0).sum(1) == count).all()
    assert (source[:, 3] == -1).all()
    for each in (1, 2, 3):
        shown = classes[source[count == each][:, :each]]
        assert np.ptp(np.bincount(shown.ravel(), minlength=8)[[0, 1, 2, 7]]) <= 1
    used = np.bincount(source[source >= 0], minlength=len(classes))
    for each in (0, 1, 2, 7):
        assert np.ptp(used[classes == each]) <= 1


def test_what_is_dealt_is_in_no_order() -> None:
    count, source = deal(np.arange(10), 400, (1, 2), 2, generator())
    assert abs(np.corrcoef(count, np.arange(400))[0, 1]) < 0.2
    both = source[count == 2]
    assert abs(np.corrcoef(both[:, 0], both[:, 1])[0, 1]) < 0.2


def test_overlap_is_the_share_of_the_smaller_box() -> None:
    boxes = np.array([[FRAME, FRAME], [FRAME, FRAME], [FRAME, [np.nan] * 4]])
    place = np.array(
        [[[0.5, 0.0, 0.0], [0.25, 0.5, 0.0]], [[0.2, -0.5, 0.0], [0.2, 0.5, 0.0]], [[0.5, 0.0, 0.0], [0.5, 0.0, 0.0]]]
    )
    np.testing.assert_allclose(largest_overlap(boxes, place), [0.5, 0, 0])
    np.testing.assert_allclose(largest_overlap(boxes[:, :1], place[:, :1]), [0, 0, 0])


@pytest.mark.parametrize("max_overlap", [0.0, 0.2, 1.0])
def test_digits_are_inside_and_overlap_no_more_than_allowed(max_overlap: float) -> None:
    boxes = boxes_of(np.resize(np.arange(4), 400))
    place = spread_out(boxes, (0.3, 0.6), max_overlap, generator())
    assert (np.isnan(place).all(2) == np.isnan(boxes[..., 0])).all()
    scale, centre = place[..., :1], place[..., 1:]
    assert np.nanmin(scale) >= 0.3
    assert np.nanmax(scale) <= 0.6
    assert np.nanmax(np.abs(centre) + scale) <= 1
    assert largest_overlap(boxes, place).max() <= max_overlap
    if max_overlap == 1:
        assert largest_overlap(boxes, place).max() > 0.9
        assert abs(np.nanmean(scale) - 0.45) < 0.01
        assert np.abs(np.nanmean(centre, axis=(0, 1))).max() < 0.05


def test_digits_shrink_where_they_would_not_fit() -> None:
    boxes = np.tile(np.array(FRAME), (20, 2, 1))
    place = spread_out(boxes, (0.3, 0.9), 0.0, generator())
    assert largest_overlap(boxes, place).max() == 0
    assert place[..., 0].sum(1).max() < 1  # two frames side by side are at most as wide as the canvas


def test_digits_that_never_fit_are_refused() -> None:
    boxes = np.tile(np.array(FRAME), (4, 3, 1))
    spread_out(boxes[:, :1], (0.9, 0.9), 0.0, generator())
    with pytest.raises(DataError, match=r"3 digits of scale 0.9 do not fit in 4 of 4 images after 100 tries with max_"):
        spread_out(boxes, (0.9, 0.9), 0.0, generator())


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("left_to_right", [2, 1, 0, -1]),  # 1 and 0 are one above the other
        ("top_to_bottom", [1, 0, 2, -1]),
        ("largest_first", [0, 2, 1, -1]),
        ("drawn", [0, 1, 2, -1]),
    ],
)
def test_orders(order: Order, expected: list[int]) -> None:
    place = np.array([[[0.6, 0.1, 0.0], [0.3, 0.1, -0.5], [0.5, -0.2, 0.4], [np.nan] * 3]])
    source, sorted_place = ordered(np.array([[0, 1, 2, -1]]), place, order)
    assert source[0].tolist() == expected
    np.testing.assert_array_equal(sorted_place[0], place[0, source[0]])
