"""A confusion matrix in which the errors can be read."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from numpy.typing import NDArray

from unbraid.evaluation.confusion import class_errors
from unbraid.figures.style import INK, SOFT, TEXT_SIZE, new_figure

_MOST_ANNOTATED = 20  # above so many values, the numbers would be too small to read
_ERRORS = LinearSegmentedColormap.from_list("errors", ["#ffffff", "#f6d3bd", "#d1602b", "#7d2c0c"])


def confusion(matrix: NDArray[np.int64], name: str) -> Figure:
    """Draws counts of true against predicted values; only the wrong ones are coloured.

    Args:
        matrix: (values, values) counts, [true, predicted], as `unbraid.evaluation.confusion_matrix` returns.
        name: the variable.
    """
    size = len(matrix)
    annotated = size <= _MOST_ANNOTATED
    side = size * 0.36 if annotated else 5.0
    wrong = matrix * (1 - np.eye(size, dtype=np.int64))
    figures = "the correct counts stand in grey on the diagonal, and the error of each true value at the right"
    legend = figures if annotated else f"the darkest cell holds {int(wrong.max())} rows"
    caption = (
        f"Confusions of {name}: rows are the true value, columns the predicted one; only errors are coloured, {legend}."
    )
    width, height = 0.65 + side + 0.75, 0.6 + side + 0.15
    figure = new_figure(width, height, caption)
    axes = figure.add_axes((0.65 / width, 0.15 / height, side / width, side / height))
    axes.imshow(wrong, cmap=_ERRORS, vmin=0, vmax=max(1, int(wrong.max())))
    _label(axes, size, name)
    if annotated:
        _annotate(axes, matrix, int(wrong.max()))
        _errors(axes, matrix)
    return figure


def _label(axes: Axes, size: int, name: str) -> None:
    """Names the values along the top and the left, and draws thin white lines between the cells."""
    ticks = np.arange(size) if size <= _MOST_ANNOTATED else np.arange(0, size, 5)
    axes.set_xticks(ticks)
    axes.set_yticks(ticks)
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    axes.tick_params(length=0, labelsize=TEXT_SIZE, colors=INK)
    axes.set_xlabel(f"predicted {name}", fontsize=TEXT_SIZE, color=SOFT, labelpad=6)
    axes.set_ylabel(f"true {name}", fontsize=TEXT_SIZE, color=SOFT, labelpad=5)
    axes.spines[:].set_color("#cccccc")
    axes.set_xticks(np.arange(size - 1) + 0.5, minor=True)
    axes.set_yticks(np.arange(size - 1) + 0.5, minor=True)
    axes.grid(which="minor", color="#eeeeee", linewidth=0.5)
    axes.tick_params(which="minor", length=0)


def _annotate(axes: Axes, matrix: NDArray[np.int64], most: int) -> None:
    """Writes the counts into the cells: errors in ink, correct ones in grey, zeros not at all."""
    for true, predicted in zip(*np.nonzero(matrix), strict=True):
        count, correct = matrix[true, predicted], true == predicted
        colour = "#b5b5b5" if correct else "white" if count > 0.6 * most else INK
        size = TEXT_SIZE - 0.5 - 0.9 * max(0, len(str(count)) - 3)
        axes.text(predicted, true, str(count), ha="center", va="center", fontsize=size, color=colour)


def _errors(axes: Axes, matrix: NDArray[np.int64]) -> None:
    """Writes the error of each true value to the right of its row."""
    size = len(matrix)
    for true, error in enumerate(class_errors(matrix)):
        text = "–" if np.isnan(error) else f"{100 * error:.1f} %"
        axes.text(size - 0.35, true, text, va="center", fontsize=TEXT_SIZE - 0.5, color=SOFT)
    axes.annotate(
        "error", (size - 0.35, -0.5), xytext=(0, 4.5), textcoords="offset points", va="baseline",
        fontsize=TEXT_SIZE - 0.5, color=SOFT, annotation_clip=False,
    )  # fmt: skip
