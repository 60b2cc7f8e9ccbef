"""The figure of a report on gradients."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from unbraid.figures import caption_in
from unbraid.figures.gradients import gradients
from unbraid.gradients import GradientReport, Row


def report(*squared_biases: float) -> GradientReport:
    rows = [
        Row(f"estimator {i}", group, square, 0.001, 0.5 * i, 0.9, 0.5, 1.0)
        for group in ("all parameters", "p", "q(digit)")
        for i, square in enumerate(squared_biases)
    ]
    return GradientReport(tuple(rows), ("digit",), 10, 20, 0.1)


def test_a_panel_for_each_group_with_every_name() -> None:
    figure = gradients(report(0.0, 0.04, 0.2))
    assert [axes.get_title("left") for axes in figure.axes] == ["all parameters", "p", "q(digit)"]
    for axes in figure.axes:
        assert {text.get_text() for text in axes.texts} - {""} == {f"estimator {i}" for i in range(3)}
        assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
        drawn = [np.asarray(line.get_data(), dtype=np.float64) for line in axes.lines]
        assert all(np.isfinite(each).all() and (each > 0).all() for each in drawn)


def test_one_group() -> None:
    assert len(gradients(report(0.1), ["p"]).axes) == 1


def test_it_is_saved_with_its_caption(tmp_path: Path) -> None:
    report(0.0, 0.1).draw(tmp_path / "gradients.png")
    assert "Left and low is better" in caption_in(tmp_path / "gradients.png")
