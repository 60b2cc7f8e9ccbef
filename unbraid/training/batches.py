"""The sweep: in which batches, labelled and unlabelled, an epoch goes through the rows."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import torch
from jaxtyping import Int64
from torch import Tensor

from unbraid.errors import DataError, OptionError
from unbraid.training.draws import LabelledDraws, seeded_generator
from unbraid.training.plan import SupervisionPlan


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """The rows of one step.

    Attributes:
        unlabelled: rows to be seen without their labels, or None.
        labelled: rows to be seen with their labels, or None.
        weight: what the mean over these rows counts, where they are a part of a batch that several processes share.
    """

    unlabelled: Int64[Tensor, " unlabelled"] | None = None
    labelled: Int64[Tensor, " labelled"] | None = None
    weight: float = 1.0

    def __len__(self) -> int:
        return sum(len(rows) for rows in (self.unlabelled, self.labelled) if rows is not None)

    def share(self, rank: int, size: int) -> Batch:
        """Returns the part of one of several processes: every size-th unlabelled and every size-th labelled row.

        Each row is in exactly one part. A part's weight w makes the mean over the processes of w times their mean over
        rows the mean over the rows of the whole batch. All processes must take part in a step: where a batch has no
        row for one, it takes the first row, at weight 0.

        Args:
            rank: the number of the process, from 0.
            size: how many processes there are.

        Example:
            >>> Batch(torch.arange(5), torch.arange(5, 8)).share(1, 2)
            Batch(unlabelled=tensor([1, 3]), labelled=tensor([6]), weight=0.75)
        """
        if size == 1:
            return self
        unlabelled, labelled = (
            rows[rank::size].contiguous() if rows is not None and len(rows) > rank else None
            for rows in (self.unlabelled, self.labelled)
        )
        part = Batch(unlabelled, labelled)
        if not len(part):
            one, other = (rows[:1] if rows is not None else None for rows in (self.unlabelled, self.labelled))
            return Batch(one, None, 0.0) if one is not None else Batch(None, other, 0.0)
        return Batch(unlabelled, labelled, len(part) * size / len(self))


def sweep(
    plan: SupervisionPlan,
    batch_size: int,
    labelled_batch_size: int,
    rate: float,
    epoch: int,
    seed: int,
    *,
    mixed: bool = False,
    balanced: str | None = None,
    unlabelled: Literal["all", "unlabelled"] = "all",
) -> Iterator[Batch]:
    """Goes through the data once.

    Every unlabelled row is seen once, in an order drawn for the epoch. After g unlabelled batches, counted from the
    first epoch on, floor(rate * g) labelled batches were seen: a rate of 0.1 puts one after each ten, a rate of 2 two
    after each, and what does not fit into one epoch is made up for in the next. Labelled rows are drawn without
    replacement until all were seen, across batches and epochs, and a labelled batch never has more rows than are
    labelled. All is a function of the seed and the epoch: a resumed run sees the batches it would have seen.

    Where there is nothing unlabelled to see (`unlabelled="unlabelled"` and every row labelled), a sweep sees every
    labelled row once, whatever the rate.

    References:
        Siddharth et al., "Learning Disentangled Representations in Deep Generative Models" (2017), section 3,
        "Supervision rate".

    Args:
        plan: which rows are labelled.
        batch_size: rows in an unlabelled batch; the last one of a sweep may have fewer, or one more: a row that would
            be alone joins the batch before it, for layers that normalise over a batch need two.
        labelled_batch_size: rows in a labelled batch.
        rate: labelled batches for each unlabelled one.
        epoch: the number of the sweep, from 0.
        seed: of the run.
        mixed: whether an unlabelled batch and the first labelled one after it are one step.
        balanced: the discrete variable whose classes labelled batches hold in equal parts; rows that are labelled, but
            not for this variable, count as a class.
        unlabelled: the rows seen without labels: 'all' (a labelled row too, its labels hidden) or those without any.

    Returns:
        The batches: row numbers, on the CPU.

    Raises:
        OptionError: a size is below 1, the rate or the epoch negative, an option unknown, or `balanced` not
            discrete.
        DataError: the variable to balance has no labels.
    """
    source = _source(plan, unlabelled)
    _check(plan, batch_size, labelled_batch_size, rate, epoch)
    draws = LabelledDraws(_groups(plan, balanced), seed)
    if not len(source):
        return _labelled_only(draws, len(plan.labelled_rows), labelled_batch_size, epoch)
    order = source[torch.randperm(len(source), generator=seeded_generator(seed, "unlabelled", epoch))]
    batches = in_batches(order, batch_size)
    counts = _labelled_counts(plan, len(batches), rate, epoch)
    size = min(labelled_batch_size, len(plan.labelled_rows))
    return _interleaved(batches, counts, draws, size, mixed)


def steps_per_sweep(
    plan: SupervisionPlan,
    batch_size: int,
    labelled_batch_size: int,
    rate: float,
    epoch: int,
    *,
    mixed: bool = False,
    unlabelled: Literal["all", "unlabelled"] = "all",
) -> int:
    """Counts the batches of a sweep; the arguments are those of `sweep`.

    Returns:
        How many batches `sweep` gives in this epoch.

    Raises:
        OptionError: see `sweep`.
    """
    rows = _unlabelled_count(plan, unlabelled)
    _check(plan, batch_size, labelled_batch_size, rate, epoch)
    if not rows:
        return count_batches(len(plan.labelled_rows), labelled_batch_size)
    batches = count_batches(rows, batch_size)
    counts = _labelled_counts(plan, batches, rate, epoch)[1]
    return batches + sum(max(0, each - 1) if mixed else each for each in counts)


def _interleaved(
    batches: Sequence[Tensor], counts: tuple[int, list[int]], draws: LabelledDraws, size: int, mixed: bool
) -> Iterator[Batch]:
    """Puts the labelled batches after the unlabelled ones that they belong to."""
    before, after_each = counts
    drawn = iter(draws.take(before * size, sum(after_each) * size).reshape(-1, max(size, 1)))
    for rows, count in zip(batches, after_each, strict=True):
        labelled = [next(drawn) for _ in range(count)]
        yield Batch(rows, labelled.pop(0) if mixed and labelled else None)
        yield from (Batch(labelled=each) for each in labelled)


def _labelled_only(draws: LabelledDraws, rows: int, size: int, epoch: int) -> Iterator[Batch]:
    """Goes through the labelled rows once."""
    return (Batch(labelled=each) for each in in_batches(draws.take(epoch * rows, rows), size))


def _labelled_counts(plan: SupervisionPlan, batches: int, rate: float, epoch: int) -> tuple[int, list[int]]:
    """Counts the labelled batches before the sweep, and after each of its unlabelled ones."""
    exact = Fraction(rate).limit_denominator(10**9) if plan.variables else Fraction(0)  # 0.3 is 3/10, and 0.333... 1/3
    before = [math.floor(exact * each) for each in range(epoch * batches, (epoch + 1) * batches + 1)]
    return before[0], [after - earlier for earlier, after in itertools.pairwise(before)]


def _groups(plan: SupervisionPlan, balanced: str | None) -> list[Tensor]:
    """Returns the labelled rows in the groups that they are drawn from evenly."""
    if balanced is None:
        return [plan.labelled_rows]
    labels = plan.labels_of(balanced)
    if not labels.discrete:
        raise OptionError(f"'{balanced}' has no classes to balance: name a discrete variable, or balance none")
    others = plan.labelled_rows[torch.isin(plan.labelled_rows, labels.rows, invert=True)]
    return labels.by_class() + ([others] if len(others) else [])


def _source(plan: SupervisionPlan, unlabelled: str) -> Int64[Tensor, " rows"]:
    """Returns the rows to be seen without labels."""
    if unlabelled == "all":
        return torch.arange(plan.rows)
    if unlabelled == "unlabelled":
        return plan.unlabelled_rows
    raise OptionError(f"the rows seen without labels must be 'all' or 'unlabelled', got {unlabelled!r}")


def _unlabelled_count(plan: SupervisionPlan, unlabelled: str) -> int:
    """Counts the rows to be seen without labels, without listing them."""
    if unlabelled not in ("all", "unlabelled"):
        return len(_source(plan, unlabelled))
    return plan.rows - (len(plan.labelled_rows) if unlabelled == "unlabelled" else 0)


def in_batches(rows: Int64[Tensor, " rows"], size: int) -> list[Int64[Tensor, " batch"]]:
    """Cuts rows into batches, none of which is a single row where it can be helped."""
    batches = list(rows.split(size))
    if len(batches) > count_batches(len(rows), size):
        batches[-2:] = [torch.cat(batches[-2:])]
    return batches


def count_batches(rows: int, size: int) -> int:
    """Counts the batches that `in_batches` makes."""
    joins = size > 1 and rows > 1 and rows % size == 1
    return math.ceil(rows / size) - joins


def _check(plan: SupervisionPlan, batch_size: int, labelled_batch_size: int, rate: float, epoch: int) -> None:
    """Raises an error where the numbers make no sweep."""
    for name, size in {"batch_size": batch_size, "labelled_batch_size": labelled_batch_size}.items():
        if size < 1:
            raise OptionError(f"{name} must be at least 1, got {size}")
    if not (math.isfinite(rate) and rate >= 0):
        raise OptionError(f"the supervision rate must be 0 or more labelled batches an unlabelled one, got {rate}")
    if epoch < 0:
        raise OptionError(f"epochs are counted from 0, got {epoch}")
    if plan.rows < 1:
        raise DataError("there are no rows to go through")
