"""The figures of the records: curves over a key of the cells, and pictures of the models that were kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

import unbraid as ub
from experiments.experiment import Experiment
from experiments.record import Cell, Record
from experiments.table import UNITS, Curves, points
from unbraid.figures import save
from unbraid.figures.style import PALETTE, SOFT, TEXT_SIZE, new_figure, tidy

FIGURES = Path(__file__).parent / "figures"
RUNS = Path(__file__).parents[1] / "runs" / "experiments"
"""Where models are kept for pictures; git ignores it."""


def draw_curves(curves: Curves, records: Sequence[Record]) -> Figure | None:
    """Draws the curves, with a band of one standard deviation; None where no record has a point of them."""
    lines = points(curves, records)
    if not lines:
        return None
    caption = (
        f"{curves.title}: mean over the runs, and one standard deviation; a line for each value of {curves.lines}."
    )
    figure = new_figure(4.6, 3.0, caption)
    figure.set_layout_engine("constrained", w_pad=0.1, h_pad=0.06)
    axes = figure.subplots()
    tidy(axes, curves.title)
    axes.set_xscale("log")
    axes.set_yscale("log")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())
    for colour, (name, line) in zip(PALETTE, lines.items(), strict=False):
        where, means, deviations = zip(*line, strict=True)
        low = [max(mean - deviation, mean / 2) for mean, deviation in zip(means, deviations, strict=True)]
        high = [mean + deviation for mean, deviation in zip(means, deviations, strict=True)]
        axes.fill_between(where, low, high, color=colour, alpha=0.15, linewidth=0)
        axes.plot(where, means, "o-", color=colour, linewidth=1.4, markersize=3.5, label=f"{curves.lines} {name}")
    if not any(mean > 0 for line in lines.values() for _, mean, _ in line):
        axes.set_yscale("linear")  # a logarithm has no zero
    axes.set_xlabel(curves.along, fontsize=TEXT_SIZE, color=SOFT)
    axes.set_ylabel(UNITS[curves.unit], fontsize=TEXT_SIZE, color=SOFT)
    axes.legend(frameon=False, fontsize=TEXT_SIZE, labelcolor="linecolor")
    return figure


def folder_of(experiment: Experiment, cell: Cell, runs: Path = RUNS) -> Path:
    """Names the folder in which the model of a cell is kept."""
    return runs / experiment.name / slug(cell)


def slug(cell: Cell) -> str:
    """Names a cell in a file's name: its values, as `paper-100-1.0`."""
    return "-".join(str(value) for value in cell.values())


def draw_kept(experiment: Experiment, cells: Sequence[Cell], figures: Path = FIGURES, runs: Path = RUNS) -> list[Path]:
    """Draws the pictures of every kept model, and returns their files."""
    if experiment.pictures is None:
        return []
    drawn = []
    for cell in cells:
        folder = folder_of(experiment, cell, runs)
        if (folder / "checkpoint.safetensors").is_file():
            model, (_, test) = ub.load(folder, experiment.model(cell, 0)), experiment.rows(cell, 0)
            for name, figure in experiment.pictures(cell, model, test).items():
                drawn.append(save(figure, figures / f"{experiment.name}-{slug(cell)}-{name}.png"))
    return drawn


def draw_all(
    experiment: Experiment, records: Sequence[Record], figures: Path = FIGURES, runs: Path = RUNS
) -> list[Path]:
    """Draws everything there is to draw of an experiment."""
    drawn = draw_kept(experiment, experiment.cells, figures, runs)
    for curves in experiment.curves:
        figure = draw_curves(curves, records)
        if figure is not None:
            drawn.append(save(figure, figures / f"{experiment.name}-{curves.name}.png"))
    return drawn
