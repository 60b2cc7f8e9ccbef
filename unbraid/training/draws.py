"""Endless draws of labelled rows without replacement, each a function of its position alone."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import torch
from jaxtyping import Int64
from torch import Tensor


def seeded_generator(seed: int, *purpose: str | int) -> torch.Generator:
    """Makes a generator on the CPU whose numbers depend on a seed and on what they are for.

    Args:
        seed: of the run.
        purpose: names and numbers, such as an epoch; another purpose gives unrelated numbers.

    Returns:
        A new generator.

    Example:
        >>> torch.rand((), generator=seeded_generator(0, "noise", 3)).item() == torch.rand(
        ...     (), generator=seeded_generator(0, "noise", 3)
        ... ).item()
        True
    """
    name = "/".join(map(str, (seed, *purpose)))
    number = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little")
    return torch.Generator().manual_seed(number >> 1)


class LabelledDraws:
    """An endless order of labelled rows: all are seen once, in random order, before any is seen again.

    With several groups of rows (classes), each round takes one row of every group, in random order, and each group's
    rows are drawn without replacement. What stands at a position depends on the seed and the position only, so a
    resumed run goes on exactly without a stored state.

    Args:
        groups: the rows, one tensor a group; none empty.
        seed: of the run.
    """

    def __init__(self, groups: Sequence[Tensor], seed: int) -> None:
        self._groups = list(groups)
        self._seed = seed

    def take(self, start: int, count: int) -> Int64[Tensor, " count"]:
        """Returns the rows at the positions start, ..., start + count - 1."""
        positions = torch.arange(start, start + count)
        rounds = positions // len(self._groups)
        chosen = self._choose(positions, rounds)
        rows = torch.empty(count, dtype=torch.int64)
        for group in chosen.unique().tolist():
            here = chosen == group
            rows[here] = self._take_from(group, rounds[here])
        return rows

    def _choose(self, positions: Int64[Tensor, " count"], rounds: Int64[Tensor, " count"]) -> Int64[Tensor, " count"]:
        """Says which group stands at each position: every round has every group once."""
        size = len(self._groups)
        if size == 1 or not len(positions):
            return torch.zeros_like(positions)
        first, last = int(rounds[0]), int(rounds[-1])
        orders = [
            torch.randperm(size, generator=seeded_generator(self._seed, "groups", each))
            for each in range(first, last + 1)
        ]
        return torch.cat(orders)[positions - first * size]

    def _take_from(self, group: int, turns: Int64[Tensor, " turns"]) -> Int64[Tensor, " turns"]:
        """Returns the rows that a group gives at its turns, which follow each other."""
        size = len(self._groups[group])
        first, last = int(turns[0]) // size, int(turns[-1]) // size
        orders = [self._order(group, each) for each in range(first, last + 1)]
        return torch.cat(orders)[turns - first * size]

    def _order(self, group: int, number: int) -> Int64[Tensor, " rows"]:
        """Returns a group's rows in the order of one pass."""
        rows = self._groups[group]
        return rows[torch.randperm(len(rows), generator=seeded_generator(self._seed, "labelled", group, number))]
