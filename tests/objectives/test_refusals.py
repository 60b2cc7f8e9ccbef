"""Wrong input to an objective: each message beside its valid twin."""

from __future__ import annotations

import math
from typing import Any

import jaxtyping
import numpy as np
import pytest
import torch

import unbraid as ub
from tests import naive
from tests.models import Digits, TwoDiscrete, labels_of, rows_of
from unbraid.errors import ModelError, OptionError

MODEL = Digits()
X = rows_of(MODEL, 4)


@pytest.mark.parametrize(
    ("options", "message", "twin"),
    [
        ({"alpha": -1.0}, r"alpha must be at least 0, got -1\.0", {"alpha": 0.0}),
        ({"gamma": math.nan}, r"gamma must be at least 0, got nan", {"gamma": 0.5}),
        ({"beta": math.inf}, r"beta must be finite, got inf", {"beta": 4.0}),
        ({"alpha": None}, "alpha must be a number, got None", {"alpha": np.float32(1)}),
        ({"beta": "1"}, "beta must be a number, got '1'", {"beta": 1}),
        ({"free_bits": -0.1}, r"free_bits must be at least 0, got -0\.1", {"free_bits": 0.1}),
        ({"samples": 0}, r"samples must be a whole number of at least 1, got 0", {"samples": 2}),
        ({"samples": 1.5}, r"samples must be a whole number of at least 1, got 1\.5", {"samples": np.int64(2)}),
        ({"supervision": "eq5"}, r"supervision='eq5' is unknown\. Did you mean 'eq4'\?", {"supervision": "eq4"}),
        ({"bound": "importence"}, r"bound='importence' is unknown\. Did you mean 'importance'\?", {"bound": "elbo"}),
        ({"bound": "importance", "beta": 2.0}, r"bound='importance' .* beta=1 and free_bits=0 only", {"beta": 2.0}),
        ({"bound": "importance", "free_bits": 0.1}, r"beta=1 and free_bits=0 only", {"bound": "importance"}),
        (
            {"bound": "importance", "supervision": "eq4"},
            r"supervision='eq4' is defined for bound='elbo' only",
            {"bound": "importance", "supervision": "default"},
        ),
        ({"estimators": {"digit": "enumerat"}}, r"'enumerat'.* Did you mean 'enumerate'\?", {"estimators": {}}),
        (
            {"estimators": {"style": "reinforce"}},
            r"'style' is Normal\(3\): it is sampled, and only discrete variables take an estimator",
            {"estimators": {"digit": "reinforce"}},
        ),
        (
            {"estimators": {"digits": "reinforce"}},
            r"'digits', which is no latent of this model\. Did you mean 'digit'\?",
            {"estimators": {"digit": "reinforce"}},
        ),
    ],
)
def test_options_that_cannot_be_are_refused(
    options: Any, message: str, twin: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # no user has the tests' type checker in between
    with pytest.raises(OptionError, match=message):
        MODEL.objective(X, **options)
    assert torch.isfinite(MODEL.objective(X, **twin).loss)


def test_an_option_that_does_not_exist_is_refused() -> None:
    with pytest.raises(TypeError, match="temperature"):
        MODEL.objective(X, temperature=1.0)  # type: ignore[call-arg]


class Bits(ub.Model):
    """A vector of more bits than there is a table of values for."""

    bits: int = 17

    def encode(self, x: Any) -> Any:
        return {"code": ub.Bernoulli(self.bits)(x)}

    def decode(self, code: Any) -> Any:
        return ub.Bernoulli(4)(code)


def test_enumeration_over_the_budget_is_refused_and_no_default() -> None:
    x = torch.ones(2, 4)
    for name in ("enumerate", "sum_and_sample"):
        message = rf"'code' is Bernoulli\(17\), with 2\^17 joint values; {name} takes at most 2\^16\. Choose reinforce"
        with pytest.raises(OptionError, match=message):
            Bits().objective(x, estimators={"code": name})
    assert torch.isfinite(Bits(bits=3).objective(x, estimators={"code": "enumerate"}).loss)
    assert torch.isfinite(Bits().objective(x).loss)


def test_priors_that_go_in_a_circle_are_refused() -> None:
    class Circle(ub.Model):
        def encode(self, x: Any) -> Any:
            return {"kind": ub.Categorical(2)(x), "sort": ub.Categorical(3)(x)}

        def prior(self, kind: Any, sort: Any) -> Any:
            return {"kind": ub.Categorical(2)(sort), "sort": ub.Categorical(3)(kind)}

        def decode(self, kind: Any, sort: Any) -> Any:
            return ub.Bernoulli(4)(kind, sort)

    class Line(Circle):
        def prior(self, kind: Any) -> Any:  # type: ignore[override]
            return {"sort": ub.Categorical(3)(kind)}

    with pytest.raises(ModelError, match=r"Circle: the factors of p go in a circle: (kind|sort) -> (kind|sort)"):
        Circle()
    assert torch.isfinite(Line().objective(torch.ones(2, 4)).loss)


@pytest.mark.parametrize("estimator", ["enumerate", "plug_in"])
def test_a_label_below_an_enumerated_parent_is_allowed_and_exact(estimator: str) -> None:
    """The parent is weighed by q(kind | x) q(sort | x, kind) if enumerated; plugged in, it is its mean."""
    model = TwoDiscrete().double()
    x, labels = rows_of(model, 3), labels_of(model, 3)
    known = {"sort": labels["sort"], "style": labels["style"]}
    result = model.objective(x, known, alpha=1.7, estimators={"kind": estimator})
    w, brute = naive.weights_of(model), naive.two_discrete if estimator == "enumerate" else naive.two_discrete_plug_in
    each = [{name: value[i] for name, value in known.items()} for i in range(3)]
    values = [brute(w, x[i], each[i], torch.zeros(2, 2, dtype=x.dtype), 1.7) for i in range(3)]
    torch.testing.assert_close(result.loss, -torch.stack(values).mean(), rtol=1e-10, atol=1e-10)


def test_labels_inside_an_enumerated_parent_may_be_missing_in_some_rows() -> None:
    model = TwoDiscrete().double()
    x, labels = rows_of(model, 3), labels_of(model, 3)
    labels["sort"][1] = -1
    mixed = model.objective(x, labels).terms["log p(x)"]
    assert mixed.rows is not None
    for place, i in enumerate(mixed.rows.tolist()):
        one = model.objective(x[i : i + 1], {name: value[i : i + 1] for name, value in labels.items()})
        torch.testing.assert_close(mixed.values[place], one.terms["log p(x)"].values[0])
