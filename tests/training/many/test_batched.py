"""Runs computed together are the runs that `fit` makes one by one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import unbraid as ub
from tests.models import REGISTRY, TwoDiscrete, labels_of, rows_of
from tests.training.small import ROWS, SIZES, TEST, Small
from unbraid.errors import OptionError

SEEDS = (0, 3, 4)
IMAGES = ROWS.images.double()
CLOSE: dict[str, float] = {"rtol": 1e-8, "atol": 1e-8}


class Plain(Small):
    """Without dropout, in double precision."""

    drop: float = 0.0


class Normalised(ub.Model):
    """A layer with a state of its own: means of what it has seen."""

    def encode(self, x: Any) -> Any:
        h = ub.module(torch.nn.BatchNorm1d(8))(ub.mlp(8)(x))
        return {"digit": ub.Categorical(10)(h)}

    def decode(self, digit: Any) -> Any:
        return ub.Bernoulli(1, 28, 28)(digit)


def labels(seed: int) -> Any:
    """The labels of a run."""
    return ub.data.few_labels(ROWS.labels, 2, seed)


def train(model: Any = None, **more: Any) -> ub.Runs:
    """Trains three small runs together."""
    given = {"seeds": SEEDS, "labels_of": labels, "how": "batched", "epochs": 2, **SIZES, **more}
    return ub.fit_many(model or Plain().double(), IMAGES, **given)


def alone(seed: int, model: type[ub.Model] = Plain, **more: Any) -> ub.Run:
    """Trains one of them by itself."""
    return ub.fit(model(seed=seed).double(), IMAGES, labels(seed), seed=seed, **{"epochs": 2, **SIZES, **more})


def assert_same(run: ub.Run, single: ub.Run) -> None:
    """Raises unless two runs have the same weights and history, but for rounding."""
    torch.testing.assert_close(dict(run.model.state_dict()), dict(single.model.state_dict()), **CLOSE)
    assert len(run.history) == len(single.history)
    for one, other in zip(run.history, single.history, strict=True):
        assert (one["epoch"], one["steps"]) == (other["epoch"], other["steps"])
        assert one["loss"] == pytest.approx(other["loss"], rel=1e-8)
        assert one["terms"] == pytest.approx(other["terms"], rel=1e-8)
        assert one.get("validation") == other.get("validation")
    assert run.plan.digest() == single.plan.digest()
    assert run.test == single.test


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"average": 0.9, "schedule": "cosine", "warmup_steps": 2, "beta_ramp": 1.0, "free_bits": 0.1},
        {"mixed": False, "rate": 1.5, "balanced": True, "samples": 2, "bound": "importance"},
        {"holdout": 0.5, "choose": "best", "test": (TEST.images.double(), TEST.labels)},
        {"estimators": {"digit": "reinforce"}},
        {"estimators": {"digit": "sum_and_sample"}},
        {"estimators": {"digit": "gumbel"}},
    ],
    ids=["defaults", "schedules", "batches", "choice", "reinforce", "sum_and_sample", "gumbel"],
)
def test_each_is_the_run_of_fit(settings: dict[str, Any]) -> None:
    runs = train(**settings)
    assert (runs.how, runs.seeds, runs.failed) == ("batched", SEEDS, {})
    for run in runs:
        assert_same(run, alone(run.settings.seed, **settings))
