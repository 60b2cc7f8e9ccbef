"""The main job, called from Python."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import unbraid as ub
from tests.commands.tiny_mnist import make_quick
from tests.training.small import Small
from unbraid.commands import again
from unbraid.commands.train import Job, config_of, labels_of, recipe_of, resume, rows_of, train
from unbraid.errors import DataError, OptionError, RunError
from unbraid.recipes import MNIST, RECIPES
from unbraid.training.settings import Settings

JOB = Job("mnist", per_class=2, draw=5)
SETTINGS = Settings(epochs=1, batch_size=50)


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a tiny MNIST."""
    made = tmp_path_factory.mktemp("commands")
    with pytest.MonkeyPatch.context() as patch:
        make_quick(patch, made)
        yield made


def test_rows_are_divided_as_asked(folder: Path) -> None:
    train_rows, watched, test = rows_of(JOB, MNIST)
    assert (len(train_rows), watched, len(test)) == (150, None, 60)
    rows, watched, test = rows_of(dataclasses.replace(JOB, validation=30, limit=100, data=str(folder)), MNIST)
    assert watched is not None
    assert (len(rows), len(watched), len(test)) == (70, 30, 60)
    assert np.array_equal(watched.labels["digit"], train_rows.labels["digit"][70:100])
    for wrong in (150, 151, -1):
        with pytest.raises(OptionError, match=r"--validation takes rows out of the 150 .*give 1 to 149"):
            rows_of(dataclasses.replace(JOB, validation=wrong), MNIST)
    assert len(rows_of(dataclasses.replace(JOB, validation=149), MNIST)[0]) == 1


def test_a_limit_leaves_rows_to_measure() -> None:
    with pytest.raises(OptionError, match="--limit takes at most so many rows, and 0 for all: got -5"):
        rows_of(dataclasses.replace(JOB, limit=-5), MNIST)
    with pytest.raises(DataError, match=r"1 row to test on is too few: the bound .* needs two\. Raise --limit"):
        rows_of(dataclasses.replace(JOB, limit=1), MNIST)
    assert len(rows_of(dataclasses.replace(JOB, limit=2), MNIST)[2]) == 2


def test_labels_are_drawn_by_the_seed_of_the_draw() -> None:
    rows, _, _ = rows_of(JOB, MNIST)
    shown = labels_of(JOB, MNIST, rows)["digit"]
    assert (shown >= 0).sum() == 20
    assert np.array_equal(shown, ub.data.few_labels(rows.labels, 2, 5)["digit"])
    assert not np.array_equal(shown, labels_of(dataclasses.replace(JOB, draw=6), MNIST, rows)["digit"])
    assert np.array_equal(labels_of(dataclasses.replace(JOB, per_class=0), MNIST, rows)["digit"], rows.labels["digit"])
    with pytest.raises(DataError, match="per_class is -1"):
        labels_of(dataclasses.replace(JOB, per_class=-1), MNIST, rows)


def test_an_unknown_recipe_is_refused() -> None:
    with pytest.raises(OptionError, match=r"there is no recipe 'minst' to train on\. Did you mean 'mnist'\?"):
        recipe_of(Job("minst"), Small())
    assert recipe_of(JOB, Small()) is MNIST


def test_hidden_labels_cannot_reach_the_job(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With garbage in place of every label that is not shown, the run and its plan are the same, bit for bit."""
    monkeypatch.setattr("unbraid.commands.train.draw_run", lambda *_: None)
    train(JOB, Small(), SETTINGS, folder / "honest", progress="quiet")
    rows, _, test = rows_of(JOB, MNIST)
    shown = labels_of(JOB, MNIST, rows)
    garbage = np.where(shown["digit"] >= 0, rows.labels["digit"], (rows.labels["digit"] + 3) % 10)
    spoilt = ub.data.Rows(rows.images, {"digit": garbage}, rows.name)
    recipe = dataclasses.replace(MNIST, load=lambda root: (spoilt, test))
    monkeypatch.setitem(RECIPES, "mnist", recipe)
    monkeypatch.setattr("unbraid.commands.train.few_labels", lambda *_, **__: shown)  # which rows, not what they are
    train(JOB, Small(), SETTINGS, folder / "spoilt", progress="quiet")
    for name in ("checkpoint.safetensors", "plan.json"):
        assert (folder / "honest" / name).read_bytes() == (folder / "spoilt" / name).read_bytes()
    one, other = (json.loads((folder / out / "metrics.json").read_text()) for out in ("honest", "spoilt"))
    assert one["digit"] == other["digit"]  # the baseline sees no other label either


def test_what_was_not_evaluated_is_finished_by_resume(folder: Path) -> None:
    out = folder / "again"
    metrics = train(JOB, Small(), SETTINGS, out, progress="quiet")
    (out / "metrics.json").unlink()
    with pytest.raises(RunError, match=r"has no metrics\.json yet"):
        again.figures(out)
    repeated = resume(out, "quiet")
    assert {**repeated, "peak_memory_mb": 0} == {**metrics, "peak_memory_mb": 0}
    assert again.evaluate(out)["digit"] == metrics["digit"]
    assert out / "report.html" in again.figures(out)
    assert config_of(out)["job"]["draw"] == 5


def test_a_figure_that_fails_costs_neither_report_nor_metrics(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("the ink is out")

    monkeypatch.setattr("unbraid.figures.run.reconstructions", fails)
    metrics = train(JOB, Small(), SETTINGS, folder / "ink", progress="quiet")
    assert metrics["digit"]["n"] == 60
    missed = "The figure 'reconstructions' could not be drawn: RuntimeError: the ink is out"
    assert missed in (folder / "ink" / "report.html").read_text()
    assert "the figure 'reconstructions' could not be drawn" in capsys.readouterr().err
    assert {path.stem for path in (folder / "ink" / "figures").iterdir()} >= {"analogies", "samples", "curves"}


def test_progress_goes_to_standard_error(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("unbraid.commands.train.draw_run", lambda *_: None)
    metrics = train(JOB, Small(), SETTINGS, folder / "lines", progress="lines")
    found = capsys.readouterr()
    assert found.out == ""
    for part in (
        "mnist: 150 rows to train on, 20 of them labelled; 60 to test",
        "q(digit | x)",
        "epoch 1/1",
        "evaluating",
    ):
        assert part in found.err
    train(JOB, Small(), SETTINGS, folder / "quiet", progress="quiet")
    assert capsys.readouterr().err == ""
    kept = json.loads((folder / "quiet" / "metrics.json").read_text())
    assert (kept["digit"], kept["log_px"]) == (metrics["digit"], metrics["log_px"])
