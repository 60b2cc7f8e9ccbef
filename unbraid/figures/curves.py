"""Training curves: the errors, the loss and its terms, by epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil, isfinite
from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from unbraid.errors import DataError
from unbraid.figures.style import PALETTE, SOFT, TEXT_SIZE, count_epochs, new_figure, tidy

Curve = tuple[list[float], list[float]]  # epochs, values

_PANELS_A_ROW = 3
_SPLITS: tuple[Literal["test", "validation"], ...] = ("test", "validation")
_METRICS = {"error": "error (%)", "rmse": "root mean squared error"}


def curves(history: Sequence[Mapping[str, Any]]) -> Figure:
    """Draws the history of a training: first the errors, then the loss and each of its terms.

    Args:
        history: an entry for each epoch: `{"epoch", "loss", "terms": {name: mean}, "test": {variable: {"error"}},
            "validation": ...}`; any but the epoch may be absent from any entry.

    Raises:
        DataError: the history is empty or holds nothing to draw.
    """
    panels = {**_error_panels(history), **_term_panels(history)}
    if not panels:
        raise DataError("the history holds no epoch with a loss, a term or an error, so there are no curves to draw")
    columns = min(_PANELS_A_ROW, len(panels))
    rows = ceil(len(panels) / columns)
    caption = (
        "Training: errors on held-out rows (in %, on a logarithmic axis where they fall far) and the means over each "
        "epoch of the loss and its terms, in nats a row. The number at the end of a curve is its last value."
    )
    figure = new_figure(2.75 * columns + 0.3, 1.95 * rows + 0.15, caption)
    figure.set_layout_engine("constrained", w_pad=0.08, h_pad=0.08)
    grid = figure.add_gridspec(rows, columns)
    for index, (title, lines) in enumerate(panels.items()):
        _draw_panel(figure.add_subplot(grid[divmod(index, columns)]), title, lines)
    return figure


def _error_panels(history: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Curve]]:
    """Returns the curves of each variable's error, by the title of their panel and the name of the split."""
    panels: dict[str, dict[str, Curve]] = {}
    for split in _SPLITS:
        variables = dict.fromkeys(name for entry in history for name in entry.get(split) or {})
        for variable in variables:
            for metric, unit in _METRICS.items():
                scale = 100.0 if metric == "error" else 1.0
                curve = _curve(history, (split, variable, metric), scale)
                if curve[0]:
                    panels.setdefault(f"{variable}: {unit}", {})[split] = curve
    return panels


def _term_panels(history: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Curve]]:
    """Returns the curve of the loss and of each term, by the title of its panel."""
    names = dict.fromkeys(name for entry in history for name in entry.get("terms") or {})
    paths = {"loss": ("loss",), **{name: ("terms", name) for name in names}}
    found = {title: _curve(history, path, 1.0) for title, path in paths.items()}
    return {title: {"": curve} for title, curve in found.items() if curve[0] and not _is_constant(curve)}


def _is_constant(curve: Curve) -> bool:
    """Says whether a curve of several epochs never moves (log p under a fixed prior): not worth a panel."""
    return len(curve[1]) > 1 and max(curve[1]) - min(curve[1]) <= 1e-6 * max(1.0, abs(curve[1][0]))


def _curve(history: Sequence[Mapping[str, Any]], path: tuple[str, ...], scale: float) -> Curve:
    """Returns the epochs that have a finite value at a path of keys, and the values."""
    epochs, values = [], []
    for position, entry in enumerate(history):
        value: Any = entry
        for key in path:
            value = value.get(key) if isinstance(value, Mapping) else None
        if isinstance(value, int | float) and isfinite(value):
            epochs.append(float(entry.get("epoch", position + 1)))
            values.append(scale * float(value))
    return epochs, values


def _draw_panel(axes: Axes, title: str, lines: Mapping[str, Curve]) -> None:
    """Draws the curves of one panel, each with its last value (and its name, where there are several)."""
    tidy(axes, title)
    count_epochs(axes)
    if "error" in title:
        _scale_errors(axes, [value for _, values in lines.values() for value in values])
    for colour, (name, (epochs, values)) in zip(PALETTE, lines.items(), strict=False):
        axes.plot(epochs, values, color=colour, linewidth=1.4, label=name, solid_capstyle="round")
        axes.plot(epochs[-1], values[-1], "o", color=colour, markersize=3)
    _name_ends(axes, lines)
    if len(lines) > 1 or "" not in lines:
        axes.legend(
            frameon=False, fontsize=TEXT_SIZE - 0.5, labelcolor="linecolor", handlelength=1.2, loc="upper right"
        )


def _name_ends(axes: Axes, lines: Mapping[str, Curve]) -> None:
    """Writes the last value of each curve to the right of its end; of two curves, the higher one's a little higher."""
    axes.margins(x=0.05)
    low, high = axes.get_xlim()
    axes.set_xlim(low, high + 0.13 * (high - low))
    ranked = sorted(zip(PALETTE, lines.values(), strict=False), key=lambda line: line[1][1][-1])
    for place, (colour, (epochs, values)) in enumerate(ranked):
        side = "center_baseline" if len(ranked) == 1 else "top" if place == 0 else "bottom"
        axes.annotate(
            _short(values[-1]), (epochs[-1], values[-1]), xytext=(4, {"top": 2, "bottom": -2}.get(side, 0)),
            textcoords="offset points", ha="left", va=side, fontsize=TEXT_SIZE - 0.5, color=colour,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.4},
        )  # fmt: skip


def _scale_errors(axes: Axes, values: Sequence[float]) -> None:
    """Takes a logarithmic axis, with plain numbers, where an error falls to less than a third; else one from zero."""
    low, high = min(values), max(values)
    if not (0 < low < high / 3):
        axes.set_ylim(0, 1.15 * high or 1.0)
        return
    axes.set_yscale("log")
    axes.set_ylim(low / 1.5, high * 1.3)
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.tick_params(which="minor", length=0, colors=SOFT)


def _short(value: float) -> str:
    """Returns a number with about three digits, and a proper minus sign."""
    text = f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return text.replace("-", "\u2212")
