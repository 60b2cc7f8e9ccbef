"""Several processes that train one model together, through Lightning Fabric."""

from __future__ import annotations

import atexit
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import nn

from unbraid.errors import OptionError, ProcessError, UnbraidError
from unbraid.model import Model
from unbraid.training.checkpoint import Checkpoint

if TYPE_CHECKING:
    from unbraid.training.state import TrainingState

Answer = TypeVar("Answer")
PATIENCE = timedelta(minutes=30)
"""How long a process waits for the others."""
LOST = ("gloo", "NCCL", "Connection closed by peer", "Connection reset by peer", "Timed out", "Broken pipe")
"""What the text of an error has in it if another process did not answer."""


class Together:
    """Several processes: gradients are averaged by torch's DistributedDataParallel.

    Args:
        devices: How many processes on this machine.
        nodes: How many machines.
        model: The model; it is moved to where this process trains.

    Raises:
        OptionError: If Lightning Fabric is not installed, or there is no script that could be started again.
    """

    def __init__(self, devices: int, nodes: int, model: Model) -> None:
        self.fabric = _fabric(devices, nodes, next(model.parameters()).device.type)
        self.device: torch.device = self.fabric.device
        self.rank = int(self.fabric.node_rank) * devices + int(self.fabric.local_rank)
        self.size = devices * nodes
        model.to(self.device)

    @contextmanager
    def joined(self) -> Iterator[None]:
        """Starts the other processes of this machine, unless they are there, and waits for all.

        Raises:
            ProcessError: If another process ends, or does not answer for half an hour.
        """
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "`broadcast_buffers` is deprecated")  # its successor is new in torch 2.13
            try:
                self.fabric.launch()
                atexit.register(_leave)
                yield
            except RuntimeError as error:
                if isinstance(error, UnbraidError) or not _is_lost(error):
                    raise
                raise ProcessError(
                    f"process {self.rank + 1} of {self.size} has lost the others: one has ended, or does not answer; "
                    "what it printed says why. Every whole epoch is kept in the run folder, if there is one: start all "
                    "again with resume=True, or with `unbraid resume` what `unbraid train` began."
                ) from error

    def parallel(self, loss: nn.Module) -> nn.Module:
        """Returns the module in DistributedDataParallel; which parameters a step uses depends on its labels."""
        wrapped: nn.Module = self.fabric.strategy.setup_module(loss)
        return wrapped

    def once(self, function: Callable[[], Answer]) -> Answer:
        """Calls a function in the first process; if it explains an error there, the others end without a word."""
        answer, failed = None, False
        if self.rank == 0:
            try:
                answer = function()
            except UnbraidError:
                self.fabric.broadcast((None, True))
                raise
        found, failed = self.fabric.broadcast((answer, failed))
        if failed:
            raise SystemExit(1)
        received: Answer = found
        return received

    def everyone(self, value: Answer) -> list[Answer]:
        """Returns what each process gives."""
        found: list[Any] = [None] * self.size
        torch.distributed.all_gather_object(found, value)
        return found

    def adopt(self, state: TrainingState) -> None:
        """Sends the state of the first process to all."""
        found = self.once(lambda: _on_cpu(state.checkpoint()))
        if self.rank:
            state.restore(found, Path("that the first process sent"))

    def adopt_running(self, state: TrainingState) -> None:
        """Sends the buffers and running means of the first process to all."""
        found = self.once(lambda: {name: each.cpu() for name, each in state.running().items()})
        if self.rank:
            state.take_running(found)


def _fabric(devices: int, nodes: int, device_type: str) -> Any:
    """Returns Fabric, set up for these processes; none is started yet."""
    try:
        from lightning_fabric import Fabric
        from lightning_fabric.strategies import DDPStrategy
    except ImportError as error:
        raise OptionError(
            f"{devices * nodes} processes need Lightning Fabric, which is not installed: pip install "
            "'unbraid[distributed]'."
        ) from error
    if hasattr(sys, "ps1"):
        raise OptionError(
            "several processes start the same script again, and there is none in a notebook or at the prompt: write "
            "one, or leave devices= and nodes= out."
        )
    strategy = DDPStrategy(find_unused_parameters=True, broadcast_buffers=False, timeout=PATIENCE)
    return Fabric(accelerator=device_type, devices=devices, num_nodes=nodes, strategy=strategy)


def _leave() -> None:
    """Ends the threads of gloo while Python runs: one that lets go of a tensor after that aborts the process."""
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def _is_lost(error: RuntimeError) -> bool:
    """Says whether an error of torch is about another process."""
    known = getattr(torch.distributed, "DistError", ())
    return isinstance(error, known) or any(word in str(error) for word in LOST)


def _on_cpu(checkpoint: Checkpoint) -> Checkpoint:
    return Checkpoint({name: each.detach().cpu() for name, each in checkpoint.tensors.items()}, checkpoint.state)
