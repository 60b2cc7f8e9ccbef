"""Rows that a training is measured on."""

from __future__ import annotations

import math
from typing import Any

import torch

import unbraid as ub
from tests.repeat.models import Event
from unbraid.report.headline import headlines
from unbraid.training.many.runs import Runs
from unbraid.training.watched import one_error

X = torch.tensor([[9.0, 0.0, 0.0, 1.0, 2.0, 3.0]]).expand(20, 6)


class Absent(ub.Model):
    """Up to two events; its count is what the first three numbers of a row say."""

    def encode(self, x: Any) -> Any:
        count = ub.Categorical(3)(logits=x[:, :3])
        return {"count": count, "events": ub.Repeat(Event(), at_most=2, state=4)(x, count)}

    def decode(self, events: Any) -> Any:
        return ub.Normal(6)(loc=events.decode().sum(1))


def test_one_error_is_the_mean_and_never_the_best_where_a_latent_has_no_step_to_compare() -> None:
    errors = {"kind": {"error": 0.5, "n": 3}, "size": {"rmse": 1.5, "n": 3}}
    assert one_error(errors) == 1.0
    assert math.isnan(one_error({**errors, "turn": {"n": 0}}))
    assert math.isnan(one_error({"size": {"n": 0}}))


def test_a_model_that_predicts_no_step_is_trained_to_the_end() -> None:
    size = torch.full((20, 2, 2), torch.nan)
    size[:, 0] = 1.0
    watched = (X, {"events.size": size})
    run = ub.fit(Absent(), X, validation=watched, test=watched, choose="best", epochs=1, progress="quiet")
    assert run.test == run.history[0]["validation"] == {"events.size": {"n": 0}}
    (headline,) = headlines({"test": run.test})
    assert (headline.value, headline.detail) == ("not measured", "none of the labelled steps is predicted")
    assert math.isnan(Runs([run]).mean("events.size"))
