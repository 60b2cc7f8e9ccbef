"""Counting, reading and placing none to three digits in one image (the paper's section 4.3 and Figure 8).

Settings were chosen by the count error on the last tenth of the training images, with draws of labels from 100 on; what
was tried is in results/development.jsonl.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure

import unbraid as ub
from experiments import multimnist_networks as net
from experiments import multimnist_pictures as draw
from experiments.experiment import Experiment, few, product
from experiments.lone import Lone, lone
from experiments.measure import Found
from experiments.multimnist_networks import CELLS
from experiments.published import MULTI_MNIST
from experiments.recomposed import recomposed
from experiments.record import Cell
from experiments.swaps import digits_shown, swaps
from experiments.table import Measure, Measures, Table
from experiments.views import Blur
from unbraid.data import Rows
from unbraid.evaluation import evaluate_labels
from unbraid.graph import Symbol

ROWS, TEST_ROWS, SIZE = 20_000, 4_000, 50
SCALES = (0.2, 0.8)
COMPOSED = 20
"""How many scenes are composed of the labelled ones' digits, for each of these."""
KNOWN_OF_ISOLATED = ("centres", "count", "items.cell", "items.place")
"""What is known of a scene that was composed of isolated digits."""


class Item(ub.Submodel):
    """One digit: in which cell its centre is, where just, what it is, and how it is written.

    A digit is looked for cell by cell, so that of two places that it may have one is chosen, and never their middle.
    The state of a step is the cells in which digits were found.
    """

    hidden: int = 128
    style_size: int = 16
    side: int = 24
    drop: float = 0.3

    def encode(self, x: Symbol, found: Symbol, state: Symbol) -> Mapping[str, Symbol]:
        cell = ub.Categorical(CELLS**2, estimator="plug_in")(logits=ub.module(net.Search())(found, state))
        at = ub.module(net.Attend())(found, cell)
        place = ub.Normal(3)(at, ub.mlp(self.hidden)(at))
        exact, size = ub.to_place(place), (self.side, self.side)
        h = ub.module(net.reader())(ub.glimpse(x, ub.module(net.Jitter())(exact), size=size))
        digit = ub.Categorical(10, estimator="plug_in")(ub.mlp(self.hidden, dropout=self.drop)(h))
        written = ub.mlp(256, activation="silu")(digit, ub.glimpse(x, exact, size=size))
        style = ub.Normal(self.style_size)(digit, written)
        return {"cell": cell, "place": place, "digit": digit, "style": style}

    def first_state(self, found: Symbol) -> Symbol:
        return ub.module(net.Nowhere())(found)

    def next_state(self, state: Symbol, cell: Symbol) -> Symbol:
        return state + cell

    def decode(self, place: Symbol, digit: Symbol, style: Symbol) -> Symbol:
        strokes = ub.mlp(400, activation="silu")(digit, style)
        ink = (ub.dense(self.side**2)(strokes) - 2.0).sigmoid()  # a digit is mostly paper
        return ub.place(ink.reshape(-1, 1, self.side, self.side), ub.to_place(place), size=(SIZE, SIZE))


class MultiDigits(ub.Model):
    """In which cells of the image there is the centre of a digit, how many digits there are, and each of them.

    With `summed`, what is seen in each place adds to the count, and counts that were never seen can be told.
    """

    hidden: int = 128
    most: int = 3
    drop: float = 0.3
    summed: bool = False

    def encode(self, x: Symbol) -> Mapping[str, Any]:
        seen = ub.module(net.features())(x)
        odds = ub.module(net.detector())(seen)
        centres = ub.Bernoulli(CELLS, CELLS, logits=-4.0, estimator="plug_in")(logits=odds)
        much = ub.module(net.counter())(seen)
        if self.summed:
            count = ub.Categorical(self.most + 1)(logits=ub.module(net.Near(self.most + 1))(ub.dense(1)(much)))
        else:
            expected = odds.sigmoid().flatten(1).sum(1, keepdim=True)
            count = ub.Categorical(self.most + 1)(ub.mlp(self.hidden, dropout=self.drop)(much, expected))
        found = ub.module(net.finder())(seen.detach())  # what finds does not change what counts
        return {"centres": centres, "count": count, "items": ub.Repeat(Item(), at_most=self.most)(x, found, count)}

    def decode(self, items: Any) -> Symbol:
        ink = ub.compose(items.decode())
        return ub.Bernoulli(1, SIZE, SIZE, grey="cross_entropy")(logits=(0.001 + 0.998 * ink).logit())


