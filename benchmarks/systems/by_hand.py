"""The model in plain PyTorch, as tests/by_hand.py has it, with a fused Adam; "shared" computes common products once."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

sys.path[0] = str(Path(__file__).parents[2])

import torch  # noqa: E402

from benchmarks.systems.serve import serve  # noqa: E402
from tests.by_hand import HandWrittenDigits  # noqa: E402

SHARED = sys.argv[1:] == ["by_hand_shared"]


def step_of(kind: str, rows: int) -> Callable[[], None]:
    model = HandWrittenDigits(shared=SHARED)
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    generator = torch.Generator().manual_seed(0)
    x = (torch.rand(rows, 1, 28, 28, generator=generator) < 0.2).float()
    digit = torch.arange(rows) % 10

    def step() -> None:
        target = (torch.rand(x.shape, generator=generator) < x).to(x.dtype)  # binarised anew, as in unbraid
        if kind == "labelled":
            bound = model.labelled(x, target, digit, 50.0, generator)
        elif kind == "enumerated":
            bound = model.enumerated(x, target, generator)
        else:
            bound = model.plug_in(x, target, generator)
        optimizer.zero_grad(set_to_none=True)
        (-bound.mean()).backward()
        optimizer.step()

    return step


if __name__ == "__main__":
    serve(step_of)
