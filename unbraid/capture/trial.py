"""Trials: whether a pass is the quicker for being compiled, forward and backward."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

AFTER = 20
"""How often a pass is run as it is before it is compiled: what is run less often does not pay for it."""

TURNS = 10
"""How often each form is timed."""

Run = Callable[..., tuple[Any, ...]]


class Trial:
    """A pass that is compiled when it has been run some times, and run in that form from then on if that is quicker.

    Args:
        plain: The pass as a straight line of calls, a function of a generator and tensors.
        compiled: Returns the same, compiled.

    Attributes:
        seconds: The shortest time of each form, the plain one first; None before the trial, or where it failed.
        failure: What the compiler said where it failed.
    """

    def __init__(self, plain: Run, compiled: Callable[[], Run]) -> None:
        self.seconds: tuple[float, float] | None = None
        self.failure: str | None = None
        self._run, self._compiled, self._left = plain, compiled, AFTER

    @property
    def gained(self) -> bool:
        """Whether the pass is run in its compiled form."""
        return self.seconds is not None and self.seconds[1] < self.seconds[0]

    def __call__(self, generator: torch.Generator | None, *tensors: Tensor) -> tuple[Any, ...]:
        """Runs the pass."""
        if self._left:
            self._left -= 1
            if not self._left:
                self._hold(tensors)
        return self._run(generator, *tensors)

    def __str__(self) -> str:
        if self.seconds is not None:
            plain, compiled = (f"{1e3 * each:.2f} ms" for each in self.seconds)
            return f"{'compiled' if self.gained else 'not compiled'}: {compiled} compiled, {plain} as it is"
        return f"not compiled: {self.failure}" if self.failure else f"not compiled: to be run {self._left} times before"

    def _hold(self, tensors: Sequence[Tensor]) -> None:
        """Compiles the pass, and chooses."""
        try:
            with warnings.catch_warnings(action="ignore"):  # the compiler's, about what torch does itself
                compiled = self._compiled()
                self.seconds = timed((self._run, compiled), tensors)
        except Exception as error:  # noqa: BLE001 - compilers fail in many ways, and the plain form is always right
            self.failure = f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
        else:
            self._run = compiled if self.gained else self._run


def timed(forms: tuple[Run, Run], tensors: Sequence[Tensor]) -> tuple[float, float]:
    """Times two forms of a pass in turn, and changes nothing: not the tensors, nor their gradients, nor torch's noise.

    Args:
        forms: Each a function of a generator and tensors, which returns what is differentiated first.
        tensors: What they are given. What has no gradient is copied, since a pass may change it.

    Returns:
        The shortest time of each, in seconds.
    """
    found: tuple[list[float], list[float]] = ([], [])
    copies = [each if each.requires_grad else each.clone() for each in tensors]
    leaves = [each for each in copies if each.requires_grad]
    device = tensors[0].device
    with torch.random.fork_rng([] if device.type == "cpu" else [device], device_type=device.type):
        for turn in range(2 + TURNS):  # in the first two the compiler works
            for run, seconds in zip(forms, found, strict=True):
                start = _now(device)
                loss = run(torch.Generator(device).manual_seed(0), *copies)[0]
                if loss.requires_grad:
                    torch.autograd.grad(loss, leaves, allow_unused=True)
                if turn > 1:
                    seconds.append(_now(device) - start)
    return min(found[0]), min(found[1])


def _now(device: torch.device) -> float:
    """Returns the time at which a device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()
