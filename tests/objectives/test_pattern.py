"""Rows are grouped by which latents are observed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

import unbraid as ub
from tests.models import Digits, Positives, Skies, labels_of, rows_of
from unbraid.errors import DataError
from unbraid.inference.labelled import is_labelled
from unbraid.objectives.pattern import groups_of

MODEL = Digits()


def test_a_label_is_missing_at_minus_one_and_nan() -> None:
    assert is_labelled(torch.tensor([0, -1, 2])).tolist() == [True, False, True]
    assert is_labelled(torch.tensor([0.5, torch.nan])).tolist() == [True, False]
    assert is_labelled(torch.tensor([[0.5, 1.0], [1.0, torch.nan]])).tolist() == [True, False]


def test_groups_cover_the_rows_once() -> None:
    digit, style = torch.tensor([0, -1, 2, -1, 3]), torch.zeros(5, 3)
    style[[0, 1]] = torch.nan
    groups = list(groups_of(MODEL.graph, {"digit": digit, "style": style}, 5))
    found = {tuple(group.observed): group.rows.tolist() for group in groups if group.rows is not None}
    assert found == {(): [1], ("digit",): [0], ("style",): [3], ("digit", "style"): [2, 4]}
    both = next(group for group in groups if len(group.observed) == 2)
    assert both.observed["digit"].tolist() == [[0, 0, 1, 0], [0, 0, 0, 1]]


def test_one_pattern_is_all_rows() -> None:
    for labels in ({}, {"digit": torch.full((4,), -1)}, {"digit": torch.tensor([0, 1, 2, 3])}):
        (group,) = groups_of(MODEL.graph, labels, 4)
        assert group.rows is None


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (
            {"digitt": torch.zeros(4, dtype=torch.long)},
            r"labels for 'digitt', which is no latent .* Did you mean 'digit'",
        ),
        ({"digit": torch.tensor([0, 1, 2, 4])}, r"label of 'digit' in row 3 is 4: .* labels are 0 to 3, or -1"),
        ({"digit": torch.tensor([0, -2, -5, 1])}, r"label of 'digit' in row 1 \(and 1 more\) is -2: .* 0 to 3, or -1"),
        ({"digit": ["0", "1", "2", "3"]}, r"labels of 'digit' must be numbers"),
        ({"digit": 3}, r"labels of 'digit' have shape \(\), expected \(4,\)"),
        ({"style": torch.full((4, 3), torch.inf)}, r"label of 'style' in row 0 .* its values are finite"),
        ({"digit": torch.zeros(4)}, r"labels of 'digit' .*whole numbers"),
        ({"digit": torch.zeros(3, dtype=torch.long)}, r"labels of 'digit' have shape \(3,\), expected \(4,\)"),
        ({"digit": torch.zeros(4, 1, dtype=torch.long)}, r"labels of 'digit' have shape \(4, 1\), expected \(4,\)"),
        ({"style": torch.zeros(4)}, r"labels of 'style' have shape \(4,\), expected \(4, 3\)"),
        ({"style": torch.zeros(4, 3, dtype=torch.long)}, r"labels of 'style' .*floating-point"),
    ],
)
def test_labels_that_cannot_be_are_refused(labels: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        MODEL.objective(rows_of(MODEL, 4), labels)
    valid = {"digit": torch.tensor([0, 1, -1, 3]), "style": torch.zeros(4, 3)}
    assert torch.isfinite(MODEL.objective(rows_of(MODEL, 4), valid).loss)


@pytest.mark.parametrize(
    ("model", "labels", "message"),
    [
        (Positives(), {"share": torch.full((4, 2), 2.0)}, r"label of 'share' in row 0 .*: share is Beta\(2\)"),
        (Skies(), {"light": torch.full((4, 3), 2.0)}, r"label of 'light' .* a unit vector"),
    ],
)
def test_labels_that_the_family_cannot_have_made_are_refused(
    model: ub.Model, labels: dict[str, torch.Tensor], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        model.objective(rows_of(model, 4), labels)
    valid = {name: label for name, label in labels_of(model, 4, missing=0.5).items() if name in labels}
    assert torch.isfinite(model.objective(rows_of(model, 4), valid).loss)


@pytest.mark.parametrize("form", [torch.Tensor.tolist, torch.Tensor.numpy, torch.Tensor.int])
def test_labels_of_a_batch_may_come_in_many_forms(form: Callable[[torch.Tensor], Any]) -> None:
    digit, x = torch.tensor([0, 1, -1, 3]), rows_of(MODEL, 4)
    losses = [
        MODEL.objective(x, {"digit": each}, generator=torch.Generator().manual_seed(0)).loss
        for each in (digit, form(digit))
    ]
    assert torch.equal(*losses)


@pytest.mark.parametrize("variables", [3, 62, 63, 70])
def test_any_number_of_variables_can_be_labelled(variables: int) -> None:
    class Many(ub.Model):
        def encode(self, x: Any) -> Any:
            return {f"a{i}": ub.Bernoulli(1, estimator="plug_in")(x) for i in range(variables)}

        def decode(self, a0: Any) -> Any:
            return ub.Normal(4)(a0)

    labels = {f"a{i}": torch.tensor([1, 0, 1]) for i in range(variables)}
    last = f"a{variables - 1}"
    labels[last] = torch.tensor([-1, 0, -1])
    groups = list(groups_of(Many().graph, labels, 3))
    found = {tuple(group.rows.tolist()): set(group.observed) for group in groups if group.rows is not None}
    assert found == {(0, 2): labels.keys() - {last}, (1,): set(labels)}
