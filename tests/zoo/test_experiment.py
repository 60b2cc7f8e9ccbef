"""The experiment with the zoo runs, keeps the test set for reported runs, and records failures too."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import pytest

import unbraid as ub

SMALL = ["--field", "hidden=16", "--set", "epochs=1", "--set", 'precision="fp32"', "--set", "learning_rate=0.003"]


@pytest.fixture
def experiment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    module = importlib.import_module("experiments.zoo")
    monkeypatch.setattr(module, "RESULTS", tmp_path)
    monkeypatch.setattr(ub.data, "mnist", lambda: (ub.data.tiny_digits(300), ub.data.tiny_digits(100, seed=1)))
    return module


def run(experiment: Any, monkeypatch: pytest.MonkeyPatch, *options: str) -> None:
    monkeypatch.setattr(sys, "argv", ["zoo", *options, *SMALL])
    experiment.main()


@pytest.mark.parametrize(
    ("model", "version"), [("m2", "plain"), ("adgm", "plain"), ("adgm", "views"), ("conv_adgm", "views")]
)
def test_a_run_appends_its_record(
    experiment: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, model: str, version: str
) -> None:
    for seed in ("0", "1"):
        run(experiment, monkeypatch, "--model", model, "--version", version, "--seed", seed)
    records = [json.loads(line) for line in (tmp_path / "zoo_test.jsonl").read_text().splitlines()]
    assert [record["seed"] for record in records] == [0, 1]
    assert records[0]["cell"] == {"model": model, "version": version, "labels": 100}
    assert 0 <= records[0]["metrics"]["digit_error"] <= 1
    assert records[0]["settings"]["epochs"] == 1
    assert records[0]["seconds"] > 0
    assert len(records[0]["commit"]) == 40


def test_a_failed_run_is_recorded(experiment: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    run(experiment, monkeypatch, "--model", "m2", "--version", "plain", "--per-class", "1000")
    record = json.loads((tmp_path / "zoo_test.jsonl").read_text())
    assert "1000" in record["failed"]
    assert "metrics" not in record


@pytest.mark.parametrize("options", [["--seed", "100"], ["--seed", "0", "--develop"]])
def test_draws_for_development_and_for_reports_are_apart(
    experiment: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    with pytest.raises(SystemExit):
        run(experiment, monkeypatch, "--model", "m2", *options)
    assert "development" in capsys.readouterr().err
