"""Items whose order says nothing are measured as a set."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import unbraid as ub
from tests.repeat.models import Events, rows
from unbraid.evaluation import evaluate_labels

NAN = float("nan")


class Told:
    """A model of up to three things that predicts what it is told."""

    latents = {"things.kind": ub.Categorical(5), "things.size": ub.Normal(1), "things.turn": ub.Angle()}  # noqa: RUF012

    def __init__(self, order: str, **predicted: list[list[float]]) -> None:
        self.graph = SimpleNamespace(matched={"things"} if order == "matched" else set())
        self.predicted = items(**predicted)

    def predict(self, x: Tensor) -> dict[str, Tensor]:
        return self.predicted


def items(**values: list[list[float]]) -> dict[str, Tensor]:
    """Returns items by name: kinds as whole numbers, sizes with an axis of their own."""
    made = {f"things.{name}": torch.tensor(each) for name, each in values.items()}
    return {name: each[..., None] if name.endswith("size") else each for name, each in made.items()}


def errors(predicted: dict[str, Any], labels: dict[str, Any], order: str = "matched") -> dict[str, Any]:
    given = items(**labels)
    return evaluate_labels(Told(order, **predicted), torch.zeros(len(next(iter(given.values()))), 6), given)


def test_the_other_order_is_no_error() -> None:
    predicted, labels = {"kind": [[0, 1, -1], [3, 2, 4]]}, {"kind": [[1, 0, -1], [4, 3, 2]]}
    assert errors(predicted, labels)["things.kind"]["error"] == 0.0
    assert errors(predicted, labels, "given")["things.kind"]["error"] == 1.0


def test_as_few_values_are_wrong_as_can_be() -> None:
    """The labels 0, 0, 1 and the predictions 0, 1, 2: one of the two zeros is wrong."""
    found = errors({"kind": [[2, 1, 0]]}, {"kind": [[0, 0, 1]]})["things.kind"]
    assert (found["error"], found["n"]) == (pytest.approx(1 / 3), 3)


def test_what_an_item_says_goes_with_it() -> None:
    """Sizes alone would be matched the other way; kinds come first, and sizes where they tie."""
    predicted = {"kind": [[0, 1, -1], [2, 2, -1]], "size": [[5.0, 1.0, NAN], [5.0, 1.0, NAN]]}
    labels = {"kind": [[1, 0, -1], [2, 2, -1]], "size": [[5.0, 1.0, NAN], [1.5, 5.0, NAN]]}
    found = errors(predicted, labels)
    assert found["things.kind"]["error"] == 0.0
    assert found["things.size"]["mae"] == pytest.approx((4 + 4 + 0 + 0.5) / 4)
    assert errors({"size": predicted["size"]}, {"size": labels["size"]})["things.size"]["mae"] == pytest.approx(0.5 / 4)


def test_items_are_compared_with_steps_that_are_predicted() -> None:
    """One step for two items: it is compared with the item that is most like it, and the other is wrong."""
    predicted = {"kind": [[1, -1, -1]], "size": [[3.0, NAN, NAN]]}
    found = errors(predicted, {"kind": [[0, 1, -1]], "size": [[3.0, 2.0, NAN]]})
    assert (found["things.kind"]["error"], found["things.kind"]["n"]) == (0.5, 2)
    assert (found["things.size"]["mae"], found["things.size"]["n"]) == (1.0, 1)
    found = errors(
        {"kind": [[-1, 1, -1]], "size": [[NAN, 3.0, NAN]]}, {"kind": [[0, -1, -1]], "size": [[9.0, NAN, NAN]]}
    )
    assert (found["things.kind"]["error"], found["things.size"]["mae"]) == (1.0, 6.0)


def test_items_labelled_in_part_and_angles() -> None:
    found = errors(
        {"kind": [[0, 1, 2]], "turn": [[3.1, 0.0, -3.1]]},
        {"kind": [[2, -1, -1]], "turn": [[-3.1, 3.1 - 2 * np.pi, NAN]]},
    )
    assert found["things.kind"] == {**found["things.kind"], "error": 0.0, "n": 1}
    assert (found["things.turn"]["n"], found["things.turn"]["mae"]) == (2, pytest.approx(0.0, abs=1e-6))


def test_the_errors_of_a_model_do_not_depend_on_the_order_of_its_labels() -> None:
    x, truth = rows(40)
    shuffled = {**truth, "events.kind": truth["events.kind"].flip(1)}
    matched, given = Events(order="matched"), Events(order="given")
    assert evaluate_labels(matched, x, truth) == evaluate_labels(matched, x, shuffled)
    assert evaluate_labels(given, x, truth) != evaluate_labels(given, x, shuffled)
    assert evaluate_labels(matched, x, truth)["count"] == evaluate_labels(given, x, truth)["count"]


class Three(Events):
    """Always predicts three events."""

    def predict(self, x: Any, **known: Any) -> dict[str, Tensor]:
        return super().predict(x, count=3, **known)


def test_what_is_predicted_is_right_in_any_order() -> None:
    x, _ = rows(40)
    model = Three(order="matched")
    predicted = {name: each.flip(1) for name, each in model.predict(x).items() if name != "count"}
    found = evaluate_labels(model, x, predicted)
    assert found["events.kind"]["error"] == 0.0
    assert found["events.size"]["rmse"] < 1e-6
