"""Both models in plain PyTorch with a fused Adam.

"shared" computes common products once; "compiled" is that under torch.compile (inductor).
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import torch
from torch import Tensor

from benchmarks.systems.m2_by_hand import HandWrittenM2
from benchmarks.systems.serve import Step, serve
from benchmarks.workload import ALPHA, Kind, Workload, batch
from tests.by_hand import HandWrittenDigits

SYSTEM = sys.argv[1] if __name__ == "__main__" else "by_hand"


def loss_of(
    model: HandWrittenDigits, kind: Kind, workload: Workload, digit: Tensor, generator: torch.Generator | None
) -> Callable[[Tensor], Tensor]:
    """Makes the loss of images (rows, 784)."""

    def loss(x: Tensor) -> Tensor:
        target = x
        if workload == "digits":  # binarised anew, as unbraid's Bernoulli does with what may be grey
            target = (torch.rand(x.shape, generator=generator) < x).to(x.dtype)
        if kind == "labelled":
            return -model.labelled(x, target, digit, ALPHA, generator).mean()
        of_rows = model.enumerated if kind == "enumerated" else model.plug_in
        return -of_rows(x, target, generator).mean()

    return loss


def step_of(workload: Workload, kind: Kind, rows: int) -> Step:
    """Makes a step of training: forward, backward, a fused Adam."""
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    compiled = SYSTEM.endswith("compiled")
    model = (HandWrittenM2 if workload == "m2" else HandWrittenDigits)(shared=compiled or SYSTEM.endswith("shared"))
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    images, digits = batch(rows)
    x, digit = torch.from_numpy(images), torch.from_numpy(digits)
    generator = None if compiled else torch.Generator().manual_seed(0)  # a compiled graph takes none
    loss = loss_of(model, kind, workload, digit, generator)
    if compiled:
        loss = torch.compile(loss, dynamic=False)

    def step() -> None:
        value = loss(x)
        optimizer.zero_grad(set_to_none=True)
        value.backward()
        optimizer.step()

    return step


def compilations() -> int:
    """Counts the graphs that torch.compile has made since the last `step_of`."""
    return int(torch._dynamo.utils.counters["stats"]["unique_graphs"])


if __name__ == "__main__":
    serve(step_of, sys.argv[2], compilations if SYSTEM.endswith("compiled") else None)  # type: ignore[arg-type]
