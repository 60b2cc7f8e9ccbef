"""The state of a training: all that changes while it runs, and its way into a checkpoint and back."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from unbraid.model import Model
from unbraid.training.averaging import Average
from unbraid.training.checkpoint import Checkpoint, check_tensors, prefixed
from unbraid.training.consistency import Consistency
from unbraid.training.optimizer_state import flatten_optimizer, restore_optimizer
from unbraid.training.settings import Settings


@dataclass(slots=True, eq=False)
class TrainingState:
    """What a training has come to after some epochs.

    Attributes:
        model: Being trained.
        optimizer: Adam, with its averages.
        average: The moving average of the weights, where one is kept.
        consistency: The regulariser with its running means, where there are views.
        epoch: How many epochs are done.
        step: How many steps are done.
        best: The lowest error on the rows for choice, and its epoch.
        best_weights: The weights that had it.
        baselines: By discrete latent the running means of its terms, for estimators that keep some.
    """

    model: Model
    optimizer: torch.optim.Optimizer
    average: Average[Model] | None = None
    consistency: Consistency | None = None
    epoch: int = 0
    step: int = 0
    best: tuple[float, int] | None = None
    best_weights: dict[str, Tensor] = field(default_factory=dict)
    baselines: dict[str, dict[str, Tensor]] = field(default_factory=dict)

    @classmethod
    def start(cls, model: Model, settings: Settings, consistent: tuple[str, ...]) -> TrainingState:
        """Returns the state before the first epoch."""
        optimizer = torch.optim.Adam(model.parameters(), settings.learning_rate, settings.betas, fused=True)
        average = Average(model, settings.average) if settings.average else None
        consistency = Consistency(model, consistent, settings.threshold) if consistent else None
        return cls(model, optimizer, average, consistency)

    @property
    def result(self) -> Model:
        """The model to be used: with averaged weights where these are kept."""
        return self.model if self.average is None else self.average.model

    def keep_best(self, error: float) -> None:
        """Remembers the present weights if their error is the lowest so far."""
        if math.isfinite(error) and (self.best is None or error < self.best[0]):
            self.best = (error, self.epoch)
            self.best_weights = {name: each.detach().clone() for name, each in self.result.state_dict().items()}

    def chosen(self, settings: Settings) -> Model:
        """Returns a copy of the model that is the result of the training, in evaluation mode."""
        model = copy.deepcopy(self.result).eval()
        for own, trained in zip(model.parameters(), self.model.parameters(), strict=True):
            own.requires_grad_(trained.requires_grad)
        if settings.choose == "best" and self.best_weights:
            model.load_state_dict(self.best_weights)
        return model

    def running(self) -> dict[str, Tensor]:
        """Returns what moves along beside the weights, without a gradient: buffers, and running means of terms."""
        weights = {name for name, _ in self.model.named_parameters()}
        buffers = {name: each for name, each in self.model.state_dict().items() if name not in weights}
        return {**prefixed("buffer", buffers), **self._means()}

    def take_running(self, found: Mapping[str, Tensor]) -> None:
        """Takes over what `running` returned elsewhere."""
        running = Checkpoint(_to(found, self.model))
        with torch.no_grad():
            for name, each in running.part("buffer").items():
                self.model.state_dict()[name].copy_(each)
        self._take_means(running)

    def _means(self) -> dict[str, Tensor]:
        """Returns running means: of terms, of the averaged model's probabilities."""
        baselines = {f"{name}/{term}": each for name, means in self.baselines.items() for term, each in means.items()}
        return {
            **prefixed("baseline", baselines),
            **prefixed("consistency", self.consistency.means if self.consistency is not None else {}),
        }

    def _take_means(self, found: Checkpoint) -> None:
        """Takes over running means, which are where the model is."""
        if self.consistency is not None:
            self.consistency.means.update(found.part("consistency"))
        self.baselines.clear()
        for key, mean in found.part("baseline").items():
            name, _, term = key.partition("/")
            self.baselines.setdefault(name, {})[term] = mean

    def checkpoint(self) -> Checkpoint:
        """Returns all of it as a checkpoint."""
        tensors, optimizer = flatten_optimizer(self.optimizer)
        parts = {
            **prefixed("model", self.model.state_dict()),
            **prefixed("optimizer", tensors),
            **prefixed("best", self.best_weights),
            **self._means(),
        }
        if self.average is not None:
            parts |= prefixed("average", self.average.tensors())
        state = {
            "model": type(self.model).__name__,
            "epoch": self.epoch,
            "step": self.step,
            "best": self.best,
            "optimizer": optimizer,
            "averaged": self.average.updates if self.average else 0,
        }
        return Checkpoint(parts, state)

    def restore(self, checkpoint: Checkpoint, path: Path) -> None:
        """Takes everything over from a checkpoint.

        Raises:
            RunError: If it is of another model.
        """
        state, name = checkpoint.state, type(self.model).__name__
        load_weights(self.model, checkpoint.part("model"), str(state["model"]), path)
        restore_optimizer(self.optimizer, checkpoint.part("optimizer"), state["optimizer"])
        if self.average is not None:
            names = {"model_in_file": str(state["model"]), "model_here": name}
            self.average.restore(checkpoint.part("average"), state["averaged"], path=path, **names)
        self.epoch, self.step = int(state["epoch"]), int(state["step"])
        self.best = (float(state["best"][0]), int(state["best"][1])) if state["best"] else None
        self.best_weights = _to(checkpoint.part("best"), self.model)
        self._take_means(Checkpoint(_to(checkpoint.tensors, self.model)))


def load_weights(model: Model, found: Mapping[str, Tensor], model_in_file: str, path: Path) -> None:
    """Gives a model the weights found in a checkpoint.

    Raises:
        RunError: If they are those of another model.
    """
    here = type(model).__name__
    check_tensors(found, model.state_dict(), path=path, model_in_file=model_in_file, model_here=here)
    model.load_state_dict(dict(found))


def _to(tensors: Mapping[str, Tensor], model: Model) -> dict[str, Tensor]:
    device = next(model.parameters()).device
    return {name: each.to(device) for name, each in tensors.items()}
