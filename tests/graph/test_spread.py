"""Spread values: rows, and the axes over which a value varies beside them."""

from __future__ import annotations

import pytest
import torch

from unbraid.graph.spread import SAMPLES, Spread, apply, apply_to_vectors, covers, union

VALUES = Spread(torch.randn(4, 1, 3), (0,))  # varies along axis 0, the same for all rows
ROWS = Spread(torch.randn(5, 3))
BOTH = Spread(torch.randn(2, 6, 5, 3), (1, SAMPLES))


def test_the_axes_of_several_values_are_newest_first() -> None:
    assert union([VALUES, ROWS, BOTH]) == (1, 0, SAMPLES)
    assert union([ROWS]) == ()


def test_aligning_adds_dimensions_of_size_one() -> None:
    assert VALUES.align((1, 0, SAMPLES)).shape == (1, 4, 1, 1, 3)
    assert BOTH.align((1, 0, SAMPLES)).shape == (2, 1, 6, 5, 3)
    assert BOTH.align(BOTH.axes) is BOTH.tensor


def test_shapes() -> None:
    assert (VALUES.rows, VALUES.event_shape) == (1, (3,))
    assert (BOTH.rows, BOTH.event_shape) == (5, (3,))


def test_selecting_rows_keeps_what_agrees() -> None:
    index = torch.tensor([4, 0])
    assert VALUES.select(index) is VALUES
    torch.testing.assert_close(BOTH.select(index).tensor, BOTH.tensor[:, :, [4, 0]])


def test_functions_see_axes_as_rows() -> None:
    seen = []

    def concatenated(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        seen.append((left.shape, right.shape))
        return torch.cat([left, right], 1)

    result = apply(concatenated, [VALUES, BOTH])
    assert seen == [((2 * 4 * 6 * 5, 3), (2 * 4 * 6 * 5, 3))]
    assert result.axes == (1, 0, SAMPLES)
    assert result.tensor.shape == (2, 4, 6, 5, 6)
    torch.testing.assert_close(result.tensor[1, 2, 3, 4], torch.cat([VALUES.tensor[2, 0], BOTH.tensor[1, 3, 4]]))


def test_elementwise_functions_broadcast() -> None:
    result = apply(torch.add, [VALUES, ROWS], elementwise=True)
    assert result.axes == (0,)
    torch.testing.assert_close(result.tensor, VALUES.tensor + ROWS.tensor)
    by_rows = apply(torch.add, [VALUES, ROWS])
    torch.testing.assert_close(by_rows.tensor, result.tensor)


def test_events_of_different_rank_are_not_broadcast_over_rows() -> None:
    """(rows, 3) + (rows, 2, 3) means what it means to torch, row by row."""
    left, right = Spread(torch.randn(2, 3)), Spread(torch.randn(2, 2, 3))
    result = apply(torch.add, [left, right], elementwise=True)
    torch.testing.assert_close(result.tensor, left.tensor + right.tensor)


def test_functions_of_vectors_see_flat_events_that_broadcast() -> None:
    images = Spread(torch.randn(5, 1, 2, 2))
    seen = []

    def summed(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        seen.append((left.shape, right.shape))
        return left.sum(-1, keepdim=True) + right.sum(-1, keepdim=True)

    result = apply_to_vectors(summed, [VALUES, images])
    assert seen == [((4, 1, 3), (1, 5, 4))]
    assert (result.axes, result.tensor.shape) == ((0,), (4, 5, 1))
    torch.testing.assert_close(result.tensor[2, 3, 0], VALUES.tensor[2].sum() + images.tensor[3].sum())


@pytest.mark.parametrize("other", [(), (3,), (1,), (2, 3), (1, 3), (2,), (1, 2, 3), (3, 3)], ids=str)
def test_a_shape_covers_what_broadcasts_to_it(other: tuple[int, ...]) -> None:
    try:
        fits = torch.broadcast_shapes((2, 3), other) == (2, 3)
    except RuntimeError:
        fits = False
    assert covers((2, 3), other) == fits
