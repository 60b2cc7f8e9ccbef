"""Faces under changing light (the paper's Figures 1, 6 and 7): the model, its ablations, and their settings.

Two protocols: rows split at random, and lights held out that training never sees. Settings were chosen on a fifth of
the training rows, with splits and draws from 100 on; what was tried is in results/development.jsonl.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

import unbraid as ub
from experiments.experiment import Experiment, product
from experiments.face_pictures import faces_of
from experiments.measure import angles, errors
from experiments.published import IDENTITY, LIGHT, Published
from experiments.record import Cell
from experiments.table import Curves, Table, Unit
from experiments.views import Cover, InTurn, Relight
from unbraid.data import Rows

SIZE = (32, 28)
PEOPLE = 38
STRUCTURES = ("neither", "q", "p", "both")


class Faces(ub.Model):
    """Who is seen, where the light comes from, the shading that both make, and what the skin reflects.

    `structure` says where the shading depends on identity and light: in q (the paper's model), in p, in both, or in
    neither, where q is mean field.
    """

    structure: str = "q"
    width: int = 16
    hidden: int = 256
    size: int = 20
    drop: float = 0.3

    def encode(self, x):
        h = ub.dropout(self.drop)(ub.module(features(self.width))(contrast(x)))
        g = ub.dropout(self.drop)(ub.conv(16, 32, 32)(x))
        identity = ub.Categorical(PEOPLE, estimator="plug_in")(ub.mlp(self.hidden, dropout=self.drop)(h))
        lighting = ub.Direction(3)(ub.mlp(128, dropout=self.drop)(g))
        above = (identity, lighting) if self.structure in ("q", "both") else (g,)
        return {
            "identity": identity,
            "lighting": lighting,
            "shading": ub.Normal(self.size)(ub.mlp(self.hidden)(*above)),
            "reflectance": ub.Normal(self.size)(ub.mlp(self.hidden)(h)),
        }

    def prior(self, identity, lighting):
        if self.structure not in ("p", "both"):
            return {}
        return {"shading": ub.Normal(self.size)(ub.mlp(self.hidden)(identity, lighting))}

    def decode(self, identity, lighting, shading, reflectance):  # (n . l) r, in the shade where the light is hidden
        towards = torch.tensor([0.0, 0.0, 2.0]).view(1, 3, 1, 1)  # faces look at the camera
        n = functional.normalize(ub.deconv(32, 16, to=(3, *SIZE))(ub.mlp(64)(identity)) + towards, dim=1)
        r = functional.softplus(ub.deconv(32, 16, to=(1, *SIZE))(ub.mlp(64)(identity, reflectance)))
        lit = functional.softplus(8 * (n * lighting[:, :, None, None]).sum(1, keepdim=True)) / 8
        seen = torch.sigmoid(ub.deconv(32, 16, to=(1, *SIZE))(ub.mlp(128)(shading)) + 2)
        return ub.Normal(1, *SIZE)(loc=lit * r * seen, scale=ub.Learnable(0.1))


def contrast(x):
    """Takes the light out of faces: each pixel against the mean and the deviation of those around it."""
    away = x - mean_around(x)
    return away / (mean_around(away * away) + 1e-4).sqrt()


def mean_around(x):
    """Returns the mean of seven by seven pixels."""
    return functional.avg_pool2d(x, 7, 1, 3, count_include_pad=False)


def features(width: int) -> nn.Sequential:
    """Returns four convolutions with normalised features, which halve height and width three times."""
    layers: list[nn.Module] = []
    sizes = (1, width, 2 * width, 4 * width, 4 * width)
    for (into, out), stride in zip(pairwise(sizes), (1, 2, 2, 2), strict=True):
        layers += [nn.Conv2d(into, out, 3, stride, 1, bias=False), nn.GroupNorm(4, out), nn.ReLU()]
    return nn.Sequential(*layers, nn.Flatten())


SETTINGS = ub.Settings(
    epochs=30, batch_size=64, labelled_batch_size=64, learning_rate=2e-3, schedule="cosine", alpha=300.0,
    consistency=200.0, threshold=0.8, average=0.99, precision="auto",
)  # fmt: skip
VIEWS = InTurn((ub.Warp(rotation=4.0, scale=0.05, shear=0.05, shift=1.5, elastic=0.3), Relight(), Cover()))


def rows(cell: Cell, seed: int) -> tuple[Rows, Rows]:
    if cell["split"] == "lights":
        return ub.data.hold_out(read(), of=("azimuth", "elevation"), seed=seed)
    return ub.data.split_rows(read(), seed=seed)


@cache
def read() -> Rows:
    return ub.data.yale_faces(size=SIZE)


def labelled(cell: Cell, train: Rows, seed: int) -> Mapping[str, Any]:
    """Labels rows with identity and light: as many of each person as can be, the rest of people drawn at random."""
    known = {name: train.labels[name] for name in ("identity", "lighting")}
    if cell["labels"] == "all":
        return known
    each, more = divmod(cell["labels"], PEOPLE)
    lucky = np.random.default_rng(seed).permutation(PEOPLE)[:more]
    found = ub.data.few_labels(known, each, seed, of="identity")
    if more:
        with_more = ub.data.few_labels(known, each + 1, seed, of="identity")
        for name, values in found.items():
            chosen = np.isin(with_more["identity"], lucky)
            values[chosen] = with_more[name][chosen]
    return found


def measure(model: ub.Model, test: Rows) -> dict[str, float]:
    return errors(model, test) | angles(model, test, "lighting", called="light")


PROTOCOLS = {"rows": "rows split at random", "lights": "lights held out"}
TABLE = {"model": ("q",), "labels": ("all", 60), "split": tuple(PROTOCOLS)}
CURVE = {"model": ("q",), "labels": tuple(PEOPLE * each for each in (1, 2, 5, 10, 20)), "split": ("rows",)}
ABLATION = {"model": ("neither", "p", "both"), "labels": ("all", 60), "split": ("rows",)}
METRICS: tuple[tuple[str, str, Unit, tuple[Published, ...]], ...] = (
    ("Error of the identity", "identity_error", "percent", IDENTITY),
    ("Angle between the light and its prediction", "light_angle", "degrees", ()),
    ("1 - cosine of this angle", "light_cosine", "percent", LIGHT),
)
EXPERIMENT = Experiment(
    name="faces",
    cells=(*product(TABLE), *product(CURVE), *product(ABLATION)),
    seeds=5,
    rows=rows,
    labelled=labelled,
    model=lambda cell, seed: Faces(seed=seed, structure=cell["model"]),
    settings=lambda cell: SETTINGS,
    views=lambda cell: VIEWS,
    measure=measure,
    held_out=lambda train: ub.data.split_rows(train, seed=1000),
    baseline_steps=lambda cell: 1000,
    quick=product({"model": STRUCTURES, "labels": (PEOPLE,), "split": ("rows",)}),
    quick_rows=228,
    quick_settings={"epochs": 1, "precision": "fp32"},
    pictures=faces_of,
    tables=tuple(
        Table(f"{title}, {protocol}, by labelled rows", metric, where={"split": split}, unit=unit, published=others)
        for split, protocol in PROTOCOLS.items()
        for title, metric, unit, others in METRICS
    ),
    curves=tuple(
        Curves(title, metric, "labels", "model", where={"split": "rows"}, unit=unit, name=metric)
        for title, metric, unit, _ in METRICS[:2]
    ),
)
