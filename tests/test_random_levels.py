"""Whole numbers of 16 bits: each as probable as another, and a function of the generator."""

from __future__ import annotations

import pytest
import torch

from unbraid.random_levels import LEVELS, random_levels

CPU = torch.device("cpu")


def drawn(*shape: int, dtype: torch.dtype = torch.float32, seed: int = 0) -> torch.Tensor:
    return random_levels(shape, dtype, CPU, torch.Generator().manual_seed(seed))


def test_all_levels_occur_alike_in_every_place_of_four() -> None:
    levels = drawn(250_000, 4)
    assert torch.equal(levels, levels.round())
    assert 0 <= levels.min() < 3
    assert LEVELS - 4 < levels.max() <= LEVELS - 1
    counts = torch.stack([torch.histc(each, 64, 0, LEVELS) for each in levels.unbind(1)])
    expected = len(levels) / 64
    assert (((counts - expected) ** 2 / expected).sum(1) < 63 + 5 * (2 * 63) ** 0.5).all()  # chi square, 63 degrees


def test_neighbours_know_nothing_of_each_other() -> None:
    levels = (drawn(250_000, 4) / LEVELS - 0.5).double()
    together = torch.corrcoef(levels.T).fill_diagonal_(0)
    assert together.abs().max() < 5 / len(levels) ** 0.5


@pytest.mark.parametrize("shape", [(), (1,), (3,), (2, 5), (0, 4)])
def test_any_shape(shape: tuple[int, ...]) -> None:
    assert drawn(*shape).shape == shape


def test_the_generator_decides() -> None:
    assert torch.equal(drawn(9, seed=1), drawn(9, seed=1))
    assert not torch.equal(drawn(9, seed=1), drawn(9, seed=2))


@pytest.mark.parametrize(
    ("dtype", "found"),
    [(torch.float64, torch.float64), (torch.bfloat16, torch.float32), (torch.float16, torch.float32)],
)
def test_a_type_that_cannot_hold_them_gives_single_precision(dtype: torch.dtype, found: torch.dtype) -> None:
    assert drawn(4, dtype=dtype).dtype == found
