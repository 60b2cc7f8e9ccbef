"""Each discrete latent gets an estimator."""

from __future__ import annotations

import math
from typing import Any

import pytest

import unbraid as ub
from tests.models import Digits, TwoDiscrete, rows_of
from unbraid.errors import OptionError
from unbraid.estimators import Enumerate, PlugIn, Reinforce, SumAndSample, choose_estimators


class Many(ub.Model):
    """Three discrete latents whose values together are too many to enumerate."""

    def encode(self, x: Any) -> Any:
        return {"first": ub.Categorical(10)(x), "second": ub.Categorical(9)(x), "third": ub.Categorical(6)(x)}

    def decode(self, first: Any, second: Any, third: Any) -> Any:
        return ub.Bernoulli(4)(first, second, third)


class Wide(ub.Model):
    """A variable with too many values to enumerate."""

    def encode(self, x: Any) -> Any:
        return {"word": ub.Categorical(65)(x)}

    def decode(self, word: Any) -> Any:
        return ub.Bernoulli(4)(word)


def test_enumeration_is_the_default_within_the_budget() -> None:
    assert choose_estimators(TwoDiscrete().graph) == {"kind": Enumerate(), "sort": Enumerate()}
    assert choose_estimators(Many().graph)["first"] == Enumerate()


def test_beyond_the_budget_the_defaults_sum_and_sample_within_it() -> None:
    chosen = choose_estimators(Many().graph)
    assert chosen == {"first": Enumerate(), "second": SumAndSample(k=5), "third": Reinforce(samples=1)}
    copies = [estimator.copies(Many().latents[name].cardinality or 0) for name, estimator in chosen.items()]
    assert math.prod(copies) == 60
    assert choose_estimators(Many().graph, {"second": "plug_in"})["third"] == Enumerate()
    wide = choose_estimators(Wide().graph)
    assert wide == {"word": SumAndSample(k=63)}
    assert "sum_and_sample(k=63) (default)" in Wide().explain()
    assert "costs 64 evaluations of p(x | ·)" in Wide().explain()


def test_estimators_are_chosen_by_name_or_given() -> None:
    graph = Many().graph
    chosen = choose_estimators(graph, {"first": "plug_in", "second": Enumerate(), "third": PlugIn()})
    assert chosen == {"first": PlugIn(), "second": Enumerate(), "third": PlugIn()}


def test_a_variable_may_name_its_own() -> None:
    class Own(ub.Model):
        def encode(self, x: Any) -> Any:
            return {"digit": ub.Categorical(3, estimator="plug_in")(x)}

        def decode(self, digit: Any) -> Any:
            return ub.Bernoulli(4)(digit)

    graph = Own().graph
    assert choose_estimators(graph) == {"digit": PlugIn()}
    assert choose_estimators(graph, {"digit": "enumerate"}) == {"digit": Enumerate()}


def test_estimators_that_do_not_exist_or_fit_are_refused() -> None:
    model = Digits()
    x = rows_of(model, 2)
    with pytest.raises(OptionError, match=r"there is no estimator 'enumerat'. Did you mean 'enumerate'\?"):
        model.objective(x, estimators={"digit": "enumerat"})
    with pytest.raises(
        OptionError, match=r"an estimator for 'digitt', which is no latent of this model. Did you mean 'digit'"
    ):
        model.objective(x, estimators={"digitt": "enumerate"})
    with pytest.raises(OptionError, match=r"'style' is Normal\(3\): it is sampled, and only discrete variables take"):
        model.objective(x, estimators={"style": "enumerate"})
    assert model.objective(x, estimators={"digit": "enumerate"}).terms


def test_enumerating_too_much_together_is_refused() -> None:
    class Many(ub.Model):
        def encode(self, x: Any) -> Any:
            return {name: ub.Categorical(1000, estimator="enumerate")(x) for name in ("a", "b", "c")}

        def decode(self, a: Any, b: Any, c: Any) -> Any:
            return ub.Bernoulli(4)(a, b, c)

    graph = Many().graph
    with pytest.raises(
        OptionError, match=r"evaluate every row 1,000,000,000 times \(a: enumerate, .*at most 1,048,576"
    ):
        choose_estimators(graph)
    assert choose_estimators(graph, {"a": "plug_in", "b": "plug_in"})["c"] == Enumerate()


@pytest.mark.parametrize("wrong", ["enumerate", ["enumerate"]])
def test_estimators_go_by_latent(wrong: Any) -> None:
    model = TwoDiscrete()
    with pytest.raises(OptionError, match=r"estimators go by latent, \{'kind': 'enumerate'\}, got "):
        model.objective(rows_of(model, 3), estimators=wrong)