SETTINGS = ub.Settings(
    epochs=5, batch_size=4, labelled_batch_size=48, learning_rate=2e-3, betas=(0.9, 0.99), schedule="cosine",
    warmup_steps=300, alpha=1e6, average=0.999, missing_class="allow", precision="auto",
)  # fmt: skip
WITH_FOURTH = ("four", "four_summed")
"""Models that have room for a fourth digit, which they are never shown in training."""
SWAP = 100.0
"""The weight of reading a digit that was set by hand, in the model that is trained so."""


def rows(cell: Cell, seed: int) -> tuple[Rows, Rows]:
    return read(4 if cell["model"] in WITH_FOURTH else 3)


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
    where = torch.as_tensor(rows.labels["place"])
    labels = {
        "centres": centres(rows.labels["place"]),
        "count": rows.labels["count"],
        "items.cell": cells(rows.labels["place"]),
        "items.digit": rows.labels["digit"],
        "items.place": np.asarray(ub.from_place(where, SCALES)),
    }
    return Rows(rows.images, labels, rows.name)


def centres(places: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Says in which cells there is a digit's centre, (rows, cells, cells), for places (rows, steps, 3)."""
    cell = cells(places)
    row, step = (cell >= 0).nonzero()
    found = np.zeros((len(places), CELLS**2), np.float32)
    found[row, cell[row, step]] = 1
    return found.reshape(-1, CELLS, CELLS)


def cells(places: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Says in which cell each digit's centre is, (rows, steps), row by row from the upper left; -1 for no digit."""
    across, down = np.moveaxis(((np.nan_to_num(places[..., 1:]) + 1) / 2 * CELLS).astype(int).clip(0, CELLS - 1), -1, 0)
    return np.where(np.isfinite(places[..., 0]), down * CELLS + across, -1)


def labelled(cell: Cell, train: Rows, seed: int) -> Mapping[str, Any]:
    return few(train, "count", cell["labels"], seed) if cell["labels"] else {}


def enriched(cell: Cell, train: Rows, labels: Mapping[str, Any], seed: int) -> tuple[Rows, Mapping[str, Any]]:
    """Adds scenes that are composed of the labelled ones' digits, or of isolated digits; no other label takes part.

    The labelled rows themselves are repeated as often: what was cut out is blurred a little.
    """
    if cell.get("model") == "isolated":
        made = _composed_of_isolated(len(train) // 20, seed)
        return _together(train, {name: _missing(made.labels[name], len(train)) for name in KNOWN_OF_ISOLATED}, [made])
    if not labels:
        return train, labels
    rows = np.flatnonzero(labels["count"] >= 0)
    known = {
        "count": labels["count"][rows],
        "digit": labels["items.digit"][rows],
        "place": ub.to_place(torch.as_tensor(labels["items.place"][rows]), SCALES).numpy(),
    }
    made = _with_latents(recomposed(train.images[rows], known, COMPOSED * len(rows), seed))
    again = np.tile(rows, COMPOSED)
    repeated = Rows(train.images[again], {name: each[again] for name, each in labels.items()}, train.name)
    return _together(train, labels, [made, repeated])


def _composed_of_isolated(images: int, seed: int) -> Rows:
    """Composes scenes of images of a single digit, of which no more is known; so where it was put is known, too."""
    one = isolated()[:images]
    known = {"count": one.labels["count"]} | {name: _missing(one.labels[name], images) for name in ("digit", "place")}
    return _with_latents(recomposed(one.images, known, COMPOSED * images, seed))


def _missing(values: np.ndarray[Any, Any], rows: int) -> np.ndarray[Any, Any]:
    """Returns labels of the same kind for rows that have none."""
    return np.full((rows, *values.shape[1:]), -1 if values.dtype.kind == "i" else np.nan, values.dtype)


def _together(train: Rows, labels: Mapping[str, Any], more: Sequence[Rows]) -> tuple[Rows, Mapping[str, Any]]:
    """Puts rows together, with the labels of the variables that have any."""
    all_labels = {name: np.concatenate([labels[name], *(each.labels[name] for each in more)]) for name in labels}
    return Rows(torch.cat([train.images, *(each.images for each in more)]), all_labels, train.name), all_labels


@cache
def isolated() -> Rows:
    """Returns images of a single digit somewhere, of which no more is known."""
    return ub.data.multi_mnist(1000, counts=(1,), at_most=3, seed=1)


@cache
def singles(images: int, most: int) -> Rows:
    """Returns images of a single digit of the training ones, and which it is, for the judge of swaps."""
    return lone(_with_latents(ub.data.multi_mnist(images, counts=(1,), at_most=most, seed=2)))


def model(cell: Cell, seed: int) -> ub.Model:
    """Returns a fresh model; "pretrained" has learned to write single digits, with no label but that there is one."""
    most = 4 if cell["model"] in WITH_FOURTH else 3
    made = MultiDigits(seed=seed, most=most, summed=cell["model"] == "four_summed")
    if cell["model"] == "pretrained":
        one = ub.data.multi_mnist(10 * cell["labels"], counts=(1,), at_most=3)
        alone = SETTINGS.changed(epochs=2, labelled_batch_size=16, seed=seed)
        ub.fit(made, one.images, {"count": one.labels["count"]}, settings=alone, progress="quiet")
    return made


def settings(cell: Cell) -> ub.Settings:
    """Returns settings in which labelled batches are as much larger as they are rarer than one of ten.

    Adam's averages are as many labelled batches long, however rare these are. With one batch of ten labelled, betas of
    0.9 and 0.99 let each labelled gradient act alone, and blow it up: after 90 labelled batches a counter was wrong in
    34 % of images, and in 5 % with these (results/development.jsonl).
    """
    rate = cell["rate"] / 100
    rare = rate or 1.0
    first, second = SETTINGS.betas
    return SETTINGS.changed(
        rate=rate, labelled_batch_size=round(SETTINGS.labelled_batch_size * max(1.0, 0.1 / rare)),
        betas=(first**rare, second**rare), learning_rate=SETTINGS.learning_rate * math.sqrt(rare),
        swap=SWAP if cell.get("model") == "swapped" else 0.0,
    )  # fmt: skip


def measure(trained: ub.Model, test: Rows) -> dict[str, float]:
    """Measures the share of images whose count is wrong, and of those whose digits, as a set, are."""
    labels = {name: test.labels[name] for name in ("count", "items.digit")}
    found = evaluate_labels(trained, test.images, labels)
    read_digits = trained.predict(test.images)["items.digit"].numpy()
    wrong = ~_same_digits(read_digits, test.labels["items.digit"])
    metrics = {"count_error": found["count"]["error"], "set_error": float(wrong.mean())}
    metrics["item_error"] = found["items.digit"]["error"]
    return metrics | (_of_four(trained) if trained.fields.get("most", 3) > 3 else {})


def _of_four(trained: ub.Model) -> dict[str, float]:
    """Measures the same of images of four digits."""
    rows = four()
    found = trained.predict(rows.images)
    wrong = ~_same_digits(found["items.digit"].numpy(), rows.labels["items.digit"])
    return {
        "count_error_of_four": float((found["count"].numpy() != 4).mean()),
        "set_error_of_four": float(wrong.mean()),
    }


def _same_digits(read_digits: np.ndarray[Any, Any], digits: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Says for which rows the digits are the same, in whatever order; -1 stands for no digit."""
    width = max(read_digits.shape[1], digits.shape[1])
    filled = [np.pad(each, ((0, 0), (0, width - each.shape[1])), constant_values=-1) for each in (read_digits, digits)]
    left, right = (np.sort(each, axis=1) for each in filled)
    return np.asarray((left == right).all(1))


def also(cell: Cell, trained: ub.Model, train: Rows, test: Rows) -> Found:
    """Sets the digit where it is alone in the image, which an independent classifier looks at."""
    if not cell["labels"]:
        return Found()  # no digit was ever named
    single = singles(len(train) * 3 // 4, test.labels["items.digit"].shape[1])
    return swaps(
        Lone(trained), single, lone(test), {"digit": range(10)}, epochs=10, width=24, most=500, judge_views=Blur()
    )


def pictures(cell: Cell, trained: ub.Model, test: Rows) -> Mapping[str, Figure]:
    """Draws what the model makes of the first images of one, two and three digits."""
    counts = test.labels["count"]
    shown = [int(row) for count, rows in ((1, 2), (2, 3), (3, 3)) for row in np.flatnonzero(counts == count)[:rows]]
    return draw.pictures(trained, test.images[shown]) if cell["labels"] else {}


LABELLED = product({"model": ("repeat",), "labels": (500, 1000), "rate": (1, 10)})
EXPERIMENT = Experiment(
    name="multimnist",
    cells=(
        *LABELLED, {"model": "isolated", "labels": 0, "rate": 10}, {"model": "repeat", "labels": 0, "rate": 0},
        *product({"model": ("swapped", "pretrained", *WITH_FOURTH), "labels": (1000,), "rate": (10,)}),
    ),
    seeds=5,
    rows=rows,
    labelled=labelled,
    enriched=enriched,
    model=model,
    settings=settings,
    views=lambda cell, train: None,
    measure=measure,
    held_out=lambda train: (train[: len(train) * 9 // 10], train[len(train) * 9 // 10 :]),
    baseline_views=lambda cell: None,
    baseline_settings=lambda cell: SETTINGS.changed(warmup_steps=30),
    baseline_steps=lambda cell: 2400 if cell["model"] == "repeat" and cell["rate"] == 10 else 0,
    quick=(
        *product({"model": ("repeat", "swapped", "pretrained", *WITH_FOURTH), "labels": (40,), "rate": (10,)}),
        {"model": "isolated", "labels": 0, "rate": 10},
    ),
    quick_rows=200,
    quick_settings={"epochs": 1, "warmup_steps": 0, "precision": "fp32"},
    also=also,
    pictures=pictures,
    figures={
        "repeat-1000-10-places": "The paper's Figure 8: places, digits, and what each step adds",
        "repeat-1000-10-counts": "The count set by hand",
        "swapped-1000-10-counts": "The same, where digits were swapped in training",
    },
    tables=(
        Table(
            "Count error, by supervision rate in % and labelled rows", "count_error", rows="rate",
            where={"model": "repeat"}, published=MULTI_MNIST,
        ),
        Table("Images whose digits, as a set, are wrong", "set_error", rows="rate", where={"model": "repeat"}),
        Table("Count error, 10 % of batches labelled", "count_error", where={"rate": 10}),
        digits_shown((500, 1000), rate=10),
        Measures(
            "Four digits, never seen in training, 0.3 to 0.5 of the image each",
            (
                Measure("count error", "count_error_of_four", "percent"),
                Measure("sets of digits that are wrong", "set_error_of_four", "percent"),
                Measure("count error of none to three digits", "count_error", "percent"),
            ),
            among=WITH_FOURTH,
        ),
    ),
)  # fmt: skip
