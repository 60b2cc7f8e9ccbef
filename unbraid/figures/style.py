"""The look that all figures share: one palette, two text sizes, axes without boxes."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

DPI = 200
INK = "#222222"  # text and outlines
SOFT = "#6b6b6b"  # text that explains
RULE = "#dddddd"  # lines that guide the eye
ACCENT = "#1f6fb2"
PALETTE = (ACCENT, "#d1602b", "#3b8f52", "#8a5aa8", "#b08a1e", "#4a9fae")
TITLE_SIZE = 10.0
TEXT_SIZE = 8.5


def new_figure(width: float, height: float, caption: str) -> Figure:
    """Returns an empty white figure, free of pyplot's global state.

    Args:
        width: in inches.
        height: in inches.
        caption: the sentence that explains how to read it; kept as the figure's label, and in the saved file.
    """
    figure = Figure(figsize=(width, height), dpi=DPI, facecolor="white")
    figure.set_label(caption)
    return figure


def caption_of(figure: Figure) -> str:
    """Returns the sentence that explains how to read a figure; empty where it has none."""
    return str(figure.get_label() or "")


def tidy(axes: Axes, title: str = "") -> None:
    """Takes the box off a plot, quietens its ticks, and sets its title at the left."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("#999999")
    axes.tick_params(which="both", labelsize=TEXT_SIZE - 0.5, colors=SOFT, length=2.5)
    axes.grid(axis="y", color=RULE, linewidth=0.6)
    axes.set_axisbelow(True)
    if title:
        axes.set_title(title, loc="left", fontsize=TITLE_SIZE, color=INK)


def count_epochs(axes: Axes) -> None:
    """Labels the horizontal axis with whole epochs."""
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True, min_n_ticks=1))
    axes.set_xlabel("epoch", fontsize=TEXT_SIZE, color=SOFT)
