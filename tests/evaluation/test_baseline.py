"""The baseline sees labelled rows only, and is trained as the semi-supervised model is."""

from __future__ import annotations

import math

import pytest
import torch

import unbraid as ub
from tests.models import TwoDiscrete, labels_of, rows_of
from tests.training.small import LABELS, ROWS, TEST, Small, same, weights
from unbraid.errors import DataError
from unbraid.evaluation import evaluate_labels
from unbraid.evaluation.baseline import recognition_loss, supervised_baseline
from unbraid.training.plan import SupervisionPlan
from unbraid.training.settings import Settings

PLAN = SupervisionPlan.of({"digit": torch.as_tensor(LABELS["digit"])}, 120)
SETTINGS = Settings(labelled_batch_size=10, learning_rate=3e-3)


def baseline(
    images: torch.Tensor = ROWS.images, steps: int = 15, settings: Settings = SETTINGS, **more: ub.Warp
) -> ub.Model:
    """A small model, trained on the labelled rows alone."""
    return supervised_baseline(Small(), images, PLAN, settings, steps=steps, **more)


def test_only_labelled_rows_are_looked_at() -> None:
    """The other rows may hold anything, even what is no image."""
    images = ROWS.images.clone()
    images[PLAN.unlabelled_rows] = torch.nan
    assert same(weights(baseline()), weights(baseline(images)))
    images[PLAN.labelled_rows[0]] = 0.0
    assert not same(weights(baseline()), weights(baseline(images)))


def test_it_is_the_same_every_time() -> None:
    before = torch.random.get_rng_state()
    one = weights(baseline(views=ub.Warp()))
    assert torch.equal(before, torch.random.get_rng_state())
    torch.rand(3)
    assert same(one, weights(baseline(views=ub.Warp())))
    assert not same(one, weights(baseline()))
    assert not same(one, weights(baseline(views=ub.Warp(), settings=SETTINGS.changed(seed=1))))


def test_it_takes_as_many_steps_as_it_is_told() -> None:
    """Also where they are no whole number of sweeps."""
    seen: list[int] = []

    class Counted(ub.Warp):
        def __call__(self, x: torch.Tensor, generator: torch.Generator | None = None) -> torch.Tensor:
            seen.append(len(x))
            return super().__call__(x, generator)

    sweep = len(PLAN.labelled_rows) // SETTINGS.labelled_batch_size
    assert sweep > 1
    baseline(steps=sweep + 1, views=Counted())
    assert seen == [SETTINGS.labelled_batch_size] * (sweep + 1)


def test_it_learns_its_rows_and_something_of_others() -> None:
    model = supervised_baseline(Small(hidden=32, drop=0.0), ROWS.images, PLAN, SETTINGS, steps=150)
    assert not model.training
    shown = ROWS[PLAN.labelled_rows.numpy()]
    assert evaluate_labels(model, shown.images, shown.labels)["digit"]["error"] == 0.0
    assert evaluate_labels(model, TEST.images, TEST.labels)["digit"]["error"] < 0.7  # guessing errs in 90 %


def test_the_generative_model_is_left_alone() -> None:
    before, after = weights(Small()), weights(baseline())
    changed = {name for name, each in before.items() if not torch.equal(each, after[name])}
    assert changed
    assert all("decode" not in name for name in changed)


def test_the_loss_by_hand() -> None:
    model = Small(drop=0.0).eval()
    labels = {"digit": torch.as_tensor(LABELS["digit"])}
    log_q = model.infer(ROWS.images)["digit"].log_prob(labels["digit"].clamp_min(0))
    wanted = -log_q[labels["digit"] >= 0].sum() / 120
    assert float(recognition_loss(model, ROWS.images, labels).detach()) == pytest.approx(float(wanted), rel=1e-5)


def test_several_latents_each_given_the_ones_before() -> None:
    model = TwoDiscrete()
    x, labels = rows_of(model, 20), labels_of(model, 20, missing=0.4)
    del labels["style"]
    kind, sort = labels["kind"], labels["sort"]
    guess = torch.where(kind >= 0, kind, 0)
    first = model.infer(x)["kind"].log_prob(guess)[kind >= 0].sum()
    second = model.infer(x, kind=guess)["sort"].log_prob(sort.clamp_min(0))[sort >= 0].sum()
    found = float(recognition_loss(model, x, labels).detach())
    assert math.isfinite(found)
    whole = {name: each[kind >= 0] for name, each in labels.items()}
    rows = x[kind >= 0]
    wanted = -(
        first
        + model.infer(rows, kind=whole["kind"])["sort"].log_prob(whole["sort"].clamp_min(0))[whole["sort"] >= 0].sum()
    )
    assert float(recognition_loss(model, rows, whole).detach()) == pytest.approx(float(wanted) / len(rows), rel=1e-5)
    assert float(second) < 0


def test_a_row_without_its_parent_takes_the_most_probable_one() -> None:
    """`sort` is asked for at the most probable `kind` where no label says which."""
    model = TwoDiscrete()
    x = rows_of(model, 20)
    kind, sort = torch.full((20,), -1), torch.arange(20) % 2
    kind[:10] = torch.arange(10) % 3
    seen = torch.where(kind >= 0, kind, model.predict(x)["kind"])
    q = model.infer(x, kind=seen)
    wanted = -(q["kind"].log_prob(kind.clamp_min(0))[:10].sum() + q["sort"].log_prob(sort).sum()) / 20
    found = float(recognition_loss(model, x, {"kind": kind, "sort": sort}).detach())
    assert found == pytest.approx(float(wanted), rel=1e-5)


def test_nothing_labelled_is_refused() -> None:
    with pytest.raises(DataError, match="the baseline is trained on labelled rows, and none is labelled"):
        supervised_baseline(Small(), ROWS.images, SupervisionPlan.of({}, 120), SETTINGS, steps=1)
    baseline(steps=1)
