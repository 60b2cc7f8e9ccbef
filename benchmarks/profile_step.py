"""Where the time of unbraid's training steps goes, as a Markdown table, from torch.profiler.

Milliseconds of a step and their share, by what is done: products of matrices; what is done element by element (and sums
and copies); noise; the optimiser; autograd's own work (with functions that have a gradient of their own); and Python
between all these. The profiler slows a step down: the last line has the step without it.

    python benchmarks/profile_step.py                                                            (1 minute)
    python benchmarks/profile_step.py --columns labelled_100 --steps 20 --operations 15
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).parents[1])  # the root, in place of this folder

import torch
from torch.profiler import ProfilerActivity, profile

from benchmarks.systems.serve import Step
from benchmarks.systems.unbraid import step_of
from benchmarks.workload import COLUMNS, kind_and_rows

PARTS = ("products", "element by element", "noise", "optimiser", "autograd", "Python between")
PRODUCTS = {"mm", "addmm", "bmm", "baddbmm", "matmul", "linear", "dot", "mv"}
NOISE = {"normal", "normal_", "randn", "rand", "uniform_", "bernoulli", "bernoulli_", "exponential_"}


def part_of(operation: str) -> str:
    """Says to which part an operation belongs, by the profiler's name for it."""
    if "Optimizer" in operation or "adam" in operation:
        return "optimiser"
    if not operation.startswith("aten::"):
        return "autograd"
    name = operation.removeprefix("aten::")
    return "products" if name in PRODUCTS else "noise" if name in NOISE else "element by element"


def profiled(step: Step, steps: int) -> tuple[dict[str, float], Any]:
    """Returns the milliseconds of a step by part, and the profiler's averages by operation."""
    with profile(activities=[ProfilerActivity.CPU], acc_events=True) as found:
        begin = time.perf_counter()
        for _ in range(steps):
            step()
        wall = 1e3 * (time.perf_counter() - begin) / steps
    averages = found.key_averages()
    parts = dict.fromkeys(PARTS, 0.0)
    for each in averages:
        parts[part_of(each.key)] += each.self_cpu_time_total / 1e3 / steps
    parts["Python between"] = max(0.0, wall - sum(parts.values()))
    return parts, averages


def timed(step: Step, steps: int) -> float:
    """Returns the median milliseconds of a step that nobody watches."""
    times = []
    for _ in range(steps):
        begin = time.perf_counter()
        step()
        times.append(1e3 * (time.perf_counter() - begin))
    return statistics.median(times)


def table(found: dict[str, dict[str, float]], alone: dict[str, float]) -> str:
    """Returns a Markdown table of columns of parts: milliseconds and share."""
    lines = [f"| ms of a step (share) | {' | '.join(found)} |", "| --- " * (len(found) + 1) + "|"]
    for part in PARTS:
        cells = (f"{parts[part]:.2f} ({parts[part] / sum(parts.values()):.0%})" for parts in found.values())
        lines.append(f"| {part} | {' | '.join(cells)} |")
    lines.append(f"| together, profiled | {' | '.join(f'{sum(parts.values()):.2f}' for parts in found.values())} |")
    return "\n".join([*lines, f"| not profiled | {' | '.join(f'{alone[column]:.2f}' for column in found)} |"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workload", choices=("m2", "digits"), default="m2")
    parser.add_argument("--columns", nargs="+", default=COLUMNS, choices=COLUMNS)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--operations", type=int, default=0, help="show so many of the dearest operations, too")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    found, alone = {}, {}
    for column in given.columns:
        step = step_of(given.workload, *kind_and_rows(column))
        timed(step, 5)
        alone[column] = timed(step, given.steps)
        found[column], averages = profiled(step, given.steps)
        if given.operations:
            print(column, averages.table(sort_by="self_cpu_time_total", row_limit=given.operations), sep="\n")
    print(table(found, alone))


if __name__ == "__main__":
    main()
