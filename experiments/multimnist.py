"""Counting, reading and placing none to three digits in one image (the paper's section 4.3 and Figure 8).

Settings are developed by the count error on the last tenth of the training images, with draws of labels from 100 on.
They are not settled yet; what was tried is in results/development.jsonl.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import nn

import unbraid as ub
from experiments import multimnist_pictures as draw
from experiments.experiment import Experiment, few, product
from experiments.published import MULTI_MNIST
from experiments.record import Cell
from experiments.table import Table
from unbraid.data import Rows
from unbraid.evaluation import evaluate_labels

ROWS, TEST_ROWS, SIZE = 20_000, 4_000, 50


class Item(ub.Submodel):
    """One digit: where it is, what it is, and how it is written."""

    hidden: int = 128
    style_size: int = 8
    side: int = 24
    drop: float = 0.3

    def encode(self, x, h, state):
        place = ub.Normal(3)(ub.mlp(self.hidden)(h, state))
        seen = ub.module(reader())(ub.glimpse(x, ub.to_place(place), size=(self.side, self.side)))
        digit = ub.Categorical(10, estimator="plug_in")(ub.mlp(self.hidden, dropout=self.drop)(seen))
        return {"place": place, "digit": digit, "style": ub.Normal(self.style_size)(digit, ub.mlp(self.hidden)(seen))}

    def decode(self, place, digit, style):
        ink = (ub.dense(self.side**2)(ub.mlp(200)(digit, style)) - 2.0).sigmoid()  # a digit is mostly paper
        return ub.place(ink.reshape(-1, 1, self.side, self.side), ub.to_place(place), size=(SIZE, SIZE))


class MultiDigits(ub.Model):
    """How many digits there are, and each of them; what counts them and what finds them see the image by themselves."""

    hidden: int = 256
    most: int = 3
    drop: float = 0.3

    def encode(self, x):
        counted, h = ub.module(counter())(x), ub.module(finder(self.hidden))(x)
        count = ub.Categorical(self.most + 1)(ub.mlp(self.hidden // 2, dropout=self.drop)(counted))
        return {"count": count, "items": ub.Repeat(Item(), at_most=self.most)(x, h, count)}

    def decode(self, items):
        ink = ub.compose(items.decode())
        return ub.Bernoulli(1, SIZE, SIZE, grey="cross_entropy")(logits=(0.001 + 0.998 * ink).logit())


def counter() -> nn.Sequential:
    """Returns convolutions whose features are averaged over the image: what is there counts, and not where.

    Features are normalised over the batch. Normalised by themselves, images would lose how much there is in them.
    """
    sizes = ((4, 16, 1), (16, 32, 2), (32, 64, 2), (64, 64, 1), (64, 96, 1))
    return nn.Sequential(
        nn.PixelUnshuffle(2), *convolutions(sizes, nn.BatchNorm2d), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    )


def finder(hidden: int) -> nn.Sequential:
    """Returns convolutions and a hidden layer that knows where everything is."""
    layers = (nn.Flatten(), nn.LazyLinear(hidden, bias=False), nn.BatchNorm1d(hidden), nn.ReLU())
    return nn.Sequential(nn.PixelUnshuffle(2), *convolutions(((4, 32, 2), (32, 64, 2)), nn.BatchNorm2d), *layers)


def reader() -> nn.Sequential:
    """Returns convolutions over a glimpse, normalised by itself: how bright it is says nothing of what it is."""
    sizes = ((4, 32, 2), (32, 64, 2))
    return nn.Sequential(nn.PixelUnshuffle(2), *convolutions(sizes, partial(nn.GroupNorm, 4)), nn.Flatten())


def convolutions(sizes: Sequence[tuple[int, int, int]], norm: Callable[[int], nn.Module]) -> Iterator[nn.Module]:
    """Yields convolutions of three by three pixels, from so many channels to so many, with a step, and their norms."""
    for into, out, step in sizes:
        yield from (nn.Conv2d(into, out, 3, step, 1, bias=False), norm(out), nn.ReLU())


SETTINGS = ub.Settings(
    epochs=3, batch_size=40, labelled_batch_size=200, learning_rate=2e-3, betas=(0.9, 0.99), schedule="cosine",
    warmup_steps=100, alpha=3e3, consistency=3e3, threshold=0.8, average=0.99, ramp=0.5, missing_class="allow",
    precision="auto",
)  # fmt: skip
VIEWS = ub.Warp(rotation=15.0, scale=0.15, shear=0.15, shift=3.0, elastic=0.8)


def rows(cell: Cell, seed: int) -> tuple[Rows, Rows]:
    return read(4 if cell["model"] == "four" else 3)


@cache
def read(most: int) -> tuple[Rows, Rows]:
    """Reads images of none to three digits, whose labels have so many steps."""
    return (
        _with_latents(ub.data.multi_mnist(ROWS, at_most=most)),
        _with_latents(ub.data.multi_mnist(TEST_ROWS, "test", at_most=most)),
    )


@cache
def four() -> Rows:
    """Returns images of four digits, which no model was trained on."""
    return _with_latents(ub.data.multi_mnist(TEST_ROWS // 4, "test", counts=(4,), scales=(0.3, 0.5)))


def _with_latents(rows: Rows) -> Rows:
    """Names the labels as the model names its latents; places become those of the latent that they are mapped from."""
    place = ub.from_place(torch.as_tensor(rows.labels["place"]), scales=(0.2, 0.8))
    labels = {"count": rows.labels["count"], "items.digit": rows.labels["digit"], "items.place": np.asarray(place)}
    return Rows(rows.images, labels, rows.name)


def labelled(cell: Cell, train: Rows, seed: int) -> Mapping[str, Any]:
    return few(train, "count", cell["labels"], seed) if cell["labels"] else {}


def model(cell: Cell, seed: int) -> ub.Model:
    """Returns a fresh model; "pretrained" has learned to write single digits, with no label but that there is one."""
    made = MultiDigits(seed=seed, most=4 if cell["model"] == "four" else 3)
    if cell["model"] == "pretrained":
        one = ub.data.multi_mnist(ROWS // 2, counts=(1,), at_most=3)
        labels, settings = (
            {"count": one.labels["count"]},
            SETTINGS.changed(epochs=2, rate=1.0, consistency=0.0, seed=seed),
        )
        ub.fit(made, one.images, labels, settings=settings, progress="quiet")
    return made


def settings(cell: Cell) -> ub.Settings:
    return SETTINGS.changed(rate=cell["rate"] / 100)


def measure(trained: ub.Model, test: Rows) -> dict[str, float]:
    """Measures the share of images whose count is wrong, and of those whose digits, as a set, are."""
    labels = {name: each for name, each in test.labels.items() if name != "items.place"}
    found = evaluate_labels(trained, test.images, labels)
    read_digits = trained.predict(test.images)["items.digit"].numpy()
    wrong = ~_same_digits(read_digits, test.labels["items.digit"])
    metrics = {"count_error": found["count"]["error"], "set_error": float(wrong.mean())}
    metrics["item_error"] = found["items.digit"]["error"]
    if trained.fields.get("most", 3) > 3:
        counted = trained.predict(four().images)["count"].numpy()
        metrics["count_error_of_four"] = float((counted != 4).mean())
    return metrics


def _same_digits(read_digits: np.ndarray[Any, Any], digits: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Says for which rows the digits are the same, in whatever order; -1 stands for no digit."""
    width = max(read_digits.shape[1], digits.shape[1])
    filled = [np.pad(each, ((0, 0), (0, width - each.shape[1])), constant_values=-1) for each in (read_digits, digits)]
    left, right = (np.sort(each, axis=1) for each in filled)
    return np.asarray((left == right).all(1))


