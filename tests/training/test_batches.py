"""The laws of the sweep: every row, the exact rate, and the same batches after a resume."""

import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import chain
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from unbraid.errors import DataError, OptionError
from unbraid.training.batches import Batch, steps_per_sweep, sweep
from unbraid.training.plan import SupervisionPlan

rates = st.sampled_from([0.0, 0.01, 0.1, 0.3, 1 / 3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.3])


def plan_of(rows: int, labelled: int, classes: int = 3) -> SupervisionPlan:
    """A plan with labels of the first rows."""
    digit = torch.arange(rows) % classes
    digit[labelled:] = -1
    return SupervisionPlan.of({"digit": digit}, rows)


@st.composite
def sweeps(draw: st.DrawFn) -> dict[str, Any]:
    """The arguments of a sweep, without its epoch."""
    rows = draw(st.integers(1, 40))
    return {
        "plan": plan_of(rows, draw(st.integers(0, rows))),
        "batch_size": draw(st.integers(1, 12)),
        "labelled_batch_size": draw(st.integers(1, 12)),
        "rate": draw(rates),
        "seed": draw(st.integers(0, 3)),
        "mixed": draw(st.booleans()),
        "unlabelled": draw(st.sampled_from(["all", "unlabelled"])),
    }


def epochs(count: int, **options: Any) -> list[list[Batch]]:
    """The batches of the first epochs."""
    return [list(sweep(epoch=each, **options)) for each in range(count)]


def rows_of(batches: Sequence[Batch], kind: str) -> list[list[int]]:
    """The rows of each batch that has any of one kind."""
    found = [getattr(each, kind) for each in batches]
    return [each.tolist() for each in found if each is not None]


@given(sweeps())
def test_every_unlabelled_row_is_seen_once_a_sweep(options: dict[str, Any]) -> None:
    plan = options["plan"]
    source = list(range(plan.rows)) if options["unlabelled"] == "all" else plan.unlabelled_rows.tolist()
    for batches in epochs(3, **options):
        seen = rows_of(batches, "unlabelled")
        assert sorted(chain.from_iterable(seen)) == source
        assert all(len(each) == options["batch_size"] for each in seen[:-1])
        assert not seen or len(seen[-1]) <= options["batch_size"] + 1


@given(sweeps())
def test_labelled_rows_are_seen_equally_often_within_one_across_sweeps(options: dict[str, Any]) -> None:
    plan = options["plan"]
    drawn: list[int] = []
    for batches in epochs(3, **options):
        for each in rows_of(batches, "labelled"):
            drawn += each
            counts = torch.tensor(drawn).bincount(minlength=plan.rows)[plan.labelled_rows]
            assert counts.max() - counts.min() <= 1
            assert len(each) <= options["labelled_batch_size"]
    assert set(drawn) <= set(plan.labelled_rows.tolist())


@given(sweeps())
def test_the_rate_is_exact_at_every_step(options: dict[str, Any]) -> None:
    if not options["plan"].variables or (
        options["unlabelled"] == "unlabelled" and not len(options["plan"].unlabelled_rows)
    ):
        return
    rate = Fraction(options["rate"]).limit_denominator(1000)
    unlabelled = labelled = 0
    for batch in chain.from_iterable(epochs(4, **options)):
        if batch.unlabelled is not None:
            assert labelled == math.floor(rate * unlabelled)  # what was due came before
            unlabelled += 1
        labelled += batch.labelled is not None
    assert labelled == math.floor(rate * unlabelled)


@given(sweeps())
def test_steps_are_counted_as_they_come(options: dict[str, Any]) -> None:
    counted = {key: value for key, value in options.items() if key != "seed"}
    for number, batches in enumerate(epochs(3, **options)):
        assert steps_per_sweep(epoch=number, **counted) == len(batches)
        for batch in batches:
            kinds = (batch.unlabelled is not None) + (batch.labelled is not None)
            assert kinds == 1 or (options["mixed"] and kinds == 2)


@given(sweeps(), st.booleans())
def test_a_resumed_run_sees_the_batches_it_would_have_seen(options: dict[str, Any], balanced: bool) -> None:
    if balanced and options["plan"].variables:
        options = options | {"balanced": "digit"}
    continued = epochs(4, **options)[3]
    resumed = list(sweep(epoch=3, **options))
    assert rows_of(resumed, "unlabelled") == rows_of(continued, "unlabelled")
    assert rows_of(resumed, "labelled") == rows_of(continued, "labelled")


def kinds(batches: Sequence[Batch]) -> str:
    """Writes the kinds of batches: u, l, and b for both."""
    names = {(True, False): "u", (False, True): "l", (True, True): "b"}
    return "".join(names[each.unlabelled is not None, each.labelled is not None] for each in batches)


@pytest.mark.parametrize(
    ("rate", "mixed", "expected"),
    [
        (0.1, False, "uuuuuuuuuul" * 2),
        (0.1, True, "uuuuuuuuub" * 2),
        (2.0, False, "ull" * 20),
        (2.0, True, "bl" * 20),
        (1.0, True, "b" * 20),
        (1.5, False, "ulull" * 10),
        (0.0, False, "u" * 20),
    ],
)
def test_labelled_batches_are_spread_evenly(rate: float, mixed: bool, expected: str) -> None:
    assert kinds(list(sweep(plan_of(80, 8), 4, 4, rate, 0, 0, mixed=mixed))) == expected


