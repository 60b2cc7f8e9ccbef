"""Training: what it learns from, what it returns, and what it refuses before the first step."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset, TensorDataset

import unbraid as ub
from tests.models import REGISTRY, TwoDiscrete, labels_of, rows_of
from tests.training.small import LABELS, ROWS, SIZES, STATEFUL, TEST, Small, same, same_end, train, weights
from unbraid.errors import DataError, OptionError, UnbraidError
from unbraid.training.task import Task

SHOWN = LABELS["digit"] >= 0


def spoilt(row: int, value: float) -> Tensor:
    """The images, with a pixel of one row changed."""
    images = ROWS.images.clone()
    images[row, 0, 5, 5] = value
    return images


def with_labels(change: Any) -> dict[str, Any]:
    """The labels, with a change made to a copy."""
    digits = LABELS["digit"].copy()
    return {"digit": digits if (changed := change(digits)) is None else changed}


class Items(Dataset[Any]):
    """A dataset of images, each with a class that training must not look at."""

    def __init__(self, images: Any, classes: Any) -> None:
        self.images, self.classes = images, classes

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Any:
        return self.images[index], int(self.classes[index])


def test_it_learns_the_digit_from_a_few_labels() -> None:
    rows, test = ub.data.tiny_digits(200, seed=3), ub.data.tiny_digits(200, seed=4)
    labels = ub.data.few_labels(rows.labels, per_class=5, seed=0)
    model = Small(hidden=48, drop=0.0)
    run = ub.fit(model, rows.images, labels, test=test, epochs=15, learning_rate=1e-2, **SIZES)
    assert run.test["digit"]["error"] < 0.4  # guessing errs in 90 %
    assert run.test["digit"]["n"] == 200
    assert run.history[-1]["loss"] < run.history[0]["loss"]


def test_the_run_says_what_was_done() -> None:
    model = Small()
    run = train(model=model, test=TEST, validation=TEST)
    assert [each["epoch"] for each in run.history] == [1, 2]
    first = run.history[0]
    assert first.keys() == {"epoch", "steps", "loss", "terms", "validation", "clock"}
    assert first["steps"] == 2  # 100 rows without a label in batches of 50
    assert first["terms"].keys() == {"log p(x)", "KL(style)", "KL(digit)", "log p(digit)", "log q(digit)"}
    assert first["clock"].keys() == {"train_seconds", "seconds", "rows_per_second"}
    assert (run.folder, run.settings.epochs, len(run.plan.labelled_rows)) == (None, 2, 20)
    assert not run.model.training
    assert run.model is not model
    assert same(weights(run.model), weights(model))  # trained in place


def test_the_same_call_trains_the_same_and_another_seed_does_not() -> None:
    before = torch.random.get_rng_state()
    run = train(**STATEFUL)
    assert torch.equal(before, torch.random.get_rng_state())  # torch's own generator is left alone
    torch.rand(3)
    assert same_end(run, train(**STATEFUL))
    assert not same_end(run, train(**STATEFUL, seed=1))


def test_labels_of_other_rows_cannot_reach_the_training() -> None:
    """What is written in rows that are not shown makes no difference, bit for bit."""
    garbage = np.where(SHOWN, ROWS.labels["digit"], np.random.default_rng(9).integers(0, 10, len(ROWS)))
    assert (garbage != ROWS.labels["digit"]).sum() > 50
    honest = train(**STATEFUL)
    assert same_end(honest, train({"digit": np.where(SHOWN, garbage, -1)}, **STATEFUL))
    for classes in (ROWS.labels["digit"], garbage):  # a dataset hands its classes to training; nothing reads them
        assert same_end(honest, train(images=Items(ROWS.images, classes), **STATEFUL))
    other = with_labels(lambda digits: digits.__setitem__(np.flatnonzero(SHOWN)[:2], [1, 2]))
    assert not same_end(honest, train(other, **STATEFUL))


def test_the_plan_on_disk_holds_labelled_rows_only(tmp_path: Path) -> None:
    train(out=tmp_path, epochs=1)
    plan = json.loads((tmp_path / "plan.json").read_text())
    assert plan["rows"] == 120
    assert plan["variables"]["digit"]["rows"] == np.flatnonzero(SHOWN).tolist()
    assert plan["variables"]["digit"]["values"] == LABELS["digit"][SHOWN].tolist()


def test_watched_rows_choose_nothing_unless_asked() -> None:
    plain = train()
    other = ub.data.Rows(TEST.images, {"digit": (TEST.labels["digit"] + 1) % 10}, "other labels")
    for watched in (TEST, other):
        run = train(validation=watched, test=watched)
        assert same(weights(plain.model), weights(run.model))
    assert plain.history[0].keys() == run.history[0].keys() - {"validation"}


def test_best_weights_are_those_of_the_best_epoch() -> None:
    first, last = train(epochs=1).model, train(epochs=3).model
    for wanted in (first, last):
        answers = (TEST.images, wanted.predict(TEST.images))  # this epoch will have no error on them
        run = train(epochs=3, validation=answers, choose="best")
        assert same(weights(run.model), weights(wanted))
        assert len(run.history) == 3


def test_training_stops_when_it_gets_no_better() -> None:
    first = train(epochs=1).model
    answers = (TEST.images, {"digit": first.predict(TEST.images)["digit"]})
    run = train(epochs=20, validation=answers, patience=2, choose="best")
    assert len(run.history) == 3
    assert same(weights(run.model), weights(first))
    assert len(train(epochs=4, validation=answers).history) == 4


def test_held_out_rows_are_watched_and_not_trained_on() -> None:
    labels = ub.data.few_labels(ROWS.labels, per_class=4)
    run = train(labels, holdout=0.25, choose="best", patience=5)
    kept = run.plan.labelled_rows
    assert len(kept) == 30
    assert set(kept.tolist()) < set(np.flatnonzero(labels["digit"] >= 0).tolist())
    assert run.history[0]["validation"]["digit"]["n"] == 10
    assert len(run.plan.unlabelled_rows) == 90


@pytest.mark.parametrize("rate", [0.0, 0.5, 1.0, 3.0])
def test_the_supervision_rate_is_met(rate: float) -> None:
    settings = ub.Settings(rate=rate, batch_size=10, labelled_batch_size=5, mixed=False, epochs=3)
    task = Task.of(Small(), ROWS.images, LABELS, None, settings)
    batches = [batch for epoch in range(3) for batch in task.sweep(epoch)]
    unlabelled = sum(batch.unlabelled is not None for batch in batches)
    labelled = sum(batch.labelled is not None for batch in batches)
    assert (unlabelled, labelled) == (30, int(30 * rate))
    assert task.total_steps() == len(batches)
    run = train(rate=rate, mixed=False, epochs=1, batch_size=10)
    assert run.history[0]["steps"] == 10 + int(10 * rate)
    assert ("log q(digit)" in run.history[0]["terms"]) == (rate > 0)


def test_every_row_labelled() -> None:
    run = train(ROWS.labels, epochs=3)
    assert run.history[0]["terms"].keys() == {"log p(x)", "KL(style)", "log p(digit)", "log q(digit)"}
    assert run.history[0]["steps"] == 6  # 120 rows in labelled batches of 20
    assert run.history[-1]["loss"] < run.history[0]["loss"]


@pytest.mark.parametrize("labels", [None, {}])
def test_no_row_labelled(labels: Any) -> None:
    run = train(labels, epochs=3)
    assert run.history[0]["terms"].keys() == {"log p(x)", "KL(style)", "KL(digit)"}
    assert run.history[-1]["loss"] < run.history[0]["loss"]
    assert run.plan.variables == {}


@pytest.mark.parametrize("name", REGISTRY)
def test_every_small_model_trains(name: str) -> None:
    model = REGISTRY[name]()
    images = rows_of(model, 40)
    before = weights(model)
    run = ub.fit(model, images, labels_of(model, 40, missing=0.5), epochs=1, batch_size=10, progress="quiet")
    assert np.isfinite(run.history[0]["loss"])
    assert not same(before, weights(run.model))


def test_a_layer_that_normalises_over_the_batch_trains_on_one_row_more_than_batches_hold() -> None:
    class Normalised(Small):
        def encode(self, x: Any) -> Any:
            h = ub.module(nn.Sequential(nn.Flatten(), nn.LazyLinear(8), nn.BatchNorm1d(8)))(x)
            return {"digit": ub.Categorical(10)(h), "style": ub.Normal(3)(h)}

    run = train(None, ROWS.images[:101], Normalised(), epochs=1)
    assert run.history[0]["steps"] == 2


def test_a_model_in_double_precision_trains() -> None:
    run = train(images=ROWS.images.double(), model=Small().double(), epochs=1)
    assert {each.dtype for each in run.model.parameters()} == {torch.float64}


def test_real_labels_train() -> None:
    style = np.full((120, 3), np.nan, np.float32)
    style[::4] = 0.5
    run = train({"style": style}, epochs=1)
    assert "log q(style)" in run.history[0]["terms"]
    watched = train({"style": style}, epochs=1, validation=(ROWS.images, {"style": style}))
    assert watched.history[0]["validation"]["style"]["n"] == 30


def test_a_distance_is_no_share_of_the_rows(capsys: pytest.CaptureFixture[str]) -> None:
    style = np.full((120, 3), 3.0, np.float32)
    train({"style": style}, epochs=1, validation=(ROWS.images, {"style": style}), progress="lines")
    assert re.search(r"left  error [\d.]+  loss", capsys.readouterr().err)
    train(epochs=1, validation=TEST, progress="lines")
    assert re.search(r"left  error [\d.]+%  loss", capsys.readouterr().err)


def test_a_field_of_settings_and_a_change_on_top() -> None:
    run = train(settings=ub.Settings(epochs=5, alpha=7.0), epochs=1)
    assert (run.settings.epochs, run.settings.alpha) == (1, 7.0)


IMAGES: dict[str, tuple[Any, str]] = {
    "another shape": (lambda x: x[..., :27], r"x has shape \(120, 1, 28, 27\); this model takes \(rows, 1, 28, 28\)"),
    "one image": (lambda x: x[0], r"x has shape \(1, 28, 28\); this model takes"),
    "flat": (lambda x: x.flatten(1), r"x has shape \(120, 784\)"),
    "bytes": (lambda x: (x * 255).byte(), r"x is torch\.uint8; .*bytes divided by 255"),
    "double": (lambda x: x.double(), r"x is torch\.float64 and the parameters .*float32: x\.to\(torch\.float32\)"),
    "0 to 255": (lambda x: x * 255, r"values from 0 to 255; .*takes values from 0 to 1\. Bytes\? Divide by 255"),
    "negative": (lambda x: x - 0.5, r"values from -0\.5 to 0\.5; .*Rescale x, or choose ub\.Normal"),
    "NaN": (lambda x: spoilt(7, torch.nan), "x has NaN or infinite values, first in row 7"),
    "infinite": (lambda x: spoilt(3, torch.inf), "x has NaN or infinite values, first in row 3"),
    "none": (lambda x: x[:0], "x has no rows"),
    "text": (lambda x: "images", "x is str; it must be a tensor, an array or a torch dataset"),
    "Rows": (lambda x: ROWS, r"x is Rows, .* pass rows\.images"),
    "another type of dataset": (lambda x: TensorDataset(x.double()), r"x is torch\.float64"),
    "another shape of dataset": (lambda x: TensorDataset(x[:, 0]), r"x has shape \(1, 28, 28\)"),
    "no row of a dataset": (lambda x: TensorDataset(x[:0]), "x has no rows"),
}


@pytest.mark.parametrize("case", IMAGES)
def test_wrong_images_are_refused(case: str, tmp_path: Path) -> None:
    change, message = IMAGES[case]
    with pytest.raises(DataError, match=message):
        train(None, change(ROWS.images), out=tmp_path / "run")
    assert not (tmp_path / "run").exists()  # before anything is written
    train(None, ROWS.images, out=tmp_path / "run", epochs=1)


LABELLED: dict[str, tuple[Any, str]] = {
    "another length": (with_labels(lambda d: d[:-1]), "'digit' has 119 labels, but the data have 120 rows"),
    "outside": (with_labels(lambda d: np.where(d == 3, 10, d)), r"is 10: 'digit' has 10 classes, 0\.\.9"),
    "negative": (with_labels(lambda d: np.where(d == 3, -2, d)), r"is -2: 'digit' has 10 classes, 0\.\.9; -1 says"),
    "a fraction": (with_labels(lambda d: np.where(d == 3, 2.5, d)), "'digit' is discrete"),
    "no such variable": ({"digits": LABELS["digit"]}, r"labels for 'digits', .*Did you mean 'digit'\?"),
    "all missing": (with_labels(lambda d: np.full_like(d, -1)), "no row is labelled for 'digit'; leave it out"),
    "a class without": (with_labels(lambda d: np.where(d == 3, -1, d)), "no row is labelled with class 3 of 'digit'"),
    "one-hot": (with_labels(lambda d: np.eye(10)[d]), r"flatten a column, or take argmax\(axis=1\)"),
    "text": ({"digit": ["3"] * 120}, "must be numbers, got"),
    "another shape": ({"style": np.zeros(120)}, r"labels of 'style' have shape \(120,\), expected \(120, 3\)"),
}


@pytest.mark.parametrize("case", LABELLED)
def test_wrong_labels_are_refused(case: str, tmp_path: Path) -> None:
    labels, message = LABELLED[case]
    with pytest.raises(DataError, match=message):
        train(labels, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()  # before anything is written


@pytest.mark.parametrize("what", ["validation", "test"])
def test_wrong_labels_of_watched_rows_are_refused_before_training(what: str, tmp_path: Path) -> None:
    message = rf"{what}: the labels of 'style' have shape \(60,\), expected \(60, 3\)"
    watched: dict[str, Any] = {what: (TEST.images, {"style": np.arange(60.0)})}
    with pytest.raises(DataError, match=message):
        train(out=tmp_path / "run", **watched)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "valid",
    [
        LABELS["digit"].tolist(),
        torch.as_tensor(LABELS["digit"]),
        np.where(SHOWN, LABELS["digit"], np.nan),
        [int(each) if each >= 0 else None for each in LABELS["digit"]],
    ],
)
def test_labels_may_come_in_many_forms(valid: Any) -> None:
    assert same_end(train(epochs=1), train({"digit": valid}, epochs=1))


OPTIONS: dict[str, tuple[dict[str, Any], str, dict[str, Any]]] = {
    "no such setting": ({"epoch": 3}, r"no setting 'epoch'\. Did you mean 'epochs'\?", {"epochs": 1}),
    "views lack": ({"consistency": 1.0}, r"consistency needs views: pass fit\(\.\.\., views=ub\.Warp\(\)\)", {}),
    "best of nothing": ({"choose": "best"}, "choose='best' needs rows to choose on: give validation", {}),
    "patience without rows": ({"patience": 2}, "patience needs rows to choose on", {"patience": 0}),
    "estimator of nothing": (
        {"estimators": {"digt": "plug_in"}},
        r"'digt', which is no latent .*Did you mean 'digit'",
        {"estimators": {"digit": "plug_in"}},
    ),
    "estimator of a real latent": ({"estimators": {"style": "plug_in"}}, r"'style' is Normal\(3\): it is sampled", {}),
    "unknown estimator": (
        {"estimators": {"digit": "plugin"}},
        r"no estimator 'plugin'\. Did you mean 'plug_in'",
        {"estimators": {"digit": "enumerate"}},
    ),
    "progress": ({"progress": "loud"}, "progress must be shown as", {"progress": "quiet"}),
}


@pytest.mark.parametrize("case", OPTIONS)
def test_wrong_options_are_refused(case: str, tmp_path: Path) -> None:
    wrong, message, right = OPTIONS[case]
    with pytest.raises(OptionError, match=message):
        train(out=tmp_path / "run", **wrong)
    assert not (tmp_path / "run").exists()
    train(out=tmp_path / "run", **{"epochs": 1, **right})


def test_holdout_needs_labels() -> None:
    with pytest.raises(OptionError, match="no discrete variable is labelled"):
        train(None, holdout=0.2)
    single = ub.data.few_labels(ROWS.labels, per_class=1)
    with pytest.raises(DataError, match="each class has a single one"):
        train(single, holdout=0.2)
    train(holdout=0.2, epochs=1)


def test_balanced_needs_one_variable() -> None:
    model = TwoDiscrete()
    images, labels = rows_of(model, 40), labels_of(model, 40)
    one = {"kind": labels["kind"]}
    for wrong, names in ((labels, r"\['kind', 'sort'\]"), (None, "none")):
        with pytest.raises(OptionError, match=f"balanced needs exactly one labelled discrete variable, got {names}"):
            ub.fit(model, images, wrong if wrong is None else {k: wrong[k] for k in ("kind", "sort")}, balanced=True)
    ub.fit(model, images, one, balanced=True, epochs=1, progress="quiet")


WATCHED: dict[str, tuple[Any, str]] = {
    "no latent": ((TEST.images, {"colour": TEST.labels["digit"]}), r"labels of \['colour'\], and of no latent"),
    "no labels": ((TEST.images, {}), "labels of nothing, and of no latent"),
    "another length": ((TEST.images[:9], TEST.labels), "'digit' has 60 labels, but the data have 9 rows"),
    "outside": ((TEST.images, {"digit": TEST.labels["digit"] + 5}), "'digit' has 10 classes"),
    "another shape": ((TEST.images[:, 0], TEST.labels), "x has shape"),
    "images alone": (TEST.images, r"must be Rows, or a pair \(images, labels\), got Tensor"),
}


@pytest.mark.parametrize("role", ["validation", "test"])
@pytest.mark.parametrize("case", WATCHED)
def test_wrong_watched_rows_are_refused_before_training(case: str, role: str) -> None:
    wrong, message = WATCHED[case]
    model = Small()
    before = weights(model)
    with pytest.raises(DataError, match=f"^{role}.*{message}"):
        train(model=model, **{role: wrong})
    assert same(before, weights(model))
    more = {"digit": TEST.labels["digit"], "colour": np.zeros(60)}  # what the model knows nothing of is left out
    given: dict[str, Any] = {role: (TEST.images.numpy(), more)}
    train(epochs=1, **given)


def test_every_refusal_is_an_error_of_unbraid_and_of_python() -> None:
    with pytest.raises(UnbraidError):
        train(alpha=-1.0)
    with pytest.raises(ValueError, match="alpha must be at least 0, got -1"):
        train(alpha=-1.0)
