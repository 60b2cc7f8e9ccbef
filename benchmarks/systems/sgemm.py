"""No model: single-precision products of 1024 x 1024 matrices, for this machine's peak."""

from __future__ import annotations

import sys

import torch

from benchmarks.systems.serve import Step, serve
from benchmarks.workload import Kind, Workload

SIZE = 1024
GFLOP = 2 * SIZE**3 / 1e9
"""Of one product."""


def step_of(workload: Workload, kind: Kind, rows: int) -> Step:
    """Makes one product, whatever the column."""
    left, right, out = torch.rand(SIZE, SIZE), torch.rand(SIZE, SIZE), torch.empty(SIZE, SIZE)
    return lambda: torch.mm(left, right, out=out)


if __name__ == "__main__":
    serve(step_of, sys.argv[2])  # type: ignore[arg-type]
