"""The world of a training: this process alone, or several that train one model together."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol, TypeVar

import torch
from torch import nn

from unbraid.errors import OptionError
from unbraid.model import Model
from unbraid.training.settings import Settings
from unbraid.training.state import TrainingState

Answer = TypeVar("Answer")


class World(Protocol):
    """The processes that train one model together: each takes its rows of every batch, all take the same step.

    Attributes:
        rank: The number of this process, from 0. The first writes files, shows progress and measures errors.
        size: How many there are.
        device: Where this one trains.
    """

    rank: int
    size: int
    device: torch.device

    def joined(self) -> AbstractContextManager[object]:
        """Returns the context in which the processes are there, and know of each other."""

    def parallel(self, loss: nn.Module) -> nn.Module:
        """Returns a module whose backward pass gives every process the mean of all gradients."""

    def once(self, function: Callable[[], Answer]) -> Answer:
        """Calls a function in the first process only, and returns its answer in all."""

    def everyone(self, value: Answer) -> list[Answer]:
        """Returns what each process gives, in order; each must give something."""

    def adopt(self, state: TrainingState) -> None:
        """Gives every process the state of the first."""

    def adopt_running(self, state: TrainingState) -> None:
        """Gives every process what the first keeps beside the weights: buffers and running means."""


class Alone:
    """One process.

    Args:
        device: Where the model is.
    """

    rank, size = 0, 1

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def joined(self) -> AbstractContextManager[object]:
        """Returns a context that changes nothing."""
        return nullcontext()

    def parallel(self, loss: nn.Module) -> nn.Module:
        """Returns the module itself."""
        return loss

    def once(self, function: Callable[[], Answer]) -> Answer:
        """Calls the function."""
        return function()

    def everyone(self, value: Answer) -> list[Answer]:
        """Returns the one value."""
        return [value]

    def adopt(self, state: TrainingState) -> None:
        """Leaves the state as it is."""

    def adopt_running(self, state: TrainingState) -> None:
        """Leaves the state as it is."""


def world_of(devices: int, nodes: int, model: Model) -> World:
    """Returns the world of a training; the processes of a larger one are started, or met, by its `joined`.

    Args:
        devices: How many processes on this machine: one a GPU where the model is on a GPU.
        nodes: How many machines; the same command runs on each. Under `torchrun` and `srun` the processes are there
            already; `torchrun` says how many.
        model: The model; it is moved to where this process trains.

    Raises:
        OptionError: If a number makes no sense, is not that of `torchrun`, or there is no Lightning Fabric.
    """
    for name, number in {"devices": devices, "nodes": nodes}.items():
        if isinstance(number, bool) or not isinstance(number, int) or number < 1:
            raise OptionError(f"{name} must be a whole number, at least 1, got {number!r}.")
    started = _started_by_torchrun()
    if started is not None:
        if devices * nodes not in (1, started[0] * started[1]):
            raise OptionError(
                f"torchrun has started {started[0] * started[1]} processes, and devices={devices}, nodes={nodes} make "
                f"{devices * nodes}: leave both out under torchrun."
            )
        devices, nodes = started
    if devices * nodes == 1:
        return Alone(next(model.parameters()).device)
    from unbraid.training.together import Together

    return Together(devices, nodes, model)


def check_shared(world: World, settings: Settings) -> None:
    """Raises OptionError for a setting that needs the whole batch in one process."""
    if world.size > 1 and settings.free_bits:
        raise OptionError(
            "free_bits counts the mean of a KL term over a batch, and several processes share each batch: set it to 0, "
            "or train in one process."
        )


def _started_by_torchrun() -> tuple[int, int] | None:
    """Returns how many processes torchrun has started on each machine, and on how many; None if it has not."""
    if not (torch.distributed.is_available() and torch.distributed.is_torchelastic_launched()):
        return None
    each = int(os.environ["LOCAL_WORLD_SIZE"])
    return each, int(os.environ["WORLD_SIZE"]) // each
