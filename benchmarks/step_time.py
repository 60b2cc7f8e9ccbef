"""Milliseconds per training step of the same model in several systems, interleaved in one run.

Two workloads: `m2` (the default), Kingma et al. 2014 with two encoders (784-512-10, 794-512-100, decoder 60-512-784),
in unbraid, PyTorch by hand (plain; with shared products; these compiled), Pyro and NumPyro; and `digits`, the program
of the README, in unbraid and by hand. A step is forward, backward and Adam on one batch of binary 28 x 28 images.

Each system runs in processes of its own, so that none disturbs another, and in several, because two processes of the
same code differ by up to a tenth; blocks of steps go round-robin, so that a machine that slows down slows all alike.
In the same turns a process multiplies matrices of single precision: the peak that GFLOP/s are a share of.

    python benchmarks/step_time.py --json benchmarks/step_time.json                              (10 to 20 minutes)
    python benchmarks/step_time.py --steps 40 --processes 1 --columns labelled_100 --systems unbraid numpyro (1 minute)

`unbraid_compiled` is unbraid with `compile=True`: it keeps what its own trial found the quicker form, so its steps may
be those of `unbraid`. `unbraid_bf16` is measured only where the processor multiplies in bf16. A system whose package
is missing is left out, and the output says how to get it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).parents[1])  # the root, in place of this folder

from benchmarks.summary import summary, tables
from benchmarks.worker import Worker
from benchmarks.workload import COLUMNS, Workload

HANDS = ("by_hand", "by_hand_shared", "by_hand_compiled")
SYSTEMS: dict[Workload, tuple[str, ...]] = {
    "m2": ("unbraid", "unbraid_compiled", "unbraid_bf16", *HANDS, "pyro", "numpyro"),
    "digits": ("unbraid", "unbraid_bf16", *HANDS[:2]),
}
WARM_UP = 5


def why_not(system: str) -> str | None:
    """Says why a system cannot be measured here; None where it can."""
    from torch import device

    from unbraid.training.precision import multiplies_bf16

    if system in ("pyro", "numpyro") and find_spec(system) is None:
        return f"{system} is not installed: `make bench` does it, or pip install 'unbraid[bench]' (torch first)"
    if system.endswith("bf16") and not multiplies_bf16(device("cpu")):
        return "this processor has no bf16 products (neither avx512_bf16 nor amx)"
    return None


def measure(
    systems: tuple[str, ...], columns: tuple[str, ...], given: argparse.Namespace
) -> tuple[dict[str, Any], list[float]]:
    """Returns for each system and column what was measured, and the milliseconds of the products at peak."""
    workers = [Worker(system, given.workload, given.threads) for _ in range(given.processes) for system in systems]
    sgemm = Worker("sgemm", given.workload, given.threads)
    results: dict[str, Any] = {system: {} for system in systems}
    peak: list[float] = []
    for column in columns:
        for worker in (*workers, sgemm):
            worker.begin(column, WARM_UP)
        for turn in range(max(1, -(-given.steps // (given.block * given.processes)))):
            first = turn % len(workers)
            for worker in workers[first:] + workers[:first]:
                worker.block(given.block)
            sgemm.block(given.block)
        peak += sgemm.times
        for system in systems:
            results[system][column] = summary([worker for worker in workers if worker.system == system])
        medians = {system: round(results[system][column]["median_ms"], 2) for system in systems}
        print(column, medians, file=sys.stderr, flush=True)
    for worker in (*workers, sgemm):
        worker.process.kill()
    return results, peak


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workload", choices=tuple(SYSTEMS), default="m2")
    parser.add_argument("--json", type=Path, help="where the record goes")
    parser.add_argument("--steps", type=int, default=200, help="steps of a system in a column, by all its processes")
    parser.add_argument("--block", type=int, default=20, help="steps in a row")
    parser.add_argument("--processes", type=int, default=3, help="of each system")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--systems", nargs="+", default=None, choices=SYSTEMS["m2"])
    parser.add_argument("--columns", nargs="+", default=COLUMNS, choices=COLUMNS)
    given = parser.parse_args()
    asked = tuple(system for system in SYSTEMS[given.workload] if system in (given.systems or SYSTEMS[given.workload]))
    left_out = {system: why for system in asked if (why := why_not(system))}
    for system, why in left_out.items():
        print(f"{system} is left out: {why}", file=sys.stderr)
    results, peak = measure(tuple(each for each in asked if each not in left_out), tuple(given.columns), given)
    machine = {"processor": platform.processor() or platform.machine(), "threads": given.threads}
    record: dict[str, Any] = {**results, "machine": {**machine, "left_out": left_out}}
    print(tables(record, given.workload, peak))
    if given.json:
        given.json.write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
