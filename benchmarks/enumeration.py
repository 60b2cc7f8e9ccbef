"""Processor seconds and memory of a training step that enumerates K values, K = 10 to 10,000.

A step is forward, backward and Adam, on 100 rows of binary 28 x 28 images without labels; the decoder has one hidden
layer. Each K runs in a process of its own, on one thread. The memory is the process's peak over what it had before the
first step: parameters and imports are not in it, their gradients and Adam's averages are.

    OMP_NUM_THREADS=1 python benchmarks/enumeration.py --json benchmarks/enumeration.json
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import torch

import unbraid as ub

VALUES = (10, 30, 100, 300, 1000, 3000, 10_000)
ROWS = 100


class Values(ub.Model):
    """A variable of K values and a style."""

    values: int = 10
    hidden: int = 256

    def encode(self, x: Any) -> Any:
        h = ub.mlp(self.hidden)(x)
        return {"value": ub.Categorical(self.values, estimator=ub.Enumerate())(h), "style": ub.Normal(10)(h)}

    def decode(self, value: Any, style: Any) -> Any:
        return ub.Bernoulli(1, 28, 28)(ub.mlp(self.hidden)(value, style))


def measure(values: int, steps: int) -> dict[str, float]:
    """Returns the processor seconds of a step, the fastest of some, and the peak memory in MB over the start."""
    torch.set_num_threads(1)
    model = Values(values=values)
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    generator = torch.Generator().manual_seed(0)
    x = (torch.rand(ROWS, 1, 28, 28, generator=generator) < 0.2).float()
    start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds = []
    for _ in range(steps):
        begin = time.process_time()
        found = model.objective(x, generator=generator)
        optimizer.zero_grad(set_to_none=True)
        found.loss.backward()
        optimizer.step()
        seconds.append(time.process_time() - begin)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"values": values, "seconds": min(seconds), "megabytes": (peak - start) / 1024}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--values", type=int, nargs="+", default=VALUES)
    parser.add_argument("--json", type=Path, help="where the record goes")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measure(given.one, 5 if given.one <= 1000 else 2)))
        return
    command = [sys.executable, str(Path(__file__)), "--one"]
    print("| K | seconds per step | ms per value | MB over the start |\n| --- | --- | --- | --- |")
    results = []
    for values in given.values:
        done = subprocess.run([*command, str(values)], check=True, stdout=subprocess.PIPE, text=True)
        found = json.loads(done.stdout)
        each = found["seconds"] / values * 1e3
        print(f"| {values:,} | {found['seconds']:.3f} | {each:.2f} | {found['megabytes']:.0f} |", flush=True)
        results.append(found)
    if given.json:
        record = {"results": results, "machine": platform.processor() or platform.machine(), "threads": 1}
        given.json.write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
