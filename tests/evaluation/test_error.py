"""Errors of predicted variables."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import binomtest

import unbraid as ub
from unbraid.errors import DataError
from unbraid.evaluation import error_rate, evaluate_labels, mean_error


class Guess:
    """A model of two latents that sees its guesses in its rows: (digit, place)."""

    latents = {  # noqa: RUF012
        "digit": ub.Categorical(3),
        "place": ub.Normal(1),
    }

    def predict(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"digit": x[:, 0].long(), "place": x[:, 1:]}


class Told:
    """A model of events, up to two in a row, that predicts what it is told."""

    latents = {"turn": ub.Angle(), "ev.kind": ub.Categorical(3), "ev.size": ub.Normal(2), "ev.turn": ub.Angle()}  # noqa: RUF012

    def __init__(self, **predicted: torch.Tensor) -> None:
        self.predicted = {f"ev.{name}": each for name, each in predicted.items()}
        self.predicted["turn"] = torch.full((4,), 3.14)

    def predict(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        return self.predicted


ROWS = torch.tensor([[0.0, 1.5], [1.0, 2.0], [2.0, -1.0]])


@pytest.mark.parametrize(("wrong", "n"), [(0, 7), (1, 7), (7, 7), (229, 10_000)])
def test_interval_is_wilsons(wrong: int, n: int) -> None:
    rate = error_rate(np.arange(n) < wrong, np.zeros(n, dtype=int))
    expected = binomtest(wrong, n).proportion_ci(0.95, method="wilson")
    assert rate.error == wrong / n
    assert rate.ci == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert rate.ci[0] <= rate.error <= rate.ci[1]


def test_rows_without_a_label_are_left_out() -> None:
    assert error_rate([0, 1, 2], torch.tensor([0, -1, 1])).n == 2
    assert error_rate([0, 1, 2], [0.0, float("nan"), 1.0]) == error_rate([0, 2], [0, 1])
    assert error_rate([0, 1, 2], [0, None, 1]) == error_rate([0, 2], [0, 1])  # type: ignore[arg-type]
    masked = np.ma.masked_array([0, 1, 1], [False, True, False])
    assert error_rate([0, 1, 2], masked) == error_rate([0, 2], [0, 1])
    assert mean_error([0, 1, 2], masked) == mean_error([0, 2], [0, 1])


def test_mean_error_by_hand() -> None:
    far = mean_error([[1.0, 2.0], [0.0, 0.0]], [[1.0, 4.0], [0.0, 1.0]])
    assert far.rmse == pytest.approx(np.sqrt((0 + 4 + 0 + 1) / 4))
    assert far.mae == pytest.approx(3 / 4)
    assert far.mae_ci[0] <= far.mae <= far.mae_ci[1]
    assert far.rmse_ci[0] <= far.rmse <= far.rmse_ci[1]


def test_mean_error_of_one_row_has_a_closed_interval() -> None:
    far = mean_error([[1.0], [2.0]], [[3.0], [float("nan")]])
    assert (far.n, far.rmse, far.rmse_ci) == (1, 2.0, (2.0, 2.0))


def test_interval_of_the_mean_covers_the_truth() -> None:
    random = np.random.default_rng(0)
    covered = 0
    for _ in range(400):
        low, high = mean_error(random.normal(size=200), np.zeros(200)).rmse_ci
        covered += low <= 1.0 <= high
    assert covered / 400 == pytest.approx(0.95, abs=5 * np.sqrt(0.95 * 0.05 / 400))


def test_evaluation_is_ready_for_json() -> None:
    labels: dict[str, Any] = {"digit": np.array([0, 1, 1]), "place": torch.tensor([[1.5], [torch.nan], [1.0]])}
    found = evaluate_labels(Guess(), ROWS, labels)
    assert json.loads(json.dumps(found)) == found
    assert found["digit"]["error"] == pytest.approx(1 / 3)
    assert found["digit"]["n"] == 3
    assert found["place"]["rmse"] == pytest.approx(np.sqrt(2.0))
    assert found["place"]["n"] == 2


def test_evaluation_leaves_out_what_nobody_labelled() -> None:
    labels: dict[str, Any] = {"digit": [0, -1, 1], "place": np.full((3, 1), np.nan)}
    assert set(evaluate_labels(Guess(), ROWS, labels)) == {"digit"}


@pytest.mark.parametrize(
    ("predicted", "labels", "message"),
    [
        ([0, 1], [0], "2 predicted values but 1 labels"),
        ([0, 1], [-1, -1], "no row has a label"),
        ([[0], [1]], [0, 1], r"one number a row, got an array of the shape \(2, 1\)"),
        ([0, 1], [0.0, 0.5], "whole numbers"),
    ],
)
def test_error_rate_refuses(predicted: Any, labels: Any, message: str) -> None:
    assert error_rate([0, 1], [0, 1]).error == 0
    with pytest.raises(DataError, match=message):
        error_rate(predicted, labels)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([[0.0]], "2 predicted values but 1 labels"),
        ([0.0, 1.0], r"the shape \(2, 1\), labels \(2,\)"),
        ([[np.nan], [np.nan]], "no row has a label"),
    ],
)
def test_mean_error_refuses(labels: Any, message: str) -> None:
    predicted = [[0.0], [1.0]]
    assert mean_error(predicted, [[0.0], [1.0]]).mae == 0
    with pytest.raises(DataError, match=message):
        mean_error(predicted, labels)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({"digits": [0, 1, 2]}, "'digits', which is no latent of the model. Did you mean 'digit'?"),
        ({"digit": [0, 1]}, "'digit' has 2 labels for 3 images"),
        ({"digit": [-1, -1, -1]}, "nothing is labelled"),
        ({}, "nothing is labelled"),
    ],
)
def test_evaluation_refuses(labels: Any, message: str) -> None:
    assert evaluate_labels(Guess(), ROWS, {"digit": [0, 1, 2]})["digit"]["error"] == 0
    with pytest.raises(DataError, match=message):
        evaluate_labels(Guess(), ROWS, labels)


def test_labels_of_every_form_are_compared() -> None:
    plain = evaluate_labels(Guess(), ROWS, {"digit": [0, -1, 1]})
    for given in ([0, None, 1], [0, np.nan, 1], np.ma.masked_array([0, 1, 1], [False, True, False])):
        assert evaluate_labels(Guess(), ROWS, {"digit": given}) == plain


def test_minus_one_in_integers_is_no_label_of_a_real_variable() -> None:
    """It may be: training does not take it either."""
    message = "'place' in row 1 .* is .-1.: a real label may be -1, but in integers it may also mean none: give floats"
    with pytest.raises(DataError, match=message):
        evaluate_labels(Guess(), ROWS, {"place": np.array([[2], [-1], [-1]])})
    assert evaluate_labels(Guess(), ROWS, {"place": np.array([[2.0], [-1.0], [-1.0]])})["place"]["n"] == 3


def test_minus_one_in_integers_is_no_label_of_an_item() -> None:
    size = np.ones((3, 2, 2), int)
    size[1, 1] = -1
    with pytest.raises(DataError, match=r"(?s)'ev\.size' in row 1 is .*: a real label may be -1"):
        evaluate_labels(Told(size=torch.ones(3, 2, 2)), torch.zeros(3, 6), {"ev.size": size})


def test_real_items_count_one_by_one() -> None:
    """The second step has no label in any row, and the model predicts it in some."""
    size = torch.full((30, 2, 2), torch.nan)
    size[:, 0] = 1.0
    predicted = size.nan_to_num(5.0) + torch.tensor([0.3, 0.4])
    predicted[10:, 1] = torch.nan
    found = evaluate_labels(Told(size=predicted), torch.zeros(30, 6), {"ev.size": size})["ev.size"]
    assert found["n"] == 30
    assert (found["rmse"], found["mae"]) == pytest.approx((np.sqrt(0.125), 0.35), abs=1e-6)


def test_no_step_is_predicted_where_one_is_labelled() -> None:
    told = Told(size=torch.full((3, 2, 2), torch.nan))
    assert evaluate_labels(told, torch.zeros(3, 6), {"ev.size": torch.ones(3, 2, 2)}) == {"ev.size": {"n": 0}}


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({"digit": np.full(3, 7)}, r"'digit' in row 0 \(and 2 more\) is 7: 'digit' has 3 classes, 0\.\.2"),
        ({"digit": [0, 1, -2]}, "'digit' in row 2 is -2: 'digit' has 3 classes"),
        ({"digit": [0, 1.5, None]}, "'digit' in row 1 is 1.5: 'digit' is discrete"),
        ({"digit": ["a", "b", "c"]}, "labels of 'digit' must be numbers"),
        ({"digit": 1}, "'digit' has no labels for 3 images"),
        ({"digit": [[0], [1], [2]]}, r"'digit' have the shape \(3, 1\), and its predictions \(3,\)"),
        ({"place": np.zeros((3, 2))}, r"'place' have the shape \(3, 2\), and one label of Normal\(1\) has \(1,\)"),
        ({"place": [[0.0], [np.inf], [2.0]]}, r"'place' in row 1 is \[inf\]: place is Normal\(1\)"),
    ],
)
def test_labels_that_the_model_cannot_have_are_refused(labels: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        evaluate_labels(Guess(), ROWS, labels)


def test_an_item_that_the_model_cannot_have_is_refused_by_its_row() -> None:
    kind = torch.zeros(4, 2).long()
    kind[3, 0] = 3
    with pytest.raises(DataError, match=r"'ev.kind' in row 3 is \[3 0\]: 'ev.kind' has 3 classes, 0\.\.2"):
        evaluate_labels(Told(kind=torch.zeros(4, 2).long()), torch.zeros(4, 6), {"ev.kind": kind})


def test_angles_are_compared_on_the_circle() -> None:
    """3.14 and -3.14 are 0.0032 apart, whole turns apart are the same, and nothing is further than half a turn."""
    truth = torch.tensor([-3.14, 3.14 + 2 * np.pi, 3.14 - 6 * np.pi, 0.0])
    found = evaluate_labels(Told(), torch.zeros(4, 6), {"turn": truth})["turn"]
    apart = np.array([2 * np.pi - 6.28, 0, 0, 3.14])
    assert found["rmse"] == pytest.approx(np.sqrt((apart**2).mean()), abs=1e-6)
    assert found["mae"] == pytest.approx(apart.mean(), abs=1e-6)


def test_angles_of_items_count_one_by_one() -> None:
    """One row has both steps, the others one."""
    predicted = torch.full((30, 2), torch.nan)
    predicted[:, 0] = predicted[4, 1] = 3.0
    truth = torch.full((30, 2), 3.0 - 2 * np.pi)
    found = evaluate_labels(Told(turn=predicted), torch.zeros(30, 6), {"ev.turn": truth})["ev.turn"]
    assert (found["n"], found["rmse"]) == (31, pytest.approx(0.0, abs=1e-6))
