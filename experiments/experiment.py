"""Experiments: cells, and what each of them trains, shows and measures."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

import unbraid as ub
from experiments.curves import Curves
from experiments.measure import Found
from experiments.record import Cell
from experiments.table import Measures, Table
from unbraid.data import Rows
from unbraid.views import View

DEVELOPMENT = 100
"""Draws of labels from here on are for development: such runs never read the test rows."""


@dataclass(frozen=True, slots=True)
class Experiment:
    """A table of runs: the product of its cells and of its seeds.

    A seed draws the labelled rows, the weights and the noise. All of a run is a function of its cell and its seed.

    Attributes:
        name: On the command line, and of its file of records.
        cells: What is varied; `labels` is the number of labelled rows in all, or "all".
        seeds: How many runs of each cell, if the command line says nothing.
        rows: From a cell and a seed to the rows to train on and the rows to test on.
        labelled: From a cell, the training rows and a seed to the labels that training is shown.
        model: From a cell and a seed to a fresh model.
        settings: From a cell to the settings of its training.
        views: From a cell and the training rows to what transforms rows, or None.
        baseline_views: From a cell to what transforms the labelled rows for the baseline, or None.
        measure: From a trained model and rows to numbers: fractions, or degrees where the name says so.
        held_out: From training rows to those that development trains on and those that it is measured by.
        baseline_steps: From a cell to the steps of the same recogniser on the labelled rows alone; 0 for no baseline.
        quick: The cells of a quick run.
        quick_rows: How many rows a quick run is trained on, and measured by.
        quick_settings: What is changed for a quick run.
        enriched: From a cell, the training rows, the labels that are shown and a seed to rows and labels that have more
            rows, made of the labelled ones; None for none.
        baseline_settings: From a cell to the settings of the baseline's steps; None for those of the training.
        also: From a cell, its trained model, the training rows and the test rows to what is measured of the model, and
            not of its baseline; None for nothing.
        pictures: From a cell, its trained model and the test rows to figures by name; None for no pictures.
        tables: Made of the records: of one metric by two keys of the cells, or of several metrics.
        curves: Drawn of the records.
        figures: Those that stand in the README: by file name, without the experiment's, what is said of each.
    """

    name: str
    cells: tuple[Cell, ...]
    seeds: int
    rows: Callable[[Cell, int], tuple[Rows, Rows]]
    labelled: Callable[[Cell, Rows, int], Mapping[str, Any]]
    model: Callable[[Cell, int], ub.Model]
    settings: Callable[[Cell], ub.Settings]
    views: Callable[[Cell, Rows], View | None]
    baseline_views: Callable[[Cell], View | None]
    measure: Callable[[ub.Model, Rows], dict[str, float]]
    held_out: Callable[[Rows], tuple[Rows, Rows]]
    baseline_steps: Callable[[Cell], int]
    quick: tuple[Cell, ...]
    quick_rows: int
    quick_settings: Mapping[str, Any]
    enriched: Callable[[Cell, Rows, Mapping[str, Any], int], tuple[Rows, Mapping[str, Any]]] | None = None
    baseline_settings: Callable[[Cell], ub.Settings] | None = None
    also: Callable[[Cell, ub.Model, Rows, Rows], Found] | None = None
    pictures: Callable[[Cell, ub.Model, Rows], Mapping[str, Figure]] | None = None
    tables: tuple[Table | Measures, ...] = ()
    curves: tuple[Curves, ...] = ()
    figures: Mapping[str, str] = field(default_factory=dict)


def few(rows: Rows, of: str, labels: int | str, seed: int) -> dict[str, NDArray[Any]]:
    """Keeps so many labels in all, the same number of each class; all of them for "all".

    Raises:
        OptionError: If the number cannot be shared out evenly.
    """
    if labels == "all":
        return dict(rows.labels)
    classes = len(np.unique(rows.labels[of]))
    per_class, left = divmod(int(labels), classes)
    if left:
        raise ub.errors.OptionError(f"{labels} labels cannot be shared evenly among the {classes} values of {of!r}.")
    return ub.data.few_labels(rows.labels, per_class, seed, of=of)


def product(varied: Mapping[str, Sequence[Any]]) -> tuple[Cell, ...]:
    """Returns a cell for each choice of one value a key; the last key varies fastest.

    Example:
        >>> product({"model": ("paper",), "labels": (100, 600)})
        ({'model': 'paper', 'labels': 100}, {'model': 'paper', 'labels': 600})
    """
    return tuple(dict(zip(varied, values, strict=True)) for values in itertools.product(*varied.values()))
