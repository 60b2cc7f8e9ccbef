"""A supervision plan holds the labels of the labelled rows, exactly, and no others."""

import copy
import json
import pickle
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from unbraid.errors import DataError, OptionError, RunError
from unbraid.training.json_file import read_json, write_json
from unbraid.training.plan import SupervisionPlan

NAN = float("nan")


def some_labels() -> dict[str, Tensor]:
    """Labels of six rows: a digit in three of them, a direction in two, one of them the same row."""
    digit = torch.tensor([4, -1, -1, 2, -1, 4])
    light = torch.full((6, 3), NAN)
    light[1], light[3] = torch.tensor([0.1, -0.0, 1e-40]), torch.tensor([1 / 3, 2.5, -7.0])
    return {"light": light, "digit": digit, "style": torch.full((6,), NAN)}


def test_rows_are_labelled_where_any_variable_is() -> None:
    plan = SupervisionPlan.of(some_labels(), rows=6)
    assert plan.labelled_rows.tolist() == [0, 1, 3, 5]
    assert plan.unlabelled_rows.tolist() == [2, 4]
    assert list(plan.variables) == ["digit", "light"]


def test_a_batch_gets_the_labels_of_its_rows_in_their_order() -> None:
    labels = some_labels()
    plan = SupervisionPlan.of(labels, rows=6)
    rows = torch.tensor([5, 2, 3, 3, 1])
    batch = plan.labels_for(rows)
    assert batch["digit"].tolist() == [4, -1, 2, 2, -1]
    torch.testing.assert_close(batch["light"], labels["light"][rows], rtol=0, atol=0, equal_nan=True)
    assert list(plan.labels_for(torch.tensor([0, 5]))) == ["digit"]
    assert plan.labels_for(torch.tensor([4])) == {}
    assert plan.labels_for(torch.tensor([], dtype=torch.int64)) == {}


def test_the_labels_of_other_rows_cannot_be_reached() -> None:
    secret = torch.arange(1000, 2000)
    secret[5:] = -1
    plan = SupervisionPlan.of({"digit": secret}, rows=1000)
    secret[:] = 7  # the plan has copies, not views of what it was given
    values = plan.variables["digit"].values
    assert values.tolist() == [1000, 1001, 1002, 1003, 1004]
    assert values.untyped_storage().nbytes() == 5 * 8


def test_no_labels_and_all_labels() -> None:
    none = SupervisionPlan.of({}, rows=4)
    assert none.labelled_rows.tolist() == []
    assert none.unlabelled_rows.tolist() == [0, 1, 2, 3]
    assert none.describe() == "0 of 4 rows labelled"
    every = SupervisionPlan.of({"digit": torch.tensor([0, 1, 0, 1])}, rows=4)
    assert every.labelled_rows.tolist() == [0, 1, 2, 3]
    assert every.unlabelled_rows.tolist() == []
    assert SupervisionPlan.of({"digit": torch.zeros(0, dtype=torch.int64)}, rows=0).unlabelled_rows.tolist() == []


def test_it_says_what_is_labelled() -> None:
    digit = torch.full((60_000,), -1)
    digit[:100] = torch.arange(10).repeat(10)
    assert SupervisionPlan.of({"digit": digit}, 60_000).describe() == "100 of 60,000 rows labelled: digit (10 a class)"
    assert SupervisionPlan.of(some_labels(), 6).describe() == (
        "4 of 6 rows labelled: digit (0 to 2 a class), light (2 rows)"
    )
    one = torch.tensor([0.5, NAN])
    assert SupervisionPlan.of({"angle": one}, 2).describe() == "1 of 2 rows labelled: angle (1 row)"


@given(
    st.lists(st.none() | st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=20),
    st.lists(st.integers(-1, 5), min_size=20, max_size=20),
)
def test_json_gives_the_plan_back_exactly(reals: list[float | None], classes: list[int]) -> None:
    angle = torch.tensor([NAN if each is None else each for each in reals])
    labels = {"b": torch.tensor(classes[: len(reals)]), "a": angle, "c": angle.double() / 3}
    plan = SupervisionPlan.of(labels, rows=len(reals))
    back = SupervisionPlan.from_json(json.loads(json.dumps(plan.to_json(), allow_nan=False)))
    assert back.digest() == plan.digest()
    assert back.rows == plan.rows
    assert list(back.variables) == list(plan.variables)
    for name, kept in plan.variables.items():
        again = back.variables[name]
        assert torch.equal(again.rows, kept.rows)
        assert again.values.dtype == kept.values.dtype
        assert again.values.numpy().tobytes() == kept.values.numpy().tobytes()


def test_a_plan_in_a_file_is_the_same_plan(tmp_path: Path) -> None:
    plan = SupervisionPlan.of(some_labels(), rows=6)
    write_json(tmp_path / "plan.json", plan.to_json(), indent=None)
    back = SupervisionPlan.from_json(read_json(tmp_path / "plan.json"))
    assert back.digest() == plan.digest()
    assert back.describe() == plan.describe()


