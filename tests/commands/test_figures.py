"""What a report says of a run is true."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure

from unbraid.commands.figures import draw_each, headlined, honesty
from unbraid.errors import DataError
from unbraid.figures.style import new_figure
from unbraid.recipes import ConvDigits
from unbraid.training.settings import Settings


def config(validation: int = 0, **settings: Any) -> dict[str, Any]:
    """The config of a run."""
    return {
        "labels": "100 of 60,000 rows labelled: digit (10 a class)",
        "job": {"draw": 3, "validation": validation},
        "settings": Settings(**settings).to_json(),
    }


@pytest.mark.parametrize(
    ("found", "part"),
    [
        (config(), "draw 3. Training saw these labels and no other. Test rows were looked at once"),
        (
            config(500),
            "500 more rows, which were not trained on, gave the error after each epoch, and chose nothing.",
        ),
        (config(500, choose="best"), "after each epoch, and chose when to stop or which weights to keep."),
        (config(500, patience=3), "after each epoch, and chose when to stop"),
        (config(choose="best", holdout=0.2), "Labelled rows that were set aside chose when to stop or which weights"),
    ],
)
def test_the_report_says_which_labels_did_what(found: dict[str, Any], part: str) -> None:
    assert part in honesty(found)
    assert honesty(found).startswith("100 of 60,000 rows labelled: digit (10 a class), draw 3.")
    assert honesty(found).endswith("for the numbers and figures of this page.")


def test_headlines_take_the_baseline_apart() -> None:
    metrics = {"digit": {"error": 0.1, "n": 5, "baseline_error": 0.3}, "log_px": {"bound": -90.0}, "seed": 0}
    found = headlined(metrics, ConvDigits(hidden=4))
    assert found == {
        "test": {"digit": metrics["digit"]},
        "baseline": {"digit": {"error": 0.3}},
        "bound": {"bound": -90.0},
    }


def test_a_figure_that_fails_costs_no_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def refuses() -> Figure:
        raise DataError("no such light")

    def breaks() -> Figure:
        raise KeyError("light")

    drawings = {"walk": refuses, "samples": lambda: new_figure(1.0, 0.5, "Samples."), "graph": breaks}
    paths, failed = draw_each(drawings, tmp_path)
    assert paths == {"samples": tmp_path / "samples.png"}
    assert paths["samples"].is_file()
    assert failed == {"walk": "no such light", "graph": "KeyError: 'light'"}
    assert capsys.readouterr().err.splitlines() == [
        "unbraid: the figure 'walk' could not be drawn: no such light",
        "unbraid: the figure 'graph' could not be drawn: KeyError: 'light'",
    ]
