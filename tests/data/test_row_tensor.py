"""Rows in any form, as all that takes rows has them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from torch.distributions import Distribution

import unbraid as ub
from tests.models import Digits, rows_of
from unbraid import evaluation, figures
from unbraid.data.row_tensor import row_tensor
from unbraid.errors import DataError
from unbraid.evaluation.swap import Deviation

MODEL = Digits(seed=1)
X = rows_of(MODEL, 12)
LABELS = {"digit": np.arange(12) % 4}
JUDGE = evaluation.train_judge(X, LABELS, epochs=1, width=2)
FORMS: dict[str, Any] = {
    "array": X.numpy(),
    "array of float64": X.double().numpy(),
    "array in the other byte order": X.numpy().astype(">f4"),
    "array that runs backwards": X.numpy()[::-1].copy()[::-1],
    "list of tensors": list(X),
    "list of arrays": list(X.double().numpy()),
    "list of lists": X.tolist(),
}
ASKED: dict[str, Callable[[Digits, Any], Any]] = {
    "objective": lambda model, x: model.objective(x, generator=torch.Generator().manual_seed(0)).loss,
    "predict": lambda model, x: model.predict(x)["digit"],
    "infer": lambda model, x: model.infer(x)["style"],
    "reconstruct": lambda model, x: model.reconstruct(x),
    "edit": lambda model, x: model.edit(x, digit=2),
    "analogy": lambda model, x: model.analogy(x, digit=[0, 3]),
    "log_weights": lambda model, x: model.log_weights(x, generator=torch.Generator().manual_seed(0)),
    "evaluate_labels": lambda model, x: str(evaluation.evaluate_labels(model, x, LABELS)),
    "log_likelihood_bound": lambda model, x: str(evaluation.log_likelihood_bound(model, x, samples=2)),
    "analogies": lambda model, x: figures.analogies(model, x),
    "reconstructions": lambda model, x: figures.reconstructions(model, x),
    "traversal": lambda model, x: figures.traversal(model, x),
    "labelled": lambda model, x: figures.labelled(x, LABELS["digit"], "digit"),
}


def plain(answer: Any) -> Any:
    """Returns an answer as numbers or text."""
    if isinstance(answer, Distribution):
        return answer.mean.tolist()
    if isinstance(answer, Figure):
        return figures.png_bytes(answer)
    return answer.tolist() if isinstance(answer, torch.Tensor) else answer


@pytest.mark.parametrize("form", FORMS)
def test_every_form_makes_the_same_tensor(form: str) -> None:
    found = row_tensor(FORMS[form], torch.float32)
    assert found.dtype == torch.float32
    assert torch.equal(found, X)


@pytest.mark.parametrize("question", ASKED)
@pytest.mark.parametrize("form", ["array of float64", "list of tensors"])
def test_every_question_takes_it(question: str, form: str) -> None:
    ask = ASKED[question]
    assert plain(ask(MODEL, FORMS[form])) == plain(ask(MODEL, X))


def test_judges_take_it() -> None:
    """The judge of an array is that of its tensor, and so is what it finds in a swap test."""
    found = []
    for x in (X, FORMS["array of float64"]):
        judge = evaluation.train_judge(x, LABELS, epochs=1, width=2)
        swapped = evaluation.swap_test(MODEL, x, LABELS, judge, factor="digit", values=range(4))
        found.append((judge.predict(x)["digit"].tolist(), str(swapped)))
    assert found[0] == found[1]


def test_judges_read_what_a_model_of_doubles_makes() -> None:
    """What it says is compared by a real factor, whose deviation differs with every image."""
    labels = LABELS | {"ink": X.mean((1, 2, 3)).numpy()}
    judge = evaluation.train_judge(X.double(), labels, epochs=1, width=2)
    deviations = []
    for model in (MODEL, Digits(seed=1).double()):
        found = evaluation.swap_test(model, X.numpy(), labels, judge, factor="digit", values=range(4)).kept["ink"]
        assert isinstance(found, Deviation)
        deviations.append(found.mean)
    assert deviations[0] > 0
    assert deviations[1] == pytest.approx(deviations[0], rel=1e-4)


@pytest.mark.parametrize("ask", [lambda x: evaluation.train_judge(x, LABELS), JUDGE.predict], ids=["train", "predict"])
def test_a_judge_refuses_bytes(ask: Callable[[Any], Any]) -> None:
    with pytest.raises(DataError, match=r"images are torch\.uint8; .*bytes divided by 255"):
        ask((X.numpy() * 255).astype(np.uint8))


def test_an_array_trains_as_its_tensor_does() -> None:
    ends = [
        ub.fit(Digits(seed=1), x, LABELS, epochs=1, progress="quiet", validation=(x, LABELS))
        for x in (X, FORMS["array of float64"])
    ]
    assert ends[0].history[0]["validation"] == ends[1].history[0]["validation"]
    for one, other in zip(*(end.model.parameters() for end in ends), strict=True):
        assert torch.equal(one, other)


class DataFrame:
    """Behaves as a data frame of pandas, as far as rows go."""

    def __init__(self, columns: Any) -> None:
        self.columns = columns

    def to_numpy(self) -> Any:
        return np.stack(self.columns, 1)


class Spectra(ub.Model):
    """Rows of three numbers."""

    def encode(self, x: Any) -> dict[str, Any]:
        return {"digit": ub.Categorical(4)(ub.mlp(4)(x))}

    def decode(self, digit: Any) -> Any:
        return ub.Normal(3)(ub.mlp(4)(digit))


def test_a_data_frame_is_taken_as_its_array_is() -> None:
    model, x = Spectra(seed=1), np.random.default_rng(0).integers(0, 5, (12, 3))
    assert torch.equal(model.predict(DataFrame(x.T))["digit"], model.predict(x.astype(float))["digit"])
    ub.fit(model, DataFrame(x.T), LABELS, epochs=1, progress="quiet")


def test_truth_values_of_a_data_frame_are_zeros_and_ones() -> None:
    x = np.eye(3, dtype=bool)
    assert torch.equal(row_tensor(DataFrame(x.T)), torch.eye(3))


def test_a_data_frame_of_words_is_refused() -> None:
    with pytest.raises(DataError, match="x is a DataFrame with columns of something else than numbers; leave them out"):
        Spectra().predict(DataFrame([np.array(["a", 1.0], object)] * 3))


@pytest.mark.parametrize("question", ASKED)
def test_a_model_of_doubles_takes_any_floats(question: str) -> None:
    model, ask = Digits(seed=1).double(), ASKED[question]
    assert plain(ask(model, X.numpy())) == plain(ask(model, X.double()))


def test_nothing_is_copied_that_need_not_be() -> None:
    array = X.numpy()
    assert row_tensor(X, torch.float64) is X
    assert row_tensor(array, torch.float32).data_ptr() == X.data_ptr()


@pytest.mark.parametrize(
    ("x", "message"),
    [
        ("images", "x is str; it must be a tensor, an array or a list of rows"),
        (None, "x is NoneType; it must be a tensor"),
        (np.array([{}, 3], object), r"x is an array of object; .*numpy\.stack\(x\)"),
        ([*X[:-1], X[0, :, 1:]], "x is list; it must be a tensor"),
        (np.ma.masked_less(X.numpy(), 0.5), "x is a masked array with values masked in row 0: fill them"),
        (ub.data.tiny_digits(3), r"x is Rows, .* pass rows\.images"),
        ((X.numpy() * 255).astype(np.uint8), r"x is torch\.uint8; .*bytes divided by 255"),
        (3.0, r"x has shape \(\); this model takes \(rows, 1, 4, 4\)"),
    ],
)
def test_what_is_no_rows_is_refused(x: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        MODEL.predict(x)
