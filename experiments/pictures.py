"""The figures of an experiment: its curves, and pictures of the models that were kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import unbraid as ub
from experiments.curves import draw_curves
from experiments.experiment import Experiment
from experiments.record import Cell, Record
from unbraid.errors import UnbraidError
from unbraid.figures import save

FIGURES = Path(__file__).parent / "figures"
RUNS = Path(__file__).parents[1] / "runs" / "experiments"
"""Where models are kept for pictures; git ignores it."""


def folder_of(experiment: Experiment, cell: Cell, runs: Path = RUNS) -> Path:
    """Names the folder in which the model of a cell is kept."""
    return runs / experiment.name / slug(cell)


def slug(cell: Cell) -> str:
    """Names a cell in a file's name: its values, as `paper-100-1.0`."""
    return "-".join(str(value) for value in cell.values())


def draw_kept(experiment: Experiment, cells: Sequence[Cell], figures: Path = FIGURES, runs: Path = RUNS) -> list[Path]:
    """Draws what is shown of the kept models, and returns the files; says which were kept by another program."""
    if experiment.pictures is None:
        return []
    drawn = []
    for cell in cells:
        folder = folder_of(experiment, cell, runs)
        shown = any(name.startswith(f"{slug(cell)}-") for name in experiment.figures)
        if shown and (folder / "checkpoint.safetensors").is_file():
            try:
                model = ub.load(folder, experiment.model(cell, 0))
            except UnbraidError as error:
                print(f"no pictures of {folder}; remove it if it is no longer needed: {error}", flush=True)
                continue
            _, test = experiment.rows(cell, 0)
            for name, figure in experiment.pictures(cell, model, test).items():
                if f"{slug(cell)}-{name}" in experiment.figures:
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
