"""The last lines of a run say what was measured, and no more."""

from __future__ import annotations

from pathlib import Path

import pytest

from unbraid.commands.summary import print_metrics

ALWAYS = {"log_px": {"bound": -90.5, "se": 0.5, "samples": 100, "n": 60}, "train_seconds": 12.0, "labels": 20}


def test_fractions_in_percent_and_distances_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    kind = {"error": 0.125, "error_ci": [0.1, 0.2], "baseline_error": 0.25, "n": 8}
    weight = {"rmse": 0.5, "rmse_ci": [0.4, 0.6], "n": 8}
    print_metrics({"kind": kind, "weight": weight, **ALWAYS}, Path("runs/a"))
    assert capsys.readouterr().out.splitlines() == [
        "test error of kind: 12.50 % (95 % interval 10.00 to 20.00)",
        "the same recogniser trained on the 20 labelled rows alone: 25.00 %",
        "test rmse of weight: 0.50 (95 % interval 0.40 to 0.60)",
        "log p(x) >= -90.50 nats a row (standard error 0.50, 100 samples)",
        "trained in 12 s; report: runs/a/report.html",
    ]


def test_without_labels_there_is_the_bound(capsys: pytest.CaptureFixture[str]) -> None:
    print_metrics(ALWAYS, Path("runs/a"))
    assert capsys.readouterr().out.startswith("log p(x) >= -90.50 nats a row")
