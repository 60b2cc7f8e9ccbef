"""What the tests of many runs share: a small model in double precision, a few rows, three seeds."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import unbraid as ub
from tests.training.small import ROWS, SIZES, Small
from unbraid.training.many.choice import How

SEEDS = (0, 3, 4)
IMAGES = ROWS.images.double()
TEST = ub.data.tiny_digits(40, seed=1)
TESTED = (TEST.images.double(), TEST.labels)


def labels_of(seed: int) -> Any:
    """The labels of a run."""
    return ub.data.few_labels(ROWS.labels, 2, seed)


def train(model: Any = Small, how: How = "batched", **more: Any) -> ub.Runs:
    """Trains small runs, three if no other seeds are given."""
    made = model().double() if isinstance(model, type) else model
    given = {"seeds": SEEDS, "labels_of": labels_of, "epochs": 2, **SIZES, **more}
    return ub.fit_many(made, IMAGES, how=how, **given)


def alone(seed: int, model: type[ub.Model] = Small, **more: Any) -> ub.Run:
    """Trains one of them by itself."""
    return ub.fit(model(seed=seed).double(), IMAGES, labels_of(seed), seed=seed, **{"epochs": 2, **SIZES, **more})


def assert_same(run: ub.Run, single: ub.Run) -> None:
    """Raises unless two runs have the same weights and history, but for rounding."""
    torch.testing.assert_close(dict(run.model.state_dict()), dict(single.model.state_dict()), rtol=1e-8, atol=1e-8)
    assert len(run.history) == len(single.history)
    for one, other in zip(run.history, single.history, strict=True):
        assert (one["epoch"], one["steps"]) == (other["epoch"], other["steps"])
        assert one["loss"] == pytest.approx(other["loss"], rel=1e-8)
        assert one["terms"] == pytest.approx(other["terms"], rel=1e-8)
        assert one.get("validation") == other.get("validation")
    assert run.plan.digest() == single.plan.digest()
    assert run.settings == single.settings
    assert run.test == single.test
