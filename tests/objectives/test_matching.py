"""Labels of items without an order go to the steps that q finds most probable."""

from __future__ import annotations

import math
from itertools import permutations
from typing import Any

import pytest
import torch
from torch import Tensor

import unbraid as ub
from unbraid.errors import DataError
from unbraid.objectives.given import batch_labels, given_labels
from unbraid.objectives.matching import matched


class Read(ub.Submodel):
    """Reads the log-odds of its kind, three numbers of x a step, and the place, the fourth."""

    def encode(self, x: Any, state: Any) -> Any:
        place = ub.Normal(1)(loc=state[:, 3:4], scale=1.0)
        return {"kind": ub.Categorical(3)(logits=state[:, :3]), "place": place}

    def first_state(self, x: Any) -> Any:
        return x

    def next_state(self, state: Any) -> Any:
        return torch.cat([state[:, 4:], state[:, :4]], 1)


class Shelf(ub.Model):
    """Three items, the first of which is always there."""

    order: str = "matched"

    def encode(self, x: Any) -> Any:
        count = ub.Categorical(4)(x[:, :4])
        items: Any = ub.Repeat(Read(), at_most=3, order=self.order)(x, count)  # type: ignore[arg-type]
        return {"count": count, "items": items}

    def decode(self, items: Any) -> Any:
        return ub.Normal(12)(items.kind, items.place)


X = torch.tensor([[3.0, 0.0, 0.0, -1.0, 0.0, 3.0, 0.0, 0.5, 0.0, 0.0, 3.0, 2.0]])


def moved(
    kinds: list[list[int]], places: list[list[float]] | None = None, count: list[int] | None = None
) -> dict[str, Any]:
    """Returns the labels in the order of the steps."""
    labels: dict[str, Tensor] = {"items.kind": torch.tensor(kinds)}
    if places is not None:
        labels["items.place"] = torch.tensor(places)[..., None]
    if count is not None:
        labels["count"] = torch.tensor(count)
    model = Shelf()
    found = matched(model.frame(X.expand(len(kinds), -1)), batch_labels(model.graph, labels, len(kinds)))
    return {
        name: torch.stack([found[f"items[{t}].{name}"] for t in range(3)], 1).squeeze(-1).tolist()
        for name in ("kind", "place")
        if f"items.{name}" in labels
    }


@pytest.mark.parametrize("order", list(permutations((0, 1, 2))), ids=str)
def test_the_assignment_of_least_cost(order: tuple[int, int, int]) -> None:
    assert moved([list(order)], count=[3])["kind"] == [[0, 1, 2]]


def test_the_whole_assignment_is_the_least_and_not_each_items_own() -> None:
    """Two items of kind 0: the second goes where the places, or chance, cost least in all."""
    found = moved([[0, 0, 1]], [[2.0, -1.0, 0.5]], [3])
    assert found["kind"] == [[0, 1, 0]]
    assert found["place"] == [[-1.0, 0.5, 2.0]]


def test_items_are_assigned_below_a_labelled_count() -> None:
    """Kind 2 is most probable in the third step, which is not there; so it is in one of the first two."""
    assert moved([[2, 0, -1]], count=[2])["kind"] == [[0, 2, -1]]
    assert moved([[2, -1, -1]], count=[1])["kind"] == [[2, -1, -1]]
    assert moved([[2, -1, -1]], count=[-1])["kind"] == [[-1, -1, 2]]


def test_the_labels_of_a_set_may_have_gaps() -> None:
    """What the count limits is how many items are labelled, not where they are written."""
    assert moved([[-1, 2, -1]], count=[1])["kind"] == [[2, -1, -1]]
    assert moved([[-1, 2, 0], [-1, -1, 1]], count=[2, 3])["kind"] == [[0, 2, -1], [-1, 1, -1]]
    with pytest.raises(DataError, match=r"row 1 has a label for 'items\[1\].kind', and 'count' is labelled 1 there"):
        moved([[-1, 2, -1], [1, -1, 2]], count=[1, 1])


def test_the_items_of_a_set_stay_whole_where_gaps_are_closed() -> None:
    model = Shelf()
    kinds, places = torch.tensor([[-1, 2, 0], [-1, 1, -1]]), torch.full((2, 3, 1), math.nan)
    places[0, 1], places[1, 2] = 0.5, 7.0  # an item of the second row has a place alone
    labels = {"items.kind": kinds, "items.place": places, "count": torch.tensor([2, 2])}
    found = given_labels(model.graph, labels, 2, missing_class="allow")
    assert sorted(found) == ["count", "items[0].kind", "items[0].place", "items[1].kind", "items[1].place"]
    assert [found[f"items[{t}].kind"].tolist() for t in range(2)] == [[2, 1], [0, -1]]
    assert found["items[0].place"].nan_to_num(-9.0).squeeze().tolist() == [0.5, -9.0]
    assert found["items[1].place"].nan_to_num(-9.0).squeeze().tolist() == [-9.0, 7.0]


class Turned(ub.Model):
    """What the steps say of the items is turned round where `side` is 0, which it seems to be in each row."""

    def encode(self, x: Any) -> Any:
        side = ub.Categorical(2)(logits=x[:, :2])
        return {"side": side, "items": ub.Repeat(Read(), at_most=3, order="matched")(x * (1 - 2 * side[:, :1]), 3)}

    def decode(self, items: Any) -> Any:
        return ub.Normal(12)(items.kind, items.place)


def test_a_row_is_matched_as_if_it_were_alone() -> None:
    """Its label above the items counts, whether or not the other rows of the batch have one."""
    model, side = Turned(), torch.tensor([1, -1, 0])
    kinds = torch.tensor([[1, 2, 0]]).expand(3, -1)

    def found(rows: list[int]) -> list[list[int]]:
        labels = batch_labels(model.graph, {"side": side[rows], "items.kind": kinds[rows]}, len(rows))
        steps = matched(model.frame(X.expand(len(rows), -1)), labels)
        return torch.stack([steps[f"items[{t}].kind"] for t in range(3)], 1).tolist()

    alone = [found([row])[0] for row in range(3)]
    assert alone[0] == [0, 1, 2]
    assert alone[1] != [0, 1, 2]
    assert found([0, 1, 2]) == alone
    assert found([0, 1]) == alone[:2]


def test_items_that_are_labelled_in_part() -> None:
    """A row with one label, one with a place alone, one with none."""
    nan = math.nan
    found = moved(
        [[1, -1, -1], [-1, -1, -1], [-1, -1, -1]], [[nan, nan, nan], [2.0, nan, nan], [nan, nan, nan]], [3, 3, 3]
    )
    assert found["kind"] == [[-1, 1, -1], [-1, -1, -1], [-1, -1, -1]]
    assert [[math.isnan(each) for each in row] for row in found["place"]] == [
        [True] * 3,
        [True, True, False],
        [True] * 3,
    ]
    assert found["place"][1][2] == 2.0


def test_labels_in_the_order_given_stay() -> None:
    model = Shelf(order="given")
    assert not model.graph.matched
    assert Shelf().graph.matched == {"items"}
