"""Estimators by text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor

import unbraid as ub
from tests.models import Digits, rows_of
from unbraid.errors import OptionError
from unbraid.estimators import (
    Downstream,
    Enumerate,
    Estimator,
    Gumbel,
    PlugIn,
    Reinforce,
    Site,
    SumAndSample,
    choose_estimators,
    named,
    text_of,
)


@pytest.mark.parametrize(
    ("text", "estimator"),
    [
        ("enumerate", Enumerate()),
        ("enumerate()", Enumerate()),
        (" enumerate ( rows = 5 ) ", Enumerate(rows=5)),
        ("plug_in", PlugIn()),
        ("gumbel(temperature=0.5,hard=true)", Gumbel(temperature=0.5, hard=True)),
        ("gumbel(temperature=1, start=2e0, hard=False)", Gumbel(temperature=1.0, start=2.0)),
        ("gumbel(start=none)", Gumbel()),
        ("reinforce(samples=1)", Reinforce(samples=1)),
        ("sum_and_sample(k=3)", SumAndSample(k=3)),
    ],
)
def test_a_text_is_an_estimator(text: str, estimator: Estimator) -> None:
    assert named(text) == estimator
    assert named(text_of(estimator)) == estimator
    assert named(estimator) is estimator


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gumble", r"there is no estimator 'gumble'. Did you mean 'gumbel'\?"),
        ("", r"'' is no estimator: write a name, or gumbel"),
        ("gumbel(", r"'gumbel\(' is no estimator"),
        ("gumbel(hard=true) now", r"is no estimator"),
        ("gumbel(temprature=0.5)", r"gumbel has no option 'temprature'. Did you mean 'temperature'\?"),
        ("plug_in(k=1)", r"plug_in has no option 'k'. It has no options."),
        ("gumbel(0.5)", r"gumbel: '0.5' is no option: an option is key=value"),
        ("gumbel(hard=)", r"gumbel: 'hard=' is no option"),
        ("gumbel(hard=true,)", r"gumbel: '' is no option"),
        ("gumbel(hard=yes)", r"gumbel: hard must be true or false, got 'yes'"),
        ("gumbel(temperature=warm)", r"gumbel: temperature must be a number, got 'warm'"),
        ("gumbel(temperature=nan)", r"gumbel: temperature must be a number, got 'nan'"),
        ("gumbel(start=hot)", r"gumbel: start must be a number or none, got 'hot'"),
        ("gumbel(temperature=-1)", r"Gumbel: temperatures must be above 0"),
        ("sum_and_sample(k=2.5)", r"sum_and_sample: k must be a whole number, got '2.5'"),
        ("sum_and_sample(k=1,k=2)", r"sum_and_sample: k is given twice"),
        (Gumbel, r"an estimator is a name or an object with __call__ and copies.*parentheses"),
    ],
)
def test_texts_that_are_no_estimator_are_refused(text: Any, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        named(text)
    assert named("gumbel")


@dataclass(frozen=True)
class Best:
    """Children see the most probable value: an estimator of a user's own."""

    def __call__(self, site: Site, downstream: Downstream) -> Any:
        logits = site.logits.tensor
        best = torch.zeros_like(logits).scatter(-1, logits.argmax(-1, keepdim=True), 1.0)
        return downstream(site.seen(best, site.logits.axes))

    def copies(self, values: int) -> int:
        return 1


def test_an_estimator_has_a_hash() -> None:
    """Passes are remembered by it."""

    @dataclass
    class Thawed:
        size: int = 1

        def __call__(self, site: Site, downstream: Downstream) -> Any:
            return Best()(site, downstream)

        def copies(self, values: int) -> int:
            return 1

    with pytest.raises(OptionError, match=r"Thawed\(size=1\) has no hash.*declare Thawed with @dataclass\(frozen=True"):
        Digits().objective(torch.zeros(2, 1, 4, 4), estimators={"digit": Thawed()})


def test_an_estimator_of_ones_own_is_given_as_it_is() -> None:
    model = Digits()
    x = rows_of(model, 4)
    assert choose_estimators(model.graph, {"digit": Best()}) == {"digit": Best()}
    assert text_of(Best()) == "Best()"

    def log_likelihood(**options: Any) -> Tensor:
        return model.objective(x, generator=torch.Generator().manual_seed(0), **options).terms["log p(x)"].values

    found = log_likelihood(estimators={"digit": Best()})
    expected = log_likelihood(labels={"digit": model.predict(x)["digit"]})
    torch.testing.assert_close(found, expected)
    assert "Best() (chosen)" in model.explain(estimators={"digit": Best()})

    class Own(ub.Model):
        def encode(self, x: Any) -> Any:
            return {"digit": ub.Categorical(3, estimator=Best())(x), "sure": ub.Bernoulli(2, estimator=Best())(x)}

        def decode(self, digit: Any, sure: Any) -> Any:
            return ub.Bernoulli(4)(digit, sure)

    assert choose_estimators(Own().graph) == {"digit": Best(), "sure": Best()}
    assert torch.isfinite(Own().objective(torch.zeros(3, 4)).loss)
