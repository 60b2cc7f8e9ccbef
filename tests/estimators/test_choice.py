"""Each discrete latent gets an estimator."""

from __future__ import annotations

from typing import Any

import pytest

import unbraid as ub
from tests.models import Digits, TwoDiscrete, rows_of
from unbraid.errors import OptionError
from unbraid.estimators import Enumerate, PlugIn, choose_estimators


class Many(ub.Model):
    """Three discrete latents whose values together are too many to enumerate."""

    def encode(self, x: Any) -> Any:
        return {"first": ub.Categorical(10)(x), "second": ub.Categorical(9)(x), "third": ub.Categorical(6)(x)}

    def decode(self, first: Any, second: Any, third: Any) -> Any:
        return ub.Bernoulli(4)(first, second, third)


def test_enumeration_is_the_default_within_the_budget() -> None:
    assert choose_estimators(TwoDiscrete().graph) == {"kind": Enumerate(), "sort": Enumerate()}
    assert choose_estimators(Many().graph) == {"first": Enumerate(), "second": PlugIn(), "third": Enumerate()}


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
