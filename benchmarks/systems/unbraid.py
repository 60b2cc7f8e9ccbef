"""The model in unbraid."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

sys.path[0] = str(Path(__file__).parents[2])  # not this folder, whose files have the names of what they import

import torch  # noqa: E402

import unbraid as ub  # noqa: E402
from benchmarks.systems.serve import serve  # noqa: E402
from examples.digits import Digits  # noqa: E402


def step_of(kind: str, rows: int) -> Callable[[], None]:
    model: ub.Model = Digits()
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    generator = torch.Generator().manual_seed(0)
    x = (torch.rand(rows, 1, 28, 28, generator=generator) < 0.2).float()
    labels = {"digit": torch.arange(rows) % 10} if kind == "labelled" else {}
    estimators = {"digit": "plug_in" if kind == "plug_in" else "enumerate"}

    def step() -> None:
        found = model.objective(x, labels, estimators=estimators, generator=generator)
        optimizer.zero_grad(set_to_none=True)
        found.loss.backward()
        optimizer.step()

    return step


if __name__ == "__main__":
    serve(step_of)
