"""Milliseconds per training step with a `Repeat`: against the number of steps, and in batches of mixed counts.

A step is forward, backward and Adam on one batch. The model is that of examples/events.py; all counts and kinds are
labelled in "labelled" and nothing is in "unlabelled". Columns take turns, a few steps each, so that a machine that
slows down slows all alike. The cost must be linear in the steps, and a batch of mixed counts may cost at most 1.1 times
a batch in which every row has the largest count.

    OMP_NUM_THREADS=1 python benchmarks/repeat.py --json benchmarks/repeat.json
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).parents[1])  # the root, in place of this folder

import torch

import unbraid as ub
from benchmarks.cost import trainer

SIZE, KINDS = 32, 3
STEPS = (1, 2, 4, 8, 16)
LARGEST = 6
"""The largest count of the mixed batches."""


class Event(ub.Submodel):
    """A kind and a style, which see the events before."""

    def encode(self, h: Any, state: Any) -> Any:
        kind = ub.Categorical(KINDS, estimator="plug_in")(h, state)
        return {"kind": kind, "style": ub.Normal(4)(kind, h, state)}

    def decode(self, kind: Any, style: Any) -> Any:
        return ub.dense(SIZE)(ub.mlp(256)(kind, style))


class Events(ub.Model):
    """As many events as a count says."""

    most: int = 3

    def encode(self, x: Any) -> Any:
        h = ub.mlp(256, 256)(x)
        count = ub.Categorical(self.most + 1)(h)
        return {"count": count, "events": ub.Repeat(Event(), at_most=self.most)(h, count)}

    def decode(self, events: Any) -> Any:
        return ub.Normal(SIZE, scale=0.1)(loc=events.decode().sum(1))


def stepper(most: int, counts: torch.Tensor | None, rows: int) -> Callable[[], None]:
    """Returns what takes one step of training.

    Args:
        most: How many steps the model has.
        counts: The labels of the rows' counts, with kinds of all items that are there; None for no labels.
        rows: The size of the batch.
    """
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(rows, SIZE, generator=generator)
    labels = {}
    if counts is not None:
        kinds = torch.randint(KINDS, (rows, most), generator=generator)
        labels = {"count": counts, "events.kind": kinds.masked_fill(torch.arange(most) >= counts[:, None], -1)}
    return trainer(Events(most=most), x, labels)


def interleaved(columns: dict[str, Callable[[], None]], turns: int, block: int = 5) -> dict[str, dict[str, Any]]:
    """Times columns in turns; returns for each its median and quartiles, in milliseconds."""
    times: dict[str, list[float]] = {name: [] for name in columns}
    for turn in range(turns + 1):
        names = list(columns)[turn % len(columns) :] + list(columns)[: turn % len(columns)]
        for name in names:
            for _ in range(block):
                begin = time.perf_counter()
                columns[name]()
                if turn:  # the first turn warms up
                    times[name].append(1e3 * (time.perf_counter() - begin))
    found = {}
    for name, each in times.items():
        low, middle, high = statistics.quantiles(each, n=4)
        found[name] = {"median_ms": middle, "quartiles_ms": [low, high], "steps": len(each)}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="where the record goes")
    parser.add_argument("--steps", type=int, nargs="+", default=STEPS)
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--turns", type=int, default=20, help="turns of five steps for every column")
    given = parser.parse_args()
    torch.set_num_threads(1)
    rows = given.rows
    full = {f"labelled_{most}": stepper(most, torch.full((rows,), most), rows) for most in given.steps}
    free = {f"unlabelled_{most}": stepper(most, None, rows) for most in given.steps}
    mixed = {
        "mixed": stepper(LARGEST, torch.arange(rows) % (LARGEST + 1), rows),
        "largest": stepper(LARGEST, torch.full((rows,), LARGEST), rows),
    }
    results = interleaved({**full, **free, **mixed}, given.turns)
    print("| steps | labelled, ms | ms for each | unlabelled, ms | ms for each |\n| --- | --- | --- | --- | --- |")
    for most in given.steps:
        cells = []
        for kind in ("labelled", "unlabelled"):
            found = results[f"{kind}_{most}"]["median_ms"]
            cells += [f"{found:.2f}", f"{found / most:.2f}"]
        print(f"| {most} | {' | '.join(cells)} |")
    ratio = results["mixed"]["median_ms"] / results["largest"]["median_ms"]
    print(f"\nA batch of counts 0 to {LARGEST} takes {ratio:.3f} times a batch of counts of {LARGEST} (at most 1.1).")
    if given.json:
        machine = {"processor": platform.processor() or platform.machine(), "threads": 1}
        record = {"results": results, "mixed_over_largest": ratio, "rows": rows, "machine": machine}
        given.json.write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
