"""Averaged parameters: an exponential moving average, steadier than the last step of the optimiser."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

from unbraid.errors import OptionError
from unbraid.training.checkpoint import check_tensors

AnyModule = TypeVar("AnyModule", bound=nn.Module)


class Average(Generic[AnyModule]):
    """The moving average of the parameters of a model.

    After the optimiser's step t = 0, 1, ...: average += (1 - d_t) (parameters - average) with
    d_t = min(decay, (1 + t) / (10 + t)), so that the first steps, far from the end, are soon forgotten. Buffers are
    not averaged: the averaged model has the model's own.

    Attributes:
        model: a copy of the model with the averaged parameters, in evaluation mode; nothing in it needs a gradient.
        updates: how many there were.

    References:
        Polyak and Juditsky, "Acceleration of Stochastic Approximation by Averaging" (1992).

    Args:
        model: on the device where it is trained; its parameters may change later, but not be replaced.
        decay: how much of the average each step keeps, in the end; 0 <= decay < 1.

    Raises:
        OptionError: the decay is out of range.

    Note:
        torch.optim.swa_utils.AveragedModel keeps its count in a tensor: a decay that depends on the count would there
        wait for the GPU at every step.
    """

    def __init__(self, model: AnyModule, decay: float = 0.999) -> None:
        if not 0 <= decay < 1:
            raise OptionError(f"the decay of averaged parameters must be at least 0 and below 1, got {decay}")
        self.decay = decay
        self.updates = 0
        self.model = copy.deepcopy(model).requires_grad_(False).eval()
        self._names = [name for name, _ in model.named_parameters()]
        self._parameters: list[Tensor] = list(model.parameters())
        self._average: list[Tensor] = list(self.model.parameters())
        self._source = model

    @torch.no_grad()
    def update(self) -> None:
        """Takes the parameters as they are now into the average; to be called after each step of the optimiser."""
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        if self._average:
            torch._foreach_lerp_(self._average, self._parameters, 1 - decay)
        self._copy_buffers()
        self.updates += 1

    def tensors(self) -> dict[str, Tensor]:
        """Returns the averaged parameters by name, not copied: for a checkpoint, together with `updates`."""
        return dict(zip(self._names, self._average, strict=True))

    def restore(
        self, tensors: Mapping[str, Tensor], updates: int, *, path: Path, model_in_file: str, model_here: str
    ) -> None:
        """Goes on from a checkpoint, with the buffers that the model has now.

        Args:
            tensors: what `tensors` returned.
            updates: how many there had been.
            path: of the checkpoint, for an error.
            model_in_file: the name of the model there.
            model_here: the name of the model here.

        Raises:
            RunError: the tensors are those of another model.
        """
        here = self.tensors()
        check_tensors(tensors, here, path=path, model_in_file=model_in_file, model_here=model_here)
        with torch.no_grad():
            for name, average in here.items():
                average.copy_(tensors[name])
        self._copy_buffers()
        self.updates = updates

    def _copy_buffers(self) -> None:
        """Gives the averaged model the buffers of the model."""
        for own, averaged in zip(self._source.buffers(), self.model.buffers(), strict=True):
            averaged.copy_(own)
