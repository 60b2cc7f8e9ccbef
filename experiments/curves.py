"""Curves: a metric of the records over a key of the cells."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean, stdev

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator

from experiments.record import Cell, Record
from experiments.table import SCALES, UNITS, Unit, matching, ordered, values_of
from unbraid.figures.style import PALETTE, SOFT, TEXT_SIZE, new_figure, tidy

Line = list[tuple[float, float, float]]
"""Points of a line: where, mean and standard deviation, the last two in the unit of the axis."""
RATE = "supervision rate: labelled batches for each unlabelled one"


@dataclass(frozen=True, slots=True)
class Curves:
    """A plot of a metric against one key of the cells, with a line for each value of another.

    Attributes:
        title: What it shows.
        metric: Its name in the records.
        along: The key of the cells that is the horizontal axis, logarithmic.
        lines: The key of the cells that has a line for each value.
        name: Of the file.
        where: Which cells count.
        unit: Of the vertical axis.
        axis: What stands below the horizontal axis; the key if empty.
        baseline: Whether each line has a dashed one beside it, of its recogniser on the labelled rows alone.
    """

    title: str
    metric: str
    along: str
    lines: str
    name: str
    where: Cell = field(default_factory=dict)
    unit: Unit = "percent"
    axis: str = ""
    baseline: bool = False


def points(
    curves: Curves, records: Sequence[Record], part: str = "metrics"
) -> dict[str, list[tuple[float, float, float]]]:
    """Returns the points of each line: where, mean and standard deviation, the last two in the unit of the axis."""
    lines: dict[str, list[tuple[float, float, float]]] = {}
    counted, scale = matching(records, curves.where), SCALES[curves.unit]
    for line in ordered(record["cell"][curves.lines] for record in counted):
        own = matching(counted, {curves.lines: line})
        for where in ordered(record["cell"][curves.along] for record in own):
            values = values_of(matching(own, {curves.along: where}), curves.metric, part)
            if values and isinstance(where, int | float) and math.isfinite(where):
                deviation = stdev(values) if len(values) > 1 else 0.0
                lines.setdefault(str(line), []).append((float(where), scale * fmean(values), scale * deviation))
    return lines


def draw_curves(curves: Curves, records: Sequence[Record]) -> Figure | None:
    """Draws the curves, with a band of one standard deviation; None where no line has two points."""
    lines = points(curves, records)
    if all(len(line) < 2 for line in lines.values()):
        return None
    alone = points(curves, records, "baseline_metrics") if curves.baseline else {}
    caption = (
        f"{curves.title}: mean over the runs, and one standard deviation; a line for each value of {curves.lines}."
        + (" Dashed: the same recogniser, trained on the labelled rows alone." if alone else "")
    )
    figure = new_figure(5.4, 3.0, caption)
    figure.set_layout_engine("constrained", w_pad=0.1, h_pad=0.06)
    axes = figure.subplots()
    tidy(axes, curves.title)
    several = len(lines) > 1
    for colour, (name, line) in zip(PALETTE, lines.items(), strict=False):
        _draw(axes, line, colour, "o-", name if several else "the model")
        if name in alone:
            _draw(axes, alone[name], colour if several else SOFT, "o--", "" if several else "its recogniser alone")
    _scale(axes, [point for drawn in (lines, alone) for line in drawn.values() for point in line])
    axes.set_xlabel(curves.axis or curves.along, fontsize=TEXT_SIZE, color=SOFT)
    axes.set_ylabel(UNITS[curves.unit], fontsize=TEXT_SIZE, color=SOFT)
    if several or alone:
        title = curves.lines if several else None
        legend = figure.legend(
            loc="outside right upper", frameon=False, fontsize=TEXT_SIZE, labelcolor="linecolor", title=title,
            title_fontsize=TEXT_SIZE, alignment="left",
        )  # fmt: skip
        legend.get_title().set_color(SOFT)
    return figure


def _draw(axes: Axes, line: Line, colour: str, form: str, name: str) -> None:
    """Draws one line and its band."""
    where, means, deviations = zip(*line, strict=True)
    low = [max(mean - deviation, mean / 2) for mean, deviation in zip(means, deviations, strict=True)]
    high = [mean + deviation for mean, deviation in zip(means, deviations, strict=True)]
    axes.fill_between(where, low, high, color=colour, alpha=0.15, linewidth=0)
    axes.plot(where, means, form, color=colour, linewidth=1.4, markersize=3.5, label=name or "_nothing")


def _scale(axes: Axes, drawn: Line) -> None:
    """Makes both axes logarithmic: below, a tick at each place that has a point; at the side, at 1, 2, 5 and 0."""
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(sorted({where for where, _, _ in drawn})))
    axes.xaxis.set_minor_locator(NullLocator())
    above = [mean for _, mean, _ in drawn if mean > 0]
    if above:
        if len(above) == len(drawn):
            axes.set_yscale("log")
            axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        else:  # a logarithm has no zero: the axis is linear up to the smallest value
            axes.set_yscale("symlog", linthresh=min(above), linscale=0.3)
            axes.yaxis.set_major_locator(FixedLocator([0, *_round(min(above), max(above))]))
            axes.set_ylim(0, 1.2 * max(mean + deviation for _, mean, deviation in drawn))
        axes.yaxis.set_minor_locator(NullLocator())
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _round(low: float, high: float) -> list[float]:
    """Returns 1, 2 and 5 times the powers of ten that lie between two positive numbers."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return [each for power in powers for each in (10.0**power, 2 * 10.0**power, 5 * 10.0**power) if low <= each <= high]
