"""A model with a `Repeat` is trained, saved, loaded, evaluated, and compared with its baseline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import unbraid as ub
from tests.repeat.models import Events, Tree, rows
from tests.training.small import same, weights
from unbraid.evaluation import evaluate_labels
from unbraid.evaluation.baseline import supervised_baseline
from unbraid.objectives.given import given_labels
from unbraid.training.plan import SupervisionPlan
from unbraid.training.settings import Settings

X, TRUTH = rows(120)
FEW = {name: label.clone() for name, label in TRUTH.items()}
FEW["count"][40:] = -1
FEW["events.kind"][30:] = -1


def train(model: ub.Model, labels: Any = FEW, **options: Any) -> ub.Run:
    settings = {"epochs": 2, "batch_size": 40, "labelled_batch_size": 20, "progress": "quiet", **options}
    return ub.fit(model, X, labels, **settings)


@pytest.mark.parametrize("order", ["given", "matched"])
def test_what_is_loaded_is_the_result(order: str, tmp_path: Path) -> None:
    run = train(Events(order=order), out=tmp_path, test=(X, TRUTH))
    loaded = ub.load(tmp_path)
    assert same(weights(loaded), weights(run.model))
    for name, value in loaded.predict(X).items():
        torch.testing.assert_close(value, run.model.predict(X)[name], rtol=0, atol=0, equal_nan=True)
    assert set(run.test) >= {"count", "events.kind"}


def test_labels_are_learned_in_every_step() -> None:
    """The first steps' kinds and the count, from all rows; guessing errs in two thirds, and in three quarters."""
    run = train(Events(hidden=32), TRUTH, epochs=25, learning_rate=1e-2, rate=1.0)
    found = evaluate_labels(run.model, X, TRUTH)
    assert found["count"]["error"] < 0.1
    assert found["events.kind"]["error"] < 0.4


def test_errors_are_of_the_items_that_are_labelled() -> None:
    model = Events()
    predicted = model.predict(X)["events.kind"]
    found = evaluate_labels(model, X, {"events.kind": TRUTH["events.kind"]})["events.kind"]
    known = TRUTH["events.kind"] >= 0
    assert found["n"] == int(known.sum())
    assert found["error"] == pytest.approx((predicted != TRUTH["events.kind"])[known].float().mean().item())


def test_consistency_of_the_count_and_of_items() -> None:
    run = train(Events(), consistency=1.0, views=Shifted(), epochs=1)
    assert all(torch.isfinite(parameter).all() for parameter in run.model.parameters())


class Shifted:
    """A view of rows: a little noise."""

    def __call__(self, x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        return x + 0.05 * torch.randn(x.shape, generator=generator)


def test_the_baseline_learns_the_labelled_items() -> None:
    model = Events(hidden=16)
    labels = given_labels(model.graph, FEW, len(X))
    settings = Settings(labelled_batch_size=20, learning_rate=1e-2)
    trained = supervised_baseline(model, X, SupervisionPlan.of(labels, len(X)), settings, steps=60)
    shown = {name: label[:30] for name, label in TRUTH.items()}
    found = evaluate_labels(trained, X[:30], shown)
    assert found["count"]["error"] < 0.5
    assert found["events.kind"]["error"] < 0.6


def test_labels_are_split_by_step_and_steps_without_any_left_out() -> None:
    found = given_labels(
        Events().graph, {"events.kind": TRUTH["events.kind"].clone().index_fill(1, torch.tensor([1]), -1)}, 120
    )
    assert set(found) == {"events[0].kind", "events[2].kind"}
    assert torch.equal(found["events[2].kind"], TRUTH["events.kind"][:, 2])


def test_a_repeat_in_a_repeat_is_trained() -> None:
    generator = torch.Generator().manual_seed(0)
    number = torch.arange(120) % 4
    counts = torch.randint(3, (120, 3), generator=generator).masked_fill(torch.arange(3) >= number[:, None], -1)
    run = train(Tree(), {"number": number, "branches.count": counts}, epochs=1)
    assert run.model.predict(X)["branches.leaves.kind"].shape == (120, 3, 2)
