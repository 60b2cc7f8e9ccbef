"""The figure of growth.py: time and memory against a size, log-log, beside a line of linear growth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator

from unbraid.figures.style import PALETTE, SOFT, TEXT_SIZE, new_figure, tidy

Lines = Mapping[str, Sequence[float]]


def growth_figure(label: str, unit: str, sizes: Sequence[int], seconds: Lines, megabytes: Lines) -> Figure:
    """Draws time at the left and memory at the right.

    Args:
        label: What grows.
        unit: What the times are of.
        sizes: At least one.
        seconds: By name of a line, one for each size; the name of a single line may be empty.
        megabytes: In the same form.
    """
    caption = f"{unit} and peak memory against {label}; dashed: linear growth from the largest size down"
    figure = new_figure(7.2, 2.9, caption)
    left, right = figure.subplots(1, 2)
    for axes, title, lines in ((left, unit, seconds), (right, "peak memory, MB", megabytes)):
        _draw(axes, sizes, lines)
        tidy(axes, title)
        axes.set_xlabel(label, fontsize=TEXT_SIZE, color=SOFT)
    figure.tight_layout()
    return figure


def _draw(axes: Axes, sizes: Sequence[int], lines: Lines) -> None:
    for colour, (name, values) in zip(PALETTE, lines.items(), strict=False):
        axes.plot(sizes, values, "o-", color=colour, markersize=3.5, linewidth=1.4, label=name or None)
    largest = max(values[-1] for values in lines.values())
    guide = [largest * size / sizes[-1] for size in sizes]
    axes.plot(sizes, guide, "--", color=SOFT, linewidth=0.9, label="linear")
    axes.set(xscale="log", yscale="log")
    axes.set_xticks(sizes, [_short(size) for size in sizes])
    axes.minorticks_off()
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.legend(frameon=False, fontsize=TEXT_SIZE - 1)


def _short(size: int) -> str:
    """Writes 1000000 as 1M.

    Example:
        >>> [_short(size) for size in (30, 3000, 1_000_000)]
        ['30', '3k', '1M']
    """
    if size >= 1_000_000 and size % 1_000_000 == 0:
        return f"{size // 1_000_000}M"
    return f"{size // 1000}k" if size >= 1000 and size % 1000 == 0 else str(size)