def test_a_rate_below_one_batch_a_sweep_is_made_up_for() -> None:
    counts = [kinds(each).count("l") for each in epochs(10, plan=plan_of(20, 4), batch_size=4, labelled_batch_size=2,
                                                        rate=0.1, seed=0)]  # fmt: skip
    assert counts == [0, 1] * 5


def test_full_supervision_is_a_pass_through_the_labelled_rows() -> None:
    plan = plan_of(10, 10)
    for batches in epochs(3, plan=plan, batch_size=4, labelled_batch_size=4, rate=0.1, seed=0, unlabelled="unlabelled"):
        assert [len(each) for each in rows_of(batches, "labelled")] == [4, 4, 2]
        assert sorted(chain.from_iterable(rows_of(batches, "labelled"))) == list(range(10))


def test_no_labels_is_a_pass_through_all_rows() -> None:
    batches = list(sweep(plan_of(10, 0), 4, 4, 1.0, 0, 0))
    assert [len(each) for each in rows_of(batches, "unlabelled")] == [4, 4, 2]
    assert rows_of(batches, "labelled") == []


@pytest.mark.parametrize(
    ("rows", "size", "expected"), [(9, 4, [4, 5]), (5, 4, [5]), (8, 4, [4, 4]), (1, 4, [1]), (3, 1, [1, 1, 1])]
)
def test_a_row_that_would_be_alone_joins_the_batch_before(rows: int, size: int, expected: list[int]) -> None:
    for plan, kind in ((plan_of(rows, 0), "unlabelled"), (plan_of(rows, rows), "labelled")):
        batches = list(sweep(plan, size, size, 1.0, 0, 0, unlabelled="unlabelled"))
        assert [len(each) for each in rows_of(batches, kind)] == expected
        assert steps_per_sweep(plan, size, size, 1.0, 0, unlabelled="unlabelled") == len(expected)


def test_a_labelled_batch_has_no_more_rows_than_are_labelled() -> None:
    batches = rows_of(list(sweep(plan_of(40, 3), 10, 100, 1.0, 0, 0)), "labelled")
    assert [sorted(each) for each in batches] == [[0, 1, 2]] * 4


def test_unlabelled_rows_come_in_another_order_each_epoch_and_seed() -> None:
    orders = [
        rows_of(list(sweep(plan_of(50, 0), 50, 1, 0.0, *each)), "unlabelled") for each in ((0, 0), (1, 0), (0, 1))
    ]
    assert len({tuple(each[0]) for each in orders}) == 3


def test_classes_can_be_balanced() -> None:
    digit = torch.full((60,), -1)
    digit[:30] = torch.tensor([0] * 25 + [1] * 4 + [2])
    light = torch.full((60,), math.nan)
    light[30:32] = 0.5  # two rows labelled otherwise: a class of their own
    plan = SupervisionPlan.of({"digit": digit, "light": light}, 60)
    for batch in rows_of(list(sweep(plan, 6, 8, 1.0, 0, 0, balanced="digit")), "labelled"):
        assert digit[batch].sort().values.tolist() == [-1, -1, 0, 0, 1, 1, 2, 2]
    with pytest.raises(OptionError, match="'light' has no classes to balance"):
        sweep(plan, 6, 8, 1.0, 0, 0, balanced="light")
    with pytest.raises(DataError, match=r"no row is labelled for 'digits'\. Did you mean 'digit'"):
        sweep(plan, 6, 8, 1.0, 0, 0, balanced="digits")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batch_size": 0}, "batch_size must be at least 1, got 0"),
        ({"labelled_batch_size": -1}, "labelled_batch_size must be at least 1, got -1"),
        ({"rate": -0.1}, r"supervision rate must be 0 or more .* got -0\.1"),
        ({"rate": math.nan}, "supervision rate .* got nan"),
        ({"epoch": -1}, "counted from 0, got -1"),
        ({"plan": SupervisionPlan.of({}, 0)}, "no rows"),
    ],
)
def test_numbers_that_make_no_sweep_are_refused(change: dict[str, Any], message: str) -> None:
    fine: dict[str, Any] = {"plan": plan_of(9, 3), "batch_size": 3, "labelled_batch_size": 3, "rate": 1.0, "epoch": 0}
    for function, more in ((steps_per_sweep, {}), (sweep, {"seed": 0})):
        with pytest.raises((OptionError, DataError), match=message):
            function(**(fine | more | change))
    assert len(list(sweep(seed=0, **fine))) == steps_per_sweep(**fine) == 6


def test_an_unknown_source_is_refused() -> None:
    wrong: Any = "none"
    with pytest.raises((OptionError, TypeError), match="none"):  # the type checker of the tests may be the first
        sweep(plan_of(9, 3), 3, 3, 1.0, 0, 0, unlabelled=wrong)
    assert list(sweep(plan_of(9, 3), 3, 3, 1.0, 0, 0, unlabelled="unlabelled"))
