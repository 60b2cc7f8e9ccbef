"""Milliseconds per training step of the same model in several systems, interleaved in one run.

Each system runs in a process of its own, so that none disturbs another; blocks of steps go round-robin, so that a
machine that slows down slows all alike. A step is forward, backward and Adam on one batch of binary 28 x 28 images.

    python benchmarks/step_time.py --json benchmarks/step_time.json
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SYSTEMS = ("unbraid", "by_hand", "by_hand_shared")
COLUMNS = tuple(f"{kind}_{rows}" for rows in (100, 500) for kind in ("labelled", "enumerated", "plug_in"))


class Worker:
    """A process that runs one system."""

    def __init__(self, system: str, threads: int) -> None:
        environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "PYTHONPATH": str(HERE.parent)}
        command = [sys.executable, str(HERE / "systems" / f"{system.removesuffix('_shared')}.py"), system]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment)

    def block(self, column: str, steps: int) -> list[float]:
        """Takes some steps and returns the milliseconds of each."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{column} {steps}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.process.args} died")
        found: list[float] = json.loads(line)
        return found


def measure(systems: tuple[str, ...], columns: tuple[str, ...], steps: int, block: int, threads: int) -> dict[str, Any]:
    """Returns for each system and column the median and quartiles, in milliseconds."""
    workers = {system: Worker(system, threads) for system in systems}
    results: dict[str, Any] = {system: {} for system in systems}
    for column in columns:
        times: dict[str, list[float]] = {system: [] for system in systems}
        for worker in workers.values():
            worker.block(column, 5)
        for turn in range(max(1, steps // block)):
            order = list(workers)[turn % len(workers) :] + list(workers)[: turn % len(workers)]
            for system in order:
                times[system] += workers[system].block(column, block)
        for system, found in times.items():
            low, middle, high = statistics.quantiles(found, n=4)
            results[system][column] = {"median_ms": middle, "quartiles_ms": [low, high], "steps": len(found)}
        medians = {system: round(results[system][column]["median_ms"], 2) for system in systems}
        print(column, medians, file=sys.stderr, flush=True)
    for worker in workers.values():
        worker.process.kill()
    return results


def table(results: dict[str, Any], columns: tuple[str, ...]) -> str:
    """Returns a Markdown table: medians, then unbraid as a multiple of the best code by hand."""
    lines = [f"| ms per step | {' | '.join(columns)} |", f"| --- |{' --- |' * len(columns)}"]
    for system, found in results.items():
        lines.append(f"| {system} | {' | '.join(format(found[column]['median_ms'], '.2f') for column in columns)} |")
    hands = [system for system in results if system.startswith("by_hand")]
    if "unbraid" in results and hands:
        best = {column: min(results[hand][column]["median_ms"] for hand in hands) for column in columns}
        ratios = (results["unbraid"][column]["median_ms"] / best[column] for column in columns)
        lines.append(f"| unbraid / best by hand | {' | '.join(format(ratio, '.3f') for ratio in ratios)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="where the record goes")
    parser.add_argument("--steps", type=int, default=200, help="steps of each system and column")
    parser.add_argument("--block", type=int, default=10, help="steps in a row")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--systems", nargs="+", default=SYSTEMS, choices=SYSTEMS)
    parser.add_argument("--columns", nargs="+", default=COLUMNS, choices=COLUMNS)
    given = parser.parse_args()
    columns = tuple(given.columns)
    results = measure(tuple(given.systems), columns, given.steps, given.block, given.threads)
    record = {**results, "machine": {"processor": platform.processor() or platform.machine(), "threads": given.threads}}
    if given.json:
        given.json.write_text(json.dumps(record, indent=2) + "\n")
    print(table(results, columns))


if __name__ == "__main__":
    main()
