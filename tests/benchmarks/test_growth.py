"""Tables and figures of growth.py."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmarks import growth
from benchmarks.growth import Curve, of_rows, of_runs, table
from benchmarks.growth_figure import growth_figure
from unbraid.figures.save import save

CURVE = Curve("rows", "seconds", [10, 100, 1000], {"": [1.0, 2.0, 20.0]}, {"": [5.0, 5.0, 6.0]})


def test_table() -> None:
    assert table(CURVE).splitlines()[2:] == [
        "| 10 | 1 | 5 |",
        "| 100 | 2 | 5 |",
        "| 1,000 | 20 | 6 |",
        "| exponent at the end (1 is linear) | 1.00 | |",
    ]


def test_figure(tmp_path: Path) -> None:
    figure = growth_figure(CURVE.label, CURVE.unit, CURVE.sizes, CURVE.seconds, CURVE.megabytes)
    left, right = ([np.asarray(line.get_ydata(), float).tolist() for line in axes.lines] for axes in figure.axes)
    assert left == [[1.0, 2.0, 20.0], [0.2, 2.0, 20.0]]  # what was measured, and linear growth
    assert right[0] == [5.0, 5.0, 6.0]
    with Image.open(save(figure, tmp_path / "growth.png")) as image:
        assert image.width > image.height


def test_runs_cost_their_number_times_the_step_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def recorded(*words: str) -> Any:
        assert words[-2:] == ("1", "2")
        cost = {"clock": 10.0, "megabytes": 300.0}
        return {"digits": {runs: {"batched": cost, "processes": cost | {"clock": 20.0}} for runs in words[-2:]}}

    monkeypatch.setattr(growth, "recorded", recorded)
    curve = of_runs(Namespace(most=2, repeats=1))
    assert curve.seconds == {"batched": [0.01, 0.02], "processes": [0.02, 0.04]}
    assert curve.megabytes["batched"] == [300.0, 300.0]


def test_an_epoch_of_rows_is_counted_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth, "recorded", lambda *_: [{"rows": 1000, "ahead_us": 50.0, "megabytes": 9.0}])
    curve = of_rows(Namespace(most=1000))
    assert (curve.sizes, curve.seconds, curve.megabytes) == ([1000], {"": [0.05]}, {"": [9.0]})
