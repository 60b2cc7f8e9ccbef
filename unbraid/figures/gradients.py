"""Bias against standard deviation of the gradients of estimators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from unbraid.figures.style import ACCENT, PALETTE, SOFT, TEXT_SIZE, new_figure, tidy
from unbraid.gradients.report import GradientReport, Row

SIZE = (3.5, 2.9)  # inches of a panel
CHARACTER = (0.056, 0.125)  # width and height in inches of one at TEXT_SIZE - 0.5
_SIDES: tuple[tuple[float, float], ...] = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1))

Box = tuple[float, float, float, float]  # left, bottom, right, top in inches


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
    """Draws the estimators of one group of parameters."""
    tidy(axes, title)
    axes.grid(axis="x", color="#eeeeee", linewidth=0.6)
    x = _above_zero([row.deviation for row in rows.values()])
    y = _above_zero([row.bias if row.seen else row.bias_below for row in rows.values()])
    for scale, set_limits, values in (("x", axes.set_xlim, x), ("y", axes.set_ylim, y)):
        getattr(axes, f"set_{scale}scale")("log")
        set_limits(min(values) / 2.2, max(values) * 2.2)
    _plain_numbers(axes)
    axes.set_xlabel("standard deviation of one gradient", fontsize=TEXT_SIZE, color=SOFT)
    axes.set_ylabel("bias", fontsize=TEXT_SIZE, color=SOFT)
    places = list(zip(x, y, strict=True))
    for (across, up), row in zip(places, rows.values(), strict=True):
        colour = PALETTE[1] if row.seen else ACCENT
        axes.plot(
            across, up, "o", markersize=5, markeredgecolor=colour, markerfacecolor=colour if row.seen else "white"
        )
        if not row.seen:
            axes.annotate(
                "", (across, up), xytext=(0, -11), textcoords="offset points",
                arrowprops={"arrowstyle": "<-", "color": colour, "linewidth": 0.9, "shrinkA": 0, "shrinkB": 2.5},
            )  # fmt: skip
    _name_points(axes, places, list(rows.values()))


def _above_zero(values: Sequence[float]) -> list[float]:
    """Returns values for a logarithmic axis: those at 0 go below all others."""
    positive = [value for value in values if value > 0]
    floor = min(positive, default=1.0) / 3
    return [value if value > 0 else floor for value in values]


def _plain_numbers(axes: Axes) -> None:
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())


def _name_points(axes: Axes, places: Sequence[tuple[float, float]], rows: Sequence[Row]) -> None:
    """Writes the estimators' names beside their points, each where it covers no point and no other name."""
    inches = [_inches(axes, place) for place in places]
    taken: list[Box] = [(x - 0.06, y - 0.06, x + 0.06, y + 0.06) for x, y in inches]
    taken += [(x - 0.03, y - 0.17, x + 0.03, y) for (x, y), row in zip(inches, rows, strict=True) if not row.seen]
    for (x, y), place, row in zip(inches, places, rows, strict=True):
        name, colour = row.estimator, PALETTE[1] if row.seen else ACCENT
        options = [_beside(x, y, len(name), side, far) for far in (1.0, 2.2, 3.4) for side in _SIDES]
        box = min(options, key=lambda option: sum(_overlap(option, other) for other in taken) + _outside(option))
        taken.append(box)
        centre = (72 * ((box[0] + box[2]) / 2 - x), 72 * ((box[1] + box[3]) / 2 - y))
        axes.annotate(
            name, place, xytext=centre, textcoords="offset points", ha="center", va="center", fontsize=TEXT_SIZE - 0.5,
            color=colour, annotation_clip=False,
        )  # fmt: skip


def _inches(axes: Axes, place: tuple[float, float]) -> tuple[float, float]:
    """Returns about where a point lies in its panel."""
    across, up = axes.transLimits.transform(axes.transScale.transform(place))
    return float(across) * (SIZE[0] - 0.75), float(up) * (SIZE[1] - 0.8)


def _beside(x: float, y: float, length: int, side: tuple[float, float], far: float) -> Box:
    """Returns the box of a name at one side of a point."""
    width, height = length * CHARACTER[0], CHARACTER[1]
    centre_x = x + side[0] * (width / 2 + 0.09)
    centre_y = y + side[1] * (height / 2 + 0.09 * far) + (0 if side[1] else 0.09 * (far - 1))
    return centre_x - width / 2, centre_y - height / 2, centre_x + width / 2, centre_y + height / 2


def _overlap(left: Box, right: Box) -> float:
    width = min(left[2], right[2]) - max(left[0], right[0])
    height = min(left[3], right[3]) - max(left[1], right[1])
    return max(width, 0.0) * max(height, 0.0)


def _outside(box: Box) -> float:
    """Returns how far a box reaches out of its panel."""
    width, height = SIZE[0] - 0.75, SIZE[1] - 0.8
    return max(0.0, -box[0]) + max(0.0, box[2] - width) + max(0.0, -box[1]) + max(0.0, box[3] - height)
