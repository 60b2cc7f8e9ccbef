"""Seconds to train S runs of one model: computed together, in processes, and in turn.

Two models: `digits` is that of step_time.py, whose steps are multiplications; `little` is so small that its steps are
Python and calls of torch. Every figure is the time of a whole `fit_many`, with the trial that it begins with, the start
of processes and the making of models, over the steps of all runs: by the clock, and in processor time, which says more
on a machine that others use too. Each measurement is a process of its own; ways take turns.

    python benchmarks/many.py --json benchmarks/many.json
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, get_args

import torch

import unbraid as ub
from unbraid.training.many.choice import How

WAYS = tuple(way for way in get_args(How) if way != "auto")
RUNS = (1, 2, 4, 8)
MODELS: dict[str, dict[str, int]] = {
    "digits": {"hidden": 512, "style_size": 50, "rows": 1100, "batch_size": 100, "epochs": 2},
    "little": {"hidden": 16, "style_size": 4, "rows": 1100, "batch_size": 20, "epochs": 2},
}
LABELLED = 100
KINDS = ("clock", "processor", "megabytes")


class Digits(ub.Model):
    """A digit and its style."""

    hidden: int = 512
    style_size: int = 50

    def encode(self, x: Any) -> Any:
        h = ub.mlp(self.hidden)(x)
        digit = ub.Categorical(10)(h)
        return {"digit": digit, "style": ub.Normal(self.style_size)(digit, h)}

    def decode(self, digit: Any, style: Any) -> Any:
        return ub.Bernoulli(1, 28, 28)(ub.mlp(self.hidden)(digit, style))


def measure(model: str, way: How, runs: int, device: str) -> dict[str, float]:
    """Trains so many runs and returns the milliseconds per step of a run, and the peak memory."""
    given = MODELS[model]
    rows = ub.data.tiny_digits(given["rows"], seed=0)
    made = Digits(hidden=given["hidden"], style_size=given["style_size"]).to(device)
    images = (rows.images > 0.5).float()

    def train(runs: int, epochs: int) -> ub.Runs:
        return ub.fit_many(
            made, images, seeds=range(runs), how=way, epochs=epochs, progress="quiet",
            labels_of=lambda seed: ub.data.few_labels(rows.labels, LABELLED // 10, seed),
            batch_size=given["batch_size"], labelled_batch_size=given["batch_size"],
        )  # fmt: skip

    train(min(runs, 2), 1)
    started, before = time.perf_counter(), processor_seconds()
    done = train(runs, given["epochs"])
    seconds, used = time.perf_counter() - started, processor_seconds() - before
    steps = sum(record["steps"] for run in done for record in run.history)
    return {"clock": 1e3 * seconds / steps, "processor": 1e3 * used / steps, "megabytes": megabytes(runs)}


def processor_seconds() -> float:
    """Returns the processor time that this process and those that it started have used."""
    return sum(os.times()[:4])


def megabytes(runs: int) -> float:
    """Returns the peak memory of this process, and of the largest that it started, as often as they run at once."""
    own, child = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return (own + child * min(runs, os.cpu_count() or 1)) / 1024


def measured(model: str, ways: tuple[str, ...], runs: int, given: argparse.Namespace) -> dict[str, Any]:
    """Returns for each way the medians of some measurements: milliseconds, and megabytes."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(given.threads), "OMP_WAIT_POLICY": "PASSIVE"}
    found: dict[str, list[dict[str, float]]] = {way: [] for way in ways}
    for turn in range(given.repeats):
        first = turn % len(ways)
        for way in ways[first:] + ways[:first]:
            command = [sys.executable, str(Path(__file__)), "--device", given.device, "--one", model, way, str(runs)]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
            found[way].append(json.loads(done.stdout))
    return {way: {kind: statistics.median(one[kind] for one in each) for kind in KINDS} for way, each in found.items()}


def table(results: dict[str, Any], ways: tuple[str, ...]) -> str:
    """Returns a Markdown table: ms per step of a run, by the clock / of the processor."""
    lines = [f"| model | runs | {' | '.join(ways)} |", f"| --- | --- |{' --- |' * len(ways)}"]
    for model, by_runs in results.items():
        for runs, found in by_runs.items():
            cells = (f"{found[way]['clock']:.1f} / {found[way]['processor']:.1f}" for way in ways)
            lines.append(f"| {model} | {runs} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="where the record goes")
    parser.add_argument("--runs", type=int, nargs="+", default=RUNS)
    parser.add_argument("--models", nargs="+", default=tuple(MODELS), choices=tuple(MODELS))
    parser.add_argument("--ways", nargs="+", default=WAYS, choices=WAYS)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        model, way, runs = given.one
        print(json.dumps(measure(model, way, int(runs), given.device)))
        return
    results: dict[str, Any] = {model: {} for model in given.models}
    ways = tuple(given.ways)
    for model in given.models:
        for runs in given.runs:
            results[model][str(runs)] = found = measured(model, ways, runs, given)
            print(model, runs, found, file=sys.stderr, flush=True)
    machine = {
        "processor": platform.processor() or platform.machine(), "threads": given.threads, "device": given.device,
        "torch": torch.__version__,
    }  # fmt: skip
    if given.json:
        given.json.write_text(json.dumps({"results": results, "machine": machine}, indent=2) + "\n")
    print(table(results, ways))


if __name__ == "__main__":
    main()
