"""Seconds to train S runs of one model: computed together, in processes, and in turn.

Two models: `digits` is that of step_time.py, whose steps are multiplications; `little` is so small that its steps are
Python and calls of torch. Every figure is the wall time of a whole `fit_many`, with the trial that it begins with, the
start of processes and the making of models, over the steps of all runs. Each measurement is a process of its own; ways
take turns, so that a machine that slows down slows all alike.

    python benchmarks/many.py --json benchmarks/many.json
"""

from __future__ import annotations

import argparse
import json
import os
import platform
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
    "digits": {"hidden": 512, "style_size": 50, "rows": 2100, "batch_size": 100, "epochs": 2},
    "little": {"hidden": 16, "style_size": 4, "rows": 2100, "batch_size": 20, "epochs": 4},
}
LABELLED = 100


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
    """Trains so many runs and returns the milliseconds per step of a run."""
    given = MODELS[model]
    rows = ub.data.tiny_digits(given["rows"], seed=0)
    made = Digits(hidden=given["hidden"], style_size=given["style_size"]).to(device)
    images = (rows.images > 0.5).float()

    def train(epochs: int, images: torch.Tensor, settings: dict[str, Any]) -> ub.Runs:
        return ub.fit_many(
            made, images, seeds=range(runs), how=way, epochs=epochs, progress="quiet", **settings,
            labels_of=lambda seed: ub.data.few_labels(rows.labels, LABELLED // 10, seed),
        )  # fmt: skip

    settings = dict.fromkeys(("batch_size", "labelled_batch_size"), given["batch_size"])
    train(1, images, settings)
    started = time.perf_counter()
    done = train(given["epochs"], images, settings)
    seconds = time.perf_counter() - started
    steps = sum(record["steps"] for run in done for record in run.history)
    return {"seconds": seconds, "ms_per_step": 1e3 * seconds / steps, "steps": steps}


def measured(model: str, ways: tuple[str, ...], runs: int, repeats: int, threads: int, device: str) -> dict[str, Any]:
    """Returns for each way the median and the extremes of some measurements, in milliseconds per step of a run."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    found: dict[str, list[float]] = {way: [] for way in ways}
    for turn in range(repeats):
        for way in ways[turn % len(ways) :] + ways[: turn % len(ways)]:
            command = [sys.executable, str(Path(__file__)), "--device", device, "--one", model, way, str(runs)]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
            found[way].append(json.loads(done.stdout)["ms_per_step"])
    return {
        way: {"median_ms": statistics.median(each), "range_ms": [min(each), max(each)], "repeats": repeats}
        for way, each in found.items()
    }


def table(results: dict[str, Any]) -> str:
    """Returns a Markdown table: ms per step of a run, the fastest way in bold."""
    lines = [f"| model | runs | {' | '.join(WAYS)} |", f"| --- | --- |{' --- |' * len(WAYS)}"]
    for model, by_runs in results.items():
        for runs, found in by_runs.items():
            medians = {way: found[way]["median_ms"] for way in found}
            best = min(medians, key=lambda way: medians[way])
            cells = (
                f"{'**' * (way == best)}{medians[way]:.2f}{'**' * (way == best)}" if way in medians else ""
                for way in WAYS
            )
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
    results: dict[str, Any] = {}
    for model in given.models:
        for runs in given.runs:
            found = measured(model, tuple(given.ways), runs, given.repeats, given.threads, given.device)
            results.setdefault(model, {})[str(runs)] = found
            print(
                model,
                runs,
                {way: round(each["median_ms"], 2) for way, each in found.items()},
                file=sys.stderr,
                flush=True,
            )
    machine = {
        "processor": platform.processor() or platform.machine(), "threads": given.threads, "device": given.device,
        "torch": torch.__version__,
    }  # fmt: skip
    if given.json:
        given.json.write_text(json.dumps({"results": results, "machine": machine}, indent=2) + "\n")
    print(table(results))


if __name__ == "__main__":
    main()
