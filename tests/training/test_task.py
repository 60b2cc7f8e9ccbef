"""What `fit` is given: the commonest slips are named before the first step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jaxtyping
import pytest
import torch
from torch.utils.data import TensorDataset

import unbraid as ub
from tests.training.many.small import labels_of
from tests.training.small import LABELS, ROWS, SIZES, TEST, Small, same_end, train
from unbraid.errors import DataError, ModelError, OptionError, UnbraidError

DIGITS = LABELS["digit"]


@pytest.fixture(autouse=True)
def _as_a_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """No user has the tests' type checker in between."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


class Bare(ub.Model):
    """A model without a parameter."""

    def encode(self, x: Any) -> Any:
        return {"digit": ub.Categorical(10)(logits=x.flatten(1)[:, :10])}

    def decode(self, digit: Any) -> Any:
        return ub.Bernoulli(1, 28, 28)()


def fit_seeds(model: Any = None, **more: Any) -> Any:
    """Trains two seeds."""
    given = {"labels_of": labels_of, "epochs": 1, **SIZES, **more}
    if "labels" in given:
        del given["labels_of"]
    return ub.fit_many(Small() if model is None else model, ROWS.images, seeds=[0, 1], **given)


LABELLED: dict[str, Callable[[Any], Any]] = {
    "fit": lambda labels: train(labels, epochs=1),
    "fit_many": lambda labels: fit_seeds(labels=labels),
    "test": lambda labels: train(test=(ROWS.images, labels), epochs=1),
    "explain": lambda labels: Small().explain(labels),
    "objective": lambda labels: Small().objective(ROWS.images, labels),
    "gradient_report": lambda labels: Small().gradient_report(ROWS.images, labels),
}


@pytest.mark.parametrize("labels", [DIGITS, torch.as_tensor(DIGITS), DIGITS.tolist()], ids=["array", "tensor", "list"])
@pytest.mark.parametrize("what", LABELLED)
def test_labels_go_by_variable(what: str, labels: Any) -> None:
    message = rf"labels go by variable, \{{'digit': \.\.\.\}}, got {type(labels).__name__}.*are 'digit', 'style'"
    with pytest.raises(DataError, match=message) as found:
        LABELLED[what](labels)
    assert ("test: " in str(found.value)) == (what == "test")


def test_few_labels_take_them_by_variable() -> None:
    with pytest.raises(DataError, match=r"labels go by variable, \{'digit': \.\.\.\}, got ndarray"):
        ub.data.few_labels(ROWS.labels["digit"], 1)  # type: ignore[arg-type]


@pytest.mark.parametrize("fits", [lambda model: train(model=model), fit_seeds], ids=["fit", "fit_many"])
@pytest.mark.parametrize(
    ("model", "kind", "message"),
    [
        (Small, OptionError, r"trained is a ub\.Model, got the class Small: make a model of it, Small\(\)"),
        (torch.nn.Linear(2, 2), OptionError, r"got Linear\."),
        ("Small", OptionError, r"trained is a ub\.Model, got str\."),
        (Bare(), ModelError, r"Bare has no parameter to train"),
        (Small().requires_grad_(False), ModelError, r"Small has no parameter to train.*requires_grad_\(True\)"),
    ],
)
def test_what_cannot_be_trained_is_refused(
    model: Any, kind: type[UnbraidError], message: str, fits: Callable[[Any], Any]
) -> None:
    with pytest.raises(kind, match=message):
        fits(model)


def test_a_function_of_the_seed_must_give_models() -> None:
    with pytest.raises(OptionError, match=r"trained is a ub\.Model, got NoneType"):
        fit_seeds(lambda seed: None)


@pytest.mark.parametrize("fits", [train, fit_seeds], ids=["fit", "fit_many"])
def test_settings_are_settings(fits: Callable[..., Any]) -> None:
    with pytest.raises(OptionError, match=r"settings must be ub\.Settings\(epochs=20\).*got \{'epochs': 3\}"):
        fits(settings={"epochs": 3})
    fits(settings=ub.Settings(seed=3))


def test_a_training_needs_no_grad_mode_from_outside() -> None:
    with torch.no_grad():
        inside, many = train(), fit_seeds(how="batched")
        assert not torch.is_grad_enabled()
    assert same_end(inside, train())
    assert same_end(many[1], fit_seeds(how="batched")[1])


@pytest.mark.parametrize("form", [lambda x: x, list, TensorDataset], ids=["a tensor", "a list", "a dataset"])
def test_rows_that_a_network_computed(form: Callable[[Any], Any]) -> None:
    weight = torch.ones((), requires_grad=True)
    run = train(images=form(ROWS.images * weight), test=(TEST.images * weight, TEST.labels))
    assert same_end(run, train(test=TEST))
    assert weight.grad is None


@pytest.mark.parametrize(
    ("view", "found"),
    [
        (lambda images: images, r"<lambda>\(images\)"),
        (torch.nn.Identity(), r"Identity\(input.*\)"),
        (ub.Warp, "the class Warp"),
        ([ub.Warp()], "list"),
    ],
)
def test_a_view_takes_rows_and_a_generator(view: Any, found: str) -> None:
    with pytest.raises(OptionError, match=rf"a view is called as view\(images, generator\).*got {found}"):
        train(views=view, consistency=1.0)


class Both(ub.Model):
    """Two discrete latents and a real one."""

    def encode(self, x: Any) -> Any:
        return {"a": ub.Categorical(3)(x), "b": ub.Categorical(2)(x), "size": ub.Normal(1)(x)}

    def decode(self, a: Any, b: Any, size: Any) -> Any:
        return ub.Normal(4)(ub.mlp(4)(a, b, size))


@pytest.mark.parametrize("other", ["b", "size"])
def test_rows_that_are_set_aside_leave_every_variable_its_labels(other: str) -> None:
    """Rows are drawn by the classes of the first variable; the only labelled one of another is among them for some."""
    x, a = torch.randn(30, 4), torch.arange(30) % 3
    rare = torch.full((30,), -1) if other == "b" else torch.full((30, 1), torch.nan)
    rare[:6] = 0
    rare[1] = 1
    if other == "size":
        rare[[0, 2, 3, 4, 5]] = torch.nan
    labels, taken = {"a": a, other: rare}, []
    for seed in range(6):
        settings: dict[str, Any] = {"holdout": 0.3, "seed": seed, "epochs": 1, "progress": "quiet", "choose": "best"}
        plan = ub.fit(Both(), x, labels, **settings, missing_class="allow").plan
        taken.append(other not in plan.variables or 1.0 not in plan.labels_of(other).values.flatten().tolist())
        if taken[-1]:
            what = "class 1 of 'b'" if other == "b" else "'size'"
            with pytest.raises(DataError, match=f"sets aside all rows that are labelled with {what}: label more"):
                ub.fit(Both(), x, labels, **settings)
        else:
            ub.fit(Both(), x, labels, **settings)
    assert 0 < sum(taken) < 6


def test_rows_to_choose_by_are_given_once() -> None:
    x, labels = torch.randn(30, 4), {"a": torch.arange(30) % 3}
    with pytest.raises(OptionError, match=r"given twice, as validation and as holdout=0\.3, which takes labels away"):
        ub.fit(Both(), x, labels, validation=(x, labels), holdout=0.3, epochs=1, progress="quiet")
