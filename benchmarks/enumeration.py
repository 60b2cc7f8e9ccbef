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
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).parents[1])  # the root, in place of this folder

import torch

import unbraid as ub
from benchmarks.cost import cost, trainer

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


def stepper(values: int = 10, hidden: int = 256, samples: int = 1) -> Callable[[], None]:
    """Returns what takes one step of training."""
    x = (torch.rand(ROWS, 1, 28, 28, generator=torch.Generator().manual_seed(0)) < 0.2).float()
    return trainer(Values(values=values, hidden=hidden), x, {}, samples)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--values", type=int, nargs="+", default=VALUES)
    parser.add_argument("--json", type=Path, help="where the record goes")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        torch.set_num_threads(1)
        print(json.dumps({"values": given.one, **cost(stepper(given.one))}))
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
