"""Swap tests of trained models: does a classifier that never met the model see what was set, and all else kept?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from experiments.measure import Found, attempt, evenly
from experiments.table import Measure, Measures
from experiments.views import Blur
from unbraid.data import Rows
from unbraid.evaluation import Judge, SwapTest, swap_test, train_judge
from unbraid.evaluation.swap import Outcome, Share, Swapper


def swaps(
    model: Swapper,
    train: Rows,
    test: Rows,
    values: Mapping[str, Sequence[Any]],
    *,
    keep: Sequence[str] = (),
    directions: Sequence[str] = (),
    epochs: int = 5,
    width: int = 32,
    most: int = 500,
    judge_views: Blur | None = None,
) -> Found:
    """Sets one factor after another, and has the images judged.

    Args:
        model: What makes the analogies.
        train: Rows to train the judge on, with all of their labels. The same rows have the same judge.
        test: Rows whose factors are set.
        values: By factor: what it is set to.
        keep: Factors that are not set, and must be kept too.
        directions: Which of them are directions.
        epochs: Of the judge.
        width: Of the judge: channels of its first layer.
        most: How many test rows are looked at, evenly spaced.
        judge_views: Of the judge: what models draw otherwise than rows are.

    Returns:
        `swap_FACTOR_shown`, `swap_FACTOR_kept_OTHER`, and `judge_FACTOR`, which is the same judge on the rows
        themselves. They are shares of right images, 1 at best; of real factors they are deviations, 0 at best, and
        end in `_angle` (degrees) or `_deviation` (in the units of the labels).
    """
    names = (*values, *keep)
    judge = judge_of(train, names, epochs, width, judge_views)
    rows = evenly(test, most)
    labels = {name: rows.labels[name] for name in names}
    found = Found()
    for factor, each in values.items():

        def tested(factor: str = factor, each: Sequence[Any] = each) -> dict[str, float]:
            done = swap_test(model, rows.images, labels, judge, factor=factor, values=each, directions=directions)
            return numbers(done, directions)

        found |= attempt(f"swap_{factor}", tested)
    return found


@lru_cache(maxsize=1)
def judge_of(train: Rows, factors: tuple[str, ...], epochs: int, width: int, judge_views: Blur | None = None) -> Judge:
    """Trains a judge of some factors, once a process for the same rows."""
    labels = {name: train.labels[name] for name in factors}
    return train_judge(train.images, labels, epochs=epochs, width=width, views=judge_views)


def numbers(found: SwapTest, directions: Sequence[str] = ()) -> dict[str, float]:
    """Names the numbers of a swap test for a record."""
    outcomes = {f"swap_{found.factor}_shown": (found.factor, found.shown)}
    outcomes |= {f"swap_{found.factor}_kept_{name}": (name, outcome) for name, outcome in found.kept.items()}
    outcomes |= {f"judge_{name}": (name, outcome) for name, outcome in found.read.items()}
    return dict(_number(text, outcome, name in directions) for text, (name, outcome) in outcomes.items())


def _number(name: str, outcome: Outcome, direction: bool) -> tuple[str, float]:
    """Returns a name that says what the number is, and the number."""
    if isinstance(outcome, Share):
        return name, outcome.share
    return f"{name}_{'angle' if direction else 'deviation'}", outcome.mean


def digits_shown(labels: Sequence[int | str], rate: float = 1.0) -> Measures:
    """Declares the table of swapped digits, by labels in all, at a supervision rate."""
    shown = (Measure(f"labels {each}", "swap_digit_shown", "percent", {"labels": each}) for each in labels)
    return Measures(
        "Analogies in which an independent classifier reads the digit that was set; beside it, test rows that it reads",
        (*shown, Measure("real rows", "judge_digit", "percent")),
        where={"rate": rate},
    )