def test_steps_without_a_label_stay_so() -> None:
    items = torch.tensor([[3, 5, -1], [-1, -1, -1]])
    places = torch.tensor([[0.5, NAN], [NAN, NAN]])
    plan = SupervisionPlan.of({"items": items, "places": places}, rows=2)
    back = SupervisionPlan.from_json(json.loads(json.dumps(plan.to_json(), allow_nan=False)))
    assert back.labelled_rows.tolist() == [0]
    batch = back.labels_for(torch.tensor([0]))
    assert batch["items"].tolist() == [[3, 5, -1]]
    torch.testing.assert_close(batch["places"], places[:1], equal_nan=True)
    assert back.describe() == "1 of 2 rows labelled: items (1 row), places (1 row)"


def test_the_digest_tells_plans_apart() -> None:
    base = SupervisionPlan.of({"digit": torch.tensor([1, -1, 0])}, 3).digest()
    others = [
        SupervisionPlan.of({"digit": torch.tensor([1, 0, -1])}, 3),
        SupervisionPlan.of({"digit": torch.tensor([1, -1, 1])}, 3),
        SupervisionPlan.of({"digits": torch.tensor([1, -1, 0])}, 3),
        SupervisionPlan.of({"digit": torch.tensor([1, -1, 0, -1])}, 4),
        SupervisionPlan.of({"digit": torch.tensor([1.0, NAN, 0.0])}, 3),
    ]
    assert len({base, *(each.digest() for each in others)}) == 6
    assert SupervisionPlan.of({"digit": torch.tensor([1, -1, 0])}, 3).digest() == base


def test_it_can_be_copied_and_pickled() -> None:
    plan = SupervisionPlan.of(some_labels(), rows=6)
    assert copy.deepcopy(plan).digest() == pickle.loads(pickle.dumps(plan)).digest() == plan.digest()


@given(st.lists(st.integers(-1, 3), min_size=2, max_size=60), st.floats(0.01, 0.99), st.integers(0, 5))
def test_a_split_sets_the_same_share_of_each_class_aside(classes: list[int], share: float, seed: int) -> None:
    digit = torch.tensor(classes)
    counts = digit[digit >= 0].bincount(minlength=4)
    plan = SupervisionPlan.of({"digit": digit, "light": torch.arange(len(classes)).double()}, len(classes))
    if counts.max() < 2:
        return
    train, validation = plan.split(share, torch.Generator().manual_seed(seed), of="digit")
    labels = validation.labels_of("digit").values
    aside = labels.bincount(minlength=4)
    for count, given_up in zip(counts.tolist(), aside.tolist(), strict=True):
        assert given_up == (min(max(1, round(share * count)), count - 1) if count else 0)
    assert torch.equal(digit[validation.labelled_rows], labels)
    both = torch.cat([train.labelled_rows, validation.labelled_rows])
    assert torch.equal(both.sort().values, plan.labelled_rows)
    for name in plan.variables:  # no label of any variable is in both
        rows = [each.variables[name].rows for each in (train, validation)]
        assert torch.equal(torch.cat(rows).sort().values, plan.variables[name].rows)


def test_a_split_is_the_generators() -> None:
    plan = SupervisionPlan.of({"angle": torch.arange(50.0)}, 50)
    splits = [plan.split(0.2, torch.Generator().manual_seed(seed), "angle")[1].digest() for seed in (0, 0, 1)]
    assert splits[0] == splits[1] != splits[2]
    assert len(plan.split(0.2, torch.Generator(), "angle")[1].labelled_rows) == 10


def test_a_split_that_cannot_be_made_is_refused() -> None:
    plan = SupervisionPlan.of({"digit": torch.tensor([0, 1, -1])}, 3)
    generator = torch.Generator()
    with pytest.raises(OptionError, match=r"between 0 and 1, got 1\.0"):
        plan.split(1.0, generator, "digit")
    with pytest.raises(DataError, match=r"'digitt'\. Did you mean 'digit'"):
        plan.split(0.5, generator, "digitt")
    with pytest.raises(DataError, match="each class has a single one"):
        plan.split(0.5, generator, "digit")
    train, validation = SupervisionPlan.of({"digit": torch.tensor([0, 0, -1])}, 3).split(0.5, generator, "digit")
    assert len(train.labelled_rows) == len(validation.labelled_rows) == 1


def test_labels_that_are_not_normal_are_refused() -> None:
    with pytest.raises(DataError, match=r"'digit' must be int64 .* torch\.int32"):
        SupervisionPlan.of({"digit": torch.tensor([1, 2], dtype=torch.int32)}, 2)
    with pytest.raises(DataError, match=r"'digit' have the shape \(2,\), but the data have 3 rows"):
        SupervisionPlan.of({"digit": torch.tensor([1, 2])}, 3)
    assert SupervisionPlan.of({"digit": torch.tensor([1, 2])}, 2).rows == 2


@pytest.mark.parametrize("broken", [None, [], {"rows": 3}, {"rows": 3, "variables": {"digit": {"rows": [1]}}}])
def test_what_is_no_plan_is_refused(broken: object) -> None:
    with pytest.raises(RunError, match=r"not a supervision plan .*plan\.json"):
        SupervisionPlan.from_json(broken)
    assert SupervisionPlan.from_json({"rows": 3, "variables": {}}).rows == 3
