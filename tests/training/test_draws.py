"""Labelled rows are drawn without replacement, evenly over groups, and as a function of the position."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from unbraid.training.draws import LabelledDraws, seeded_generator

sizes = st.lists(st.integers(1, 7), min_size=1, max_size=5)


def groups_of(lengths: list[int]) -> list[torch.Tensor]:
    """Row numbers 0, 1, ... cut into groups."""
    return list(torch.arange(sum(lengths)).split(lengths))


@given(sizes, st.integers(0, 60), st.integers(0, 5))
def test_rows_of_a_group_are_seen_equally_often_within_one(lengths: list[int], count: int, seed: int) -> None:
    groups = groups_of(lengths)
    seen = LabelledDraws(groups, seed).take(0, count).bincount(minlength=sum(lengths))
    for group in groups:
        assert seen[group].max() - seen[group].min() <= 1
    totals = torch.stack([seen[group].sum() for group in groups])
    assert totals.max() - totals.min() <= 1


@given(sizes, st.integers(0, 40), st.integers(0, 20), st.integers(0, 20))
def test_a_draw_is_a_function_of_its_position(lengths: list[int], start: int, first: int, second: int) -> None:
    groups = groups_of(lengths)
    draws = LabelledDraws(groups, seed=3)
    apart = torch.cat([draws.take(start, first), draws.take(start + first, second)])
    assert torch.equal(apart, LabelledDraws(groups, seed=3).take(start, first + second))


def test_each_pass_has_another_order_and_each_seed_another() -> None:
    rows = [torch.arange(50)]
    passes = LabelledDraws(rows, 0).take(0, 100).split(50)
    assert not torch.equal(*passes)
    assert not torch.equal(passes[0], LabelledDraws(rows, 1).take(0, 50))


def test_generators_differ_by_seed_and_purpose() -> None:
    seeds = [
        seeded_generator(*each).initial_seed() for each in ((0, "a"), (1, "a"), (0, "b"), (0, "a", 1), (0, "a", 2))
    ]
    assert len(set(seeds)) == 5
    assert seeded_generator(0, "a").initial_seed() == seeds[0]
