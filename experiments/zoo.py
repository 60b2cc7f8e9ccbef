"""Models of the zoo on MNIST from 100 labels.

Settings were developed on the first 50,000 training rows, with draws of labels 100 to 102, by the error on the last
10,000 training rows; what was tried is in results/zoo_development.jsonl.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

import unbraid as ub
from experiments.experiment import Experiment, few, product
from experiments.measure import errors
from experiments.mnist import rows
from experiments.record import Cell
from experiments.table import Table
from unbraid import zoo
from unbraid.data import Rows
from unbraid.evaluation import log_likelihood_bound
from unbraid.figures import samples
from unbraid.graph import Symbol
from unbraid.views import View


class ConvADGM(zoo.ADGM):
    """ADGM whose networks of q share three small convolutions, those of the recipe for MNIST."""

    hidden: int = 300
    size: int = 32
    drop: float = 0.3

    def encode(self, x: Symbol) -> Mapping[str, Symbol]:
        h = ub.conv(16, 32, 64, kernel=(5, 3, 3))(x)
        a = ub.Normal(self.size)(ub.mlp(self.hidden)(h))
        digit = ub.Categorical(10)(ub.mlp(self.hidden, dropout=self.drop)(a, ub.dropout(self.drop)(h)))
        return {"a": a, "digit": digit, "style": ub.Normal(self.size)(ub.mlp(self.hidden)(a, digit, h))}


MODELS: Mapping[str, type[ub.Model]] = {
    "conv_adgm": ConvADGM, "adgm": zoo.ADGM, "sdgm": zoo.SDGM, "m2": zoo.M2, "m1_m2": zoo.M1M2, "m1": zoo.M1,
    "gmvae": zoo.GMVAE, "ccvae": zoo.CCVAE, "cvae": zoo.CVAE,
}  # fmt: skip
SUMMED = ("m2", "adgm")
"""Whose plain versions were tried too; they sum over the likeliest digit and sample one of the others."""
PLAIN = ub.Settings(
    epochs=8, batch_size=200, labelled_batch_size=50, balanced=True, learning_rate=1e-3, schedule="cosine",
    warmup_steps=200, alpha=50.0, average=0.995, precision="auto",
)  # fmt: skip
VIEWS = PLAIN.changed(alpha=300.0, consistency=250.0, threshold=0.8, betas=(0.9, 0.99), estimators={"digit": "plug_in"})
OTHERS = {
    "adgm": VIEWS.changed(epochs=10),
    "conv_adgm": VIEWS.changed(epochs=6, learning_rate=2e-3),
    "ccvae": VIEWS.changed(samples=4, estimators={}),
    "gmvae": VIEWS.changed(estimators={}),
    "cvae": PLAIN.changed(balanced=False, labelled_batch_size=200),
}


def labelled(cell: Cell, train: Rows, seed: int) -> Mapping[str, Any]:
    return few(train, "digit", cell["labels"], seed)


def model(cell: Cell, seed: int) -> ub.Model:
    return MODELS[cell["model"]](seed=seed)


def settings(cell: Cell) -> ub.Settings:
    if cell["version"] == "views" or cell["model"] == "cvae":
        return OTHERS.get(cell["model"], VIEWS)
    return PLAIN.changed(estimators={"digit": "sum_and_sample(k=1)"})


def views(cell: Cell, train: Rows) -> View | None:
    return ub.Warp() if cell["version"] == "views" else None


def measure(trained: ub.Model, test: Rows) -> dict[str, float]:
    """Measures the error (a CVAE is always given the digit), and the bound on log p(x) of 1,000 rows, in nats."""
    found = log_likelihood_bound(trained, test.images[:1000], samples=20)
    return {**({} if isinstance(trained, zoo.CVAE) else errors(trained, test)), "log_px": found.bound}


def pictures(cell: Cell, trained: ub.Model, test: Rows) -> Mapping[str, Figure]:
    return {"samples": samples(trained)}


EXPERIMENT = Experiment(
    name="zoo",
    cells=(
        *product({"model": tuple(name for name in MODELS if name != "cvae"), "version": ("views",), "labels": (100,)}),
        *product({"model": SUMMED, "version": ("plain",), "labels": (100,)}),
        *product({"model": ("cvae",), "version": ("plain",), "labels": ("all",)}),
    ),
    seeds=3,
    rows=rows,
    labelled=labelled,
    model=model,
    settings=settings,
    views=views,
    measure=measure,
    held_out=lambda train: (train[: len(train) * 5 // 6], train[len(train) * 5 // 6 :]),
    baseline_views=lambda cell: None,
    baseline_steps=lambda cell: 0,
    quick=product({"model": ("conv_adgm", "m1", "gmvae", "ccvae"), "version": ("views",), "labels": (20,)}),
    quick_rows=300,
    quick_settings={"epochs": 1, "warmup_steps": 0, "precision": "fp32"},
    pictures=pictures,
    tables=(
        Table("Test error on MNIST", "digit_error", columns="version", baseline=False),
        Table(
            "Bound on log p(x), 20 samples, 1,000 test rows", "log_px", columns="version", unit="nats", baseline=False
        ),
    ),
)  # fmt: skip
