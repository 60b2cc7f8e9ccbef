"""What the tests of training share: a small model, a few rows, and the settings that carry state."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import unbraid as ub
from unbraid.estimators import Reinforce
from unbraid.training.history import comparable

ROWS = ub.data.tiny_digits(120, seed=0)
LABELS = ub.data.few_labels(ROWS.labels, per_class=2, seed=0)
TEST = ub.data.tiny_digits(60, seed=1)
SIZES: dict[str, Any] = {"batch_size": 50, "labelled_batch_size": 20, "progress": "quiet"}
STATEFUL: dict[str, Any] = {
    "consistency": 10.0,
    "threshold": 0.2,
    "swap": 1.0,
    "average": 0.9,
    "balanced": True,
    "schedule": "cosine",
    "warmup_steps": 3,
    "views": ub.Warp(),
    "rate": 1.5,
}


class Small(ub.Model):
    """A digit and its style; dropout too, for it draws from torch's own generator."""

    hidden: int = 16
    drop: float = 0.2

    def encode(self, x: Any) -> Any:
        h = ub.mlp(self.hidden, dropout=self.drop)(x)
        digit = ub.Categorical(10)(h)
        return {"digit": digit, "style": ub.Normal(3)(digit, h)}

    def decode(self, digit: Any, style: Any) -> Any:
        return ub.Bernoulli(1, 28, 28)(ub.mlp(self.hidden)(digit, style))


class Scored(Small):
    """The same with the score function's gradient, which keeps running means."""

    def encode(self, x: Any) -> Any:
        h = ub.mlp(self.hidden, dropout=self.drop)(x)
        digit = ub.Categorical(10, estimator=Reinforce(samples=1))(h)
        return {"digit": digit, "style": ub.Normal(3)(digit, h)}


def train(
    labels: Any = LABELS, images: Any = ROWS.images, model: ub.Model | None = None, epochs: int = 2, **more: Any
) -> ub.Run:
    """Trains a small model on the few rows."""
    return ub.fit(model or Small(), images, labels, epochs=epochs, **{**SIZES, **more})


def weights(model: ub.Model) -> dict[str, Tensor]:
    """Copies the parameters and buffers of a model."""
    return {name: each.detach().clone() for name, each in model.state_dict().items()}


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    """Says whether two sets of weights are the same, bit for bit."""
    return one.keys() == other.keys() and all(torch.equal(each, other[name]) for name, each in one.items())


def same_end(one: ub.Run, other: ub.Run) -> bool:
    """Says whether two runs have the same weights and the same history but for the clock."""
    return same(weights(one.model), weights(other.model)) and comparable(one.history) == comparable(other.history)


def files_of(folder: Path) -> tuple[bytes, bytes, bytes]:
    """Returns what must be the same in two folders of one training: the checkpoint, the plan and the config."""
    names = ("checkpoint.safetensors", "plan.json", "config.json")
    one, two, three = ((folder / name).read_bytes() for name in names)
    return one, two, three