def pictures(cell: Cell, trained: ub.Model, test: Rows) -> Mapping[str, Figure]:
    """Draws what the model makes of the first images of one, two and three digits."""
    counts = test.labels["count"]
    shown = [int(row) for count, rows in ((1, 2), (2, 3), (3, 3)) for row in np.flatnonzero(counts == count)[:rows]]
    return draw.pictures(trained, test.images[shown]) if cell["labels"] else {}


LABELLED = product({"model": ("repeat",), "labels": (500, 1000), "rate": (1, 10)})
EXPERIMENT = Experiment(
    name="multimnist",
    cells=(
        {"model": "repeat", "labels": 0, "rate": 0}, *LABELLED,
        *product({"model": ("pretrained", "four"), "labels": (1000,), "rate": (10,)}),
    ),
    seeds=5,
    rows=rows,
    labelled=labelled,
    model=model,
    settings=settings,
    views=lambda cell, train: VIEWS,
    measure=measure,
    held_out=lambda train: (train[: len(train) * 9 // 10], train[len(train) * 9 // 10 :]),
    baseline_views=lambda cell: VIEWS,
    baseline_steps=lambda cell: 300 if cell["labels"] else 0,
    quick=product({"model": ("repeat", "pretrained", "four"), "labels": (40,), "rate": (10,)}),
    quick_rows=200,
    quick_settings={"epochs": 1, "warmup_steps": 0, "precision": "fp32"},
    pictures=pictures,
    tables=(
        Table(
            "Count error, by supervision rate in % and labelled rows", "count_error", rows="rate",
            where={"model": "repeat"}, published=MULTI_MNIST,
        ),
        Table("Images whose digits, as a set, are wrong", "set_error", rows="rate", where={"model": "repeat"}),
        Table("Count error, 10 % of batches labelled", "count_error", where={"rate": 10}),
        Table("Four digits, never seen in training: count error", "count_error_of_four", where={"model": "four"}),
    ),
)  # fmt: skip
