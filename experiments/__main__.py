"""`python -m experiments NAME` makes the runs that have no record yet; `python -m experiments tables` the tables."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from experiments.experiment import DEVELOPMENT
from experiments.pictures import folder_of
from experiments.places import Places
from experiments.readme import write_tables
from experiments.record import RESULTS
from experiments.run import chosen, pending, run_all
from experiments.trial import MODULES, Trial, check_changes, find
from unbraid.errors import UnbraidError


def main(arguments: Sequence[str] | None = None) -> int:
    job = parsed(arguments)
    try:
        return tables(job) if job.name == "tables" else records(job)
    except UnbraidError as error:
        print(error, file=sys.stderr)
        return 1


def tables(job: argparse.Namespace) -> int:
    """Writes the tables and draws the figures."""
    for path in write_tables([find(name) for name in MODULES], Places.of(job.out)):
        print(path)
    return 0


def records(job: argparse.Namespace) -> int:
    """Makes the runs that are missing."""
    experiment = find(job.name)
    cells = chosen(experiment.quick if job.quick else experiment.cells, job.only)
    for cell in cells if job.changes else ():
        check_changes(Trial(experiment.name, cell, DEVELOPMENT, job.quick, job.changes), experiment)
    first = DEVELOPMENT if job.develop else 0
    seeds = range(first, first + (job.seeds or (1 if job.quick or job.develop else experiment.seeds)))
    path = job.out / f"{_file(job)}.jsonl"
    todo = (
        pending(experiment, cells, seeds, path, retry=job.retry)
        if not job.changes
        else [(c, s) for s in seeds for c in cells]
    )
    print(f"{experiment.name}: {len(todo)} of {len(cells) * len(seeds)} runs have no record in {path}", flush=True)
    kept = None if job.develop or job.quick or experiment.pictures is None else experiment
    runs = Places.of(job.out).runs
    folders = [folder_of(kept, cell, runs) if kept and seed == 0 else None for cell, seed in todo]
    trials = [
        Trial(experiment.name, cell, seed, job.quick, job.changes, folder)
        for (cell, seed), folder in zip(todo, folders, strict=True)
    ]
    run_all(trials, path, jobs=job.jobs, budget=job.budget, note=job.note, report=say)
    return 0


def say(record: Mapping[str, Any]) -> None:
    """Prints one line of a record."""
    shown = ("cell", "seed", "metrics", "baseline", "validation_by_epoch", "failure", "seconds")
    print(json.dumps({name: record[name] for name in shown if name in record}), flush=True)


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(prog="python -m experiments", description=__doc__)
    parser.add_argument("name", choices=[*MODULES, "tables"])
    parser.add_argument("--seeds", type=_count, help="runs of each cell")
    parser.add_argument("--only", type=_conditions, default={}, metavar="KEY=VALUE,...", help="which cells")
    parser.add_argument("--jobs", type=_count, default=1, help="processes, of one thread each")
    parser.add_argument("--budget", type=float, default=float("inf"), help="minutes after which no run is begun")
    parser.add_argument("--retry", action="store_true", help="run again what failed")
    parser.add_argument("--quick", action="store_true", help="a few rows, one epoch: seconds")
    parser.add_argument("--develop", action="store_true", help="hold out training rows; the test rows are not read")
    parser.add_argument("--set", type=_pair, action="append", default=[], metavar="NAME=JSON", help="tries a setting")
    parser.add_argument("--note", default="", help="a remark for the records")
    parser.add_argument(
        "--out",
        type=Path,
        default=RESULTS,
        help="the folder of the records; tables, figures and models are put there too, if it is another",
    )
    job = parser.parse_args(arguments)
    job.changes = dict(job.set)
    if job.changes and not job.develop:
        parser.error("--set tries something out: give --develop too")
    return job


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1 on, got {text!r}")
    return int(text)


def _conditions(text: str) -> dict[str, str]:
    pairs = [each.partition("=") for each in text.split(",")]
    if not all(name and equals for name, equals, _ in pairs):
        raise argparse.ArgumentTypeError(f"expected KEY=VALUE,KEY=VALUE, as in model=paper,labels=100, got {text!r}")
    return {name: value for name, _, value in pairs}


def _pair(text: str) -> tuple[str, Any]:
    name, _, value = text.partition("=")
    try:
        return name, json.loads(value)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"expected NAME=JSON, as in epochs=3 or bound='\"elbo\"', got {text!r}"
        ) from None


def _file(job: argparse.Namespace) -> str:
    return "development" if job.develop else f"{job.name}_quick" if job.quick else str(job.name)


if __name__ == "__main__":
    sys.exit(main())
