"""Tables and figures of growth.py."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.growth import Curve, table
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
