"""A variable of one number: its labels, and what it is set to, may be one number a row, or a row and step."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import unbraid as ub
from unbraid.errors import DataError
from unbraid.evaluation import evaluate_labels
from unbraid.objectives.given import batch_labels, given_labels

ROWS = torch.rand(6, 4, generator=torch.Generator().manual_seed(0))
COUNT = [2, 3, -1, 3, 1, 0]
NAN = float("nan")
HEIGHT = np.array([-1.0, NAN, 0.5, 2.0, NAN, 1.0])
SIZE = np.array([[-1, 2, NAN], [-1, 1, 4], [NAN] * 3, [-1, 0.5, NAN], [NAN] * 3, [NAN] * 3])


class Event(ub.Submodel):
    """What happens in a step: how large it is."""

    def encode(self, x: Any) -> Any:
        return {"size": ub.Normal(1)(x)}

    def decode(self, size: Any) -> Any:
        return ub.dense(4)(size)


class Events(ub.Model):
    """How high rows are, and up to three events, each of one number."""

    most: int = 3

    def encode(self, x: Any) -> Any:
        count = ub.Categorical(self.most + 1)(x)
        return {"height": ub.Normal(1)(x), "count": count, "events": ub.Repeat(Event(), at_most=self.most)(x, count)}

    def decode(self, height: Any, events: Any) -> Any:
        return ub.Normal(4)(loc=events.decode().sum(1) + ub.dense(4)(height))


FLAT = {"height": HEIGHT, "count": COUNT, "events.size": SIZE}
WHOLE = {"height": HEIGHT[:, None], "count": COUNT, "events.size": SIZE[..., None]}


def test_labels_without_the_axis_are_those_with_it() -> None:
    model = Events()
    flat, whole = (given_labels(model.graph, labels, 6, missing_class="allow") for labels in (FLAT, WHOLE))
    assert list(flat) == list(whole)
    for name, label in whole.items():
        torch.testing.assert_close(flat[name], label, rtol=0, atol=0, equal_nan=True)
    tensors = [{name: torch.as_tensor(np.array(each)) for name, each in labels.items()} for labels in (FLAT, WHOLE)]
    for one, other in zip(*(batch_labels(model.graph, labels, 6).values() for labels in tensors), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0, equal_nan=True)


def test_minus_one_is_a_value_of_a_number_in_a_step() -> None:
    """The first step is -1 in every row that has a label of it."""
    label = given_labels(Events().graph, FLAT, 6, missing_class="allow")["events[0].size"]
    assert label[:, 0].nan_to_num(9).tolist() == [-1, -1, 9, -1, 9, 9]


def test_they_train_and_are_measured_to_the_same_end() -> None:
    runs = [
        ub.fit(
            Events(), ROWS, labels, epochs=2, batch_size=4, missing_class="allow", progress="quiet", test=(ROWS, labels)
        )
        for labels in (FLAT, WHOLE)
    ]
    assert runs[0].test == runs[1].test
    assert runs[0].test["height"]["n"] == 4
    for one, other in zip(*(run.model.parameters() for run in runs), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("most", [1, 3])
def test_errors_are_measured_with_as_many_steps_as_there_are(most: int) -> None:
    model = Events(most=most)
    size = np.zeros((6, most))
    flat, whole = (evaluate_labels(model, ROWS, {"events.size": each}) for each in (size, size[..., None]))
    assert flat == whole


def test_a_number_a_row_is_set_by_hand() -> None:
    model = Events()
    height = torch.arange(6.0)
    assert torch.equal(model.edit(ROWS, height=height), model.edit(ROWS, height=height[:, None]))
    size = torch.rand(6, 3)
    given = ({"height": height, "count": 3, "events.size": each} for each in (size, size[..., None]))
    assert torch.equal(*map(model.generate, given))
    one = model.edit(ROWS, height=[2.0])
    assert torch.equal(one, model.edit(ROWS, height=2.0))


def test_another_number_of_rows_is_refused() -> None:
    model = Events()
    with pytest.raises(DataError, match=r"'height' was given .*; expected a number or a tensor \(6, 1\)"):
        model.edit(ROWS, height=torch.arange(5.0))
    with pytest.raises(DataError, match=r"'height'.* have shape \(6, 2\), expected \(6, 1\)"):
        given_labels(model.graph, {"height": np.zeros((6, 2))}, 6)
