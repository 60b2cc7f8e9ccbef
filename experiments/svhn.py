"""House numbers from a few labels (the paper's Figures 4c, 4d and 5): the model and its settings.

Where the official files are not at hand, 10,000 official test rows are split into 8,000 and 2,000. Settings were chosen
by the error on the last eighth of the training rows, with draws of labels from 100 on; what was tried is in
results/development.jsonl.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from matplotlib.figure import Figure

import unbraid as ub
from experiments.curves import RATE, Curves
from experiments.experiment import Experiment, few, product
from experiments.measure import Found, errors
from experiments.networks import features
from experiments.published import SVHN
from experiments.record import Cell
from experiments.swaps import digits_shown, swaps
from experiments.table import Table
from experiments.views import Colour, Cover, InTurn
from unbraid.data import Rows
from unbraid.figures import analogies
from unbraid.graph import Symbol

LABELS = (1000, 3000)
RATES = (0.1, 0.3)


class HouseNumbers(ub.Model):
    """A digit and all else that is seen of a house number, through convolutions.

    The style has convolutions of its own: those of the digit learn to pass over colours.
    """

    width: int = 32
    looks: int = 16
    hidden: int = 256
    style_size: int = 100
    drop: float = 0.3

    def encode(self, x: Symbol) -> Mapping[str, Symbol]:
        h = ub.dropout(self.drop)(ub.module(features(self.width, channels=3))(x))
        digit = ub.Categorical(10, estimator="plug_in")(ub.mlp(self.hidden, dropout=self.drop)(h))
        looks = ub.conv(self.looks, 2 * self.looks, 4 * self.looks)(x)
        return {"digit": digit, "style": ub.Normal(self.style_size)(ub.mlp(self.hidden)(digit, looks))}

    def decode(self, digit: Symbol, style: Symbol) -> Symbol:
        image = ub.deconv(64, 32, 16, to=(3, 32, 32))(ub.mlp(self.hidden)(digit, style))
        return ub.Normal(3, 32, 32)(loc=image.sigmoid(), scale=ub.Learnable(0.2))


SETTINGS = ub.Settings(
    epochs=30, batch_size=64, labelled_batch_size=128, balanced=True, learning_rate=2e-3, betas=(0.9, 0.99),
    schedule="cosine", warmup_steps=100, alpha=1e5, consistency=1e5, threshold=0.8, swap=200.0, average=0.99,
    ramp=3.0, precision="auto",
)  # fmt: skip
# Weights of labels and of consistency so far above the bound's leave the digit's convolutions to these two.
VIEWS = InTurn((ub.Warp(rotation=12.0, scale=0.2, shear=0.2, shift=3.0, elastic=0.5), Colour(), Cover()))


def rows(cell: Cell, seed: int) -> tuple[Rows, Rows]:
    return read()


@cache
def read() -> tuple[Rows, Rows]:
    return ub.data.svhn()


def labelled(cell: Cell, train: Rows, seed: int) -> Mapping[str, Any]:
    return few(train, "digit", cell["labels"], seed)


def also(cell: Cell, trained: ub.Model, train: Rows, test: Rows) -> Found:
    """Sets the digit, which an independent classifier looks at."""
    return swaps(trained, train, test, {"digit": range(10)}, epochs=8, most=500)


def pictures(cell: Cell, trained: ub.Model, test: Rows) -> Mapping[str, Figure]:
    return {"analogies": analogies(trained, test.images[:8], dark_on_white=False)} if cell["rate"] == 1.0 else {}


def settings(cell: Cell) -> ub.Settings:
    """Returns settings in which all labels make as many steps as a few do."""
    found = SETTINGS.changed(rate=cell["rate"])
    return found.changed(labelled_batch_size=found.batch_size) if cell["labels"] == "all" else found


def steps_alone(cell: Cell) -> int:
    """Gives the baseline a batch for each batch of all 8,000 rows: more than the training has labelled ones."""
    return SETTINGS.epochs * 8000 // SETTINGS.batch_size if cell["rate"] == 1.0 and cell["labels"] != "all" else 0


TABLE = {"model": ("conv",), "labels": (*LABELS, "all"), "rate": (1.0,)}
FIGURE_5 = {"model": ("conv",), "labels": LABELS, "rate": RATES}
EXPERIMENT = Experiment(
    name="svhn",
    cells=(*product(TABLE), *product(FIGURE_5)),
    seeds=5,
    rows=rows,
    labelled=labelled,
    model=lambda cell, seed: HouseNumbers(seed=seed),
    settings=settings,
    views=lambda cell, train: VIEWS,
    baseline_views=lambda cell: VIEWS,
    measure=errors,
    held_out=lambda train: (train[: len(train) * 7 // 8], train[len(train) * 7 // 8 :]),
    baseline_settings=lambda cell: SETTINGS,
    baseline_steps=steps_alone,
    quick=product({"model": ("conv",), "labels": (20,), "rate": (1.0,)}),
    quick_rows=100,
    quick_settings={"epochs": 1, "warmup_steps": 0, "precision": "fp32"},
    also=also,
    pictures=pictures,
    tables=(
        Table("Test error of the digit on SVHN, by labels in all", "digit_error", where={"rate": 1.0}, published=SVHN),
        Table(
            "Test error by supervision rate and labels in all", "digit_error", rows="rate", where={"model": "conv"},
            baseline=False,
        ),
        digits_shown((*LABELS, "all")),
    ),
    curves=(Curves("Test error on SVHN", "digit_error", "rate", "labels", name="rate", axis=RATE),),
    figures={
        "conv-all-1.0-analogies": "The paper's Figure 4 (c), all labels",
        "conv-1000-1.0-analogies": "The paper's Figure 4 (d), 100 labels a digit",
        "rate": "The paper's Figure 5, right",
    },
)  # fmt: skip
