"""What a step of training costs, on one thread."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Sequence

import torch

import unbraid as ub


def cost(step: Callable[[], object], seconds: float = 2.0) -> dict[str, float]:
    """Returns the processor seconds of a step, the fastest of at least two, and the peak memory in MB over the start.

    Args:
        step: What is measured.
        seconds: For how long it is repeated, at least.
    """
    start, times = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, list[float]()
    while len(times) < 2 or (sum(times) < seconds and len(times) < 200):
        begin = time.process_time()
        step()
        times.append(time.process_time() - begin)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"seconds": min(times), "megabytes": (peak - start) / 1024}


def trainer(model: ub.Model, x: torch.Tensor, labels: dict[str, torch.Tensor], samples: int = 1) -> Callable[[], None]:
    """Returns what takes one step of training on a batch: forward, backward, a fused Adam."""
    optimizer, generator = torch.optim.Adam(model.parameters(), fused=True), torch.Generator().manual_seed(0)

    def step() -> None:
        loss = model.objective(x, labels, samples=samples, generator=generator).loss
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    return step


def slope(xs: Sequence[float], ys: Sequence[float]) -> float:
    """Returns the exponent of growth between the two largest: 1 for linear.

    Example:
        >>> slope([1, 10, 100], [5, 2, 20])
        1.0
    """
    from math import log

    return log(ys[-1] / ys[-2]) / log(xs[-1] / xs[-2])
