"""What fit_many takes, refuses and shows, whichever way the runs are trained."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import jaxtyping
import pytest
import torch

import unbraid as ub
from tests.training.many.small import IMAGES, SEEDS, TESTED, alone, assert_same, labels_of, train
from tests.training.small import SIZES, Small, same_end
from unbraid.errors import DataError, OptionError, RunError, TrainingError
from unbraid.training.many.choice import How


def test_in_turn_each_is_the_run_of_fit_bit_for_bit() -> None:
    runs = train(how="in_turn", seeds=SEEDS[:2])
    assert runs.how == "in_turn"
    assert all(same_end(run, alone(run.settings.seed)) for run in runs)


def test_settings_of_single_runs() -> None:
    runs = train(how="in_turn", seeds=SEEDS[:2], epochs=1, settings_of=lambda seed: {"alpha": 10.0 + seed})
    assert [run.settings.alpha for run in runs] == [10.0, 13.0]
    assert same_end(runs[1], alone(3, alpha=13.0, epochs=1))


def test_a_single_seed_is_a_single_run() -> None:
    runs = train(how="auto", seeds=[3], epochs=1)
    assert (runs.how, runs.because, len(runs)) == ("in_turn", "a single run", 1)
    assert_same(runs[0], alone(3, epochs=1))


def test_a_trained_model_is_refused_and_a_function_of_the_seed_is_not() -> None:
    model = Small().double()
    trained = alone(0, epochs=1).model
    with pytest.raises(OptionError, match=r"the model was trained or changed.* lambda seed: copy.deepcopy\(model\)"):
        train(trained, epochs=1)
    runs = train(lambda seed: copy.deepcopy(model), seeds=SEEDS[:2], epochs=1)
    single = ub.fit(copy.deepcopy(model), IMAGES, labels_of(3), seed=3, epochs=1, **SIZES)
    assert_same(runs[1], single)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"seeds": []}, "at least one seed"),
        ({"seeds": [1, 2, 1]}, "seeds must differ, or runs would be the same: 1 is there twice"),
        ({"labels": labels_of(0)}, "labels are those of all runs, labels_of gives each run its own"),
        ({"how": "batch"}, "how='batch' is unknown. Did you mean 'batched'?"),
        ({"progress": "loud"}, "progress must be shown as"),
        ({"epoch": 3}, "there is no setting 'epoch'. Did you mean 'epochs'?"),
    ],
    ids=["none", "twice", "labels", "how", "progress", "setting"],
)
def test_what_makes_no_sense_is_refused(more: dict[str, Any], words: str) -> None:
    with pytest.raises(OptionError, match=words):
        train(**{"epochs": 1, **more})


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"seeds": 3}, r"seeds are whole numbers, one for each run, such as range\(10\); got 3"),
        ({"seeds": ["a"]}, r"seeds are whole numbers, one for each run, such as range\(10\); got \['a'\]"),
        ({"seed": 3}, r"takes a seed for each run, seeds=range\(10\); seed=3 is that of one"),
    ],
    ids=["number", "text", "seed"],
)
def test_what_are_no_seeds(more: dict[str, Any], words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # no user has the tests' type checker
    with pytest.raises(OptionError, match=words):
        train(**{"epochs": 1, **more})


def test_old_runs_are_refused_before_any_training(tmp_path: Path) -> None:
    alone(4, out=tmp_path / "seed-4", epochs=1)
    with pytest.raises(RunError, match=r"seed-4 already holds a run: go on with it and the others \(resume=True\)"):
        train(out=tmp_path, epochs=1)
    assert not (tmp_path / "seed-0").exists()
    assert len(train(out=tmp_path, epochs=1, resume=True)) == 3


def test_where_every_run_fails_an_error_says_so() -> None:
    with pytest.raises(TrainingError, match="all of the 3 runs failed; that of seed 0: "):
        train(how="in_turn", learning_rate=1e300, epochs=1)


@pytest.mark.parametrize(("how", "lines"), [("batched", 2), ("processes", 6), ("in_turn", 6)])
def test_progress_is_shown_once(how: How, lines: int, capfd: pytest.CaptureFixture[str]) -> None:
    train(how=how, progress="lines")
    shown = capfd.readouterr().err.splitlines()
    assert len(shown) == lines
    assert shown[-1].startswith(f"epoch {lines}/{lines}  ")
    assert "  loss " in shown[0]
    assert " 0 rows/s" not in shown[0]


def test_the_runs_are_summed_up() -> None:
    runs = train(test=TESTED, validation=TESTED, epochs=1)
    errors = torch.tensor(runs.errors("digit"), dtype=torch.float64)
    assert errors.tolist() == [run.test["digit"]["error"] for run in runs]
    assert runs.mean("digit") == pytest.approx(float(errors.mean()))
    assert runs.sd("digit") == pytest.approx(float(errors.std()))
    assert runs.mean("digit", on="validation") == runs.mean("digit")
    assert f"digit: {runs.mean('digit'):.4g} ± " in str(runs)
    assert [run.settings.seed for run in runs] == [runs[number].settings.seed for number in range(3)]


def test_an_error_that_was_not_measured_is_named() -> None:
    runs = train(test=TESTED, seeds=SEEDS[:1], how="in_turn", epochs=1)
    assert 0 <= runs.mean("digit") <= 1
    with pytest.raises(DataError, match=r"the error of 'digits' was not measured on test rows\. Did you mean"):
        runs.mean("digits")
    with pytest.raises(DataError, match="No rows were given: fit_many"):
        runs.mean("digit", on="validation")
