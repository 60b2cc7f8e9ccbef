"""Training curves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from unbraid.errors import DataError
from unbraid.figures import curves


def test_panels_are_errors_then_loss_then_terms_that_move(history: list[dict[str, Any]]) -> None:
    titles = [axes.get_title(loc="left") for axes in curves(history).axes]
    assert titles == ["digit: error (%)", "light: root mean squared error", "loss", "log p(x)", "KL(style)"]


def test_error_is_in_percent_and_logarithmic_where_it_falls_far(history: list[dict[str, Any]]) -> None:
    axes = curves(history).axes[0]
    assert axes.get_yscale() == "log"
    assert np.asarray(axes.lines[0].get_ydata())[0] == pytest.approx(50.0)
    assert curves(history[:2]).axes[0].get_yscale() == "linear"


def test_missing_and_broken_values_are_left_out(history: list[dict[str, Any]]) -> None:
    del history[2]["test"], history[3]["terms"]
    history[4]["loss"], history[5]["loss"] = float("nan"), None
    figure = curves(history)
    assert np.asarray(figure.axes[0].lines[0].get_xdata()).tolist() == [1, 2, 4, 5, 6, 7]
    assert np.asarray(figure.axes[2].lines[0].get_xdata()).tolist() == [1, 2, 3, 4, 7]


def test_one_epoch_and_an_error_of_zero_can_be_drawn() -> None:
    figure = curves([{"epoch": 1, "loss": 3.0, "test": {"digit": {"error": 0.0}}}])
    figure.draw_without_rendering()
    assert figure.axes[0].get_ylim() == (0, 1)


def test_refuses_an_empty_history() -> None:
    with pytest.raises(DataError, match="no curves to draw"):
        curves([{"epoch": 1}])
