"""Bias against standard deviation of the gradients of estimators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import ceil, log, sqrt

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from unbraid.figures.style import ACCENT, PALETTE, SOFT, TEXT_SIZE, new_figure, tidy
from unbraid.gradients.report import GradientReport, Row

SIZE = (4.1, 2.75)  # inches of a panel, with the names at its right
GAP = 0.075  # between two names, as a share of the axes' height
NEAR = 1.35  # how far the limits are from the outermost points, as a factor
LEADER = {"arrowstyle": "-", "color": "#bbbbbb", "linewidth": 0.6, "shrinkA": 1, "shrinkB": 3, "relpos": (0, 0.5)}
LEAST = 4.0  # the least ratio of an axis' ends


def gradients(report: GradientReport, groups: Sequence[str] | None = None) -> Figure:
    """Draws bias against standard deviation on logarithmic axes, a point for each estimator.

    Args:
        report: What was measured.
        groups: The groups of parameters, a panel for each; all that were measured if not given.
    """
    chosen = list(groups if groups is not None else report.groups)
    columns = min(2, len(chosen))
    rows = ceil(len(chosen) / columns)
    caption = (
        "What estimators do to the gradient: the length of the bias against the standard deviation of one gradient, "
        "both over the exact gradient's length. Filled: a bias was seen. Hollow with an arrow: none was, and the bias "
        "is below the point (three standard errors). Left and low is better."
    )
    figure = new_figure(SIZE[0] * columns + 0.2, SIZE[1] * rows + 0.1, caption)
    figure.set_layout_engine("constrained", w_pad=0.09, h_pad=0.09)
    for axes, group in zip(figure.subplots(rows, columns, squeeze=False).flat, chosen, strict=False):
        _panel(axes, group, report.of(group))
    for axes in figure.axes[len(chosen) :]:
        axes.remove()
    return figure


def _panel(axes: Axes, title: str, rows: Mapping[str, Row]) -> None:
    """Draws the estimators of one group of parameters, and their names in a column at the right."""
    tidy(axes, title)
    axes.grid(axis="x", color="#eeeeee", linewidth=0.6)
    x = _above_zero([row.deviation for row in rows.values()])
    y = _above_zero([row.bias if row.seen else row.bias_below for row in rows.values()])
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(_limits(x))
    axes.set_ylim(low_and_high := _limits(y))
    _plain_numbers(axes)
    axes.set_xlabel("standard deviation of one gradient", fontsize=TEXT_SIZE, color=SOFT)
    axes.set_ylabel("bias", fontsize=TEXT_SIZE, color=SOFT)
    heights = [log(up / low_and_high[0]) / log(low_and_high[1] / low_and_high[0]) for up in y]
    for across, up, height, row in zip(x, y, _spread_out(heights), rows.values(), strict=True):
        colour = PALETTE[1] if row.seen else ACCENT
        axes.annotate(
            row.estimator, (across, up), xytext=(1.04, height), textcoords="axes fraction", va="center", color=colour,
            fontsize=TEXT_SIZE - 0.5, annotation_clip=False,
            arrowprops=LEADER,
        )  # fmt: skip
        _mark(axes, (across, up), colour, row.seen)


def _mark(axes: Axes, place: tuple[float, float], colour: str, seen: bool) -> None:
    """Draws a point: filled where a bias was seen; else hollow, with an arrow to lower ones."""
    if not seen:
        arrow = {"arrowstyle": "<-", "color": colour, "linewidth": 0.9, "shrinkA": 0, "shrinkB": 2.5}
        axes.annotate("", place, xytext=(0, -11), textcoords="offset points", arrowprops=arrow)
    fill = colour if seen else "white"
    axes.plot(*place, "o", markersize=5, markeredgecolor=colour, markerfacecolor=fill, zorder=3)


def _above_zero(values: Sequence[float]) -> list[float]:
    """Returns values for a logarithmic axis: those at 0 go below all others."""
    floor = min((value for value in values if value > 0), default=1.0) / 3
    return [value if value > 0 else floor for value in values]


def _limits(values: Sequence[float]) -> tuple[float, float]:
    """Returns the ends of a logarithmic axis, not too near to each other."""
    low, high = min(values) / NEAR, max(values) * NEAR
    more = max(1.0, sqrt(LEAST * low / high))
    return low / more, high * more


def _plain_numbers(axes: Axes) -> None:
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())
    axes.tick_params(which="minor", length=0)


def _spread_out(heights: Sequence[float]) -> list[float]:
    """Moves heights (0 to 1) apart where they are nearer than a line of text, and keeps their order."""
    order = sorted(range(len(heights)), key=heights.__getitem__)
    moved = list(heights)
    for below, above in pairwise(order):
        moved[above] = max(moved[above], moved[below] + GAP)
    raised = sum(moved) / len(moved) - sum(heights) / len(heights)
    shift = min(raised, moved[order[0]])  # back to where they were, all in all, but not below the axes
    moved = [height - shift for height in moved]
    top = 1.0
    for each in reversed(order):
        moved[each] = min(moved[each], top)
        top = moved[each] - GAP
    return moved
