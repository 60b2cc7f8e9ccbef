"""Counting digits without a label: Attend, infer, repeat (Eslami et al. 2016) on none to two digits of MNIST.

The digits are of one size, 28 of 50 pixels, as the paper's are. Settings were tried out on training images alone, the
last sixth of which is held out; what was tried is in results/development.jsonl. All seeds are reported, those that do
not learn to count too.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import unbraid as ub
from experiments.experiment import Experiment
from experiments.measure import errors
from experiments.multimnist_pictures import places
from experiments.record import Cell
from experiments.table import Table
from unbraid import zoo
from unbraid.data import Rows

ROWS, TEST_ROWS, MOST = 12_000, 2_000, 2
SIDE = 28 / 50
SETTINGS = ub.Settings(
    epochs=24, batch_size=64, learning_rate=1e-3, betas=(0.9, 0.99), schedule="cosine", warmup_steps=100,
    precision="auto",
)  # fmt: skip


@cache
def read() -> tuple[Rows, Rows]:
    scenes: Mapping[str, Any] = {"counts": tuple(range(MOST + 1)), "scales": (SIDE, SIDE)}
    return (
        _counted(ub.data.multi_mnist(ROWS, **scenes)),
        _counted(ub.data.multi_mnist(TEST_ROWS, "test", **scenes)),
    )


def _counted(rows: Rows) -> Rows:
    """Keeps of the labels the count, which is what is measured."""
    return Rows(rows.images, {"count": rows.labels["count"]}, rows.name)


def pictures(cell: Cell, trained: ub.Model, test: Rows) -> Mapping[str, Figure]:
    """Draws the first images of none, one and two digits."""
    counts = test.labels["count"]
    shown = [int(row) for count, rows in ((0, 1), (1, 3), (2, 5)) for row in np.flatnonzero(counts == count)[:rows]]
    return {"things": places(trained, test.images[shown], "things.where", zoo.AIR.scales)}


EXPERIMENT = Experiment(
    name="air",
    cells=({"model": "air", "labels": 0},),
    seeds=5,
    rows=lambda cell, seed: read(),
    labelled=lambda cell, train, seed: {},
    model=lambda cell, seed: zoo.AIR(seed=seed, most=MOST),
    settings=lambda cell: SETTINGS,
    views=lambda cell, train: None,
    measure=errors,
    held_out=lambda train: (train[: len(train) * 5 // 6], train[len(train) * 5 // 6 :]),
    baseline_views=lambda cell: None,
    baseline_steps=lambda cell: 0,
    quick=({"model": "air", "labels": 0},),
    quick_rows=100,
    quick_settings={"epochs": 1, "warmup_steps": 0, "precision": "fp32"},
    pictures=pictures,
    figures={"air-0-things": "Things found without a label"},
    tables=(Table("Counting none to two digits without a label: count error", "count_error", baseline=False),),
)  # fmt: skip
