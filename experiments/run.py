"""Many runs: those that have no record yet, one after another or in parallel, each recorded as it ends."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

from experiments.experiment import Experiment
from experiments.record import Cell, append, key, latest, read
from experiments.trial import Trial, run
from unbraid.errors import OptionError, RunError

Condition = Mapping[str, str]


def chosen(cells: Sequence[Cell], only: Condition) -> list[Cell]:
    """Returns the cells that have the wanted values, which are compared as they are written.

    Raises:
        OptionError: If there is none.
    """
    found = [cell for cell in cells if all(str(cell.get(name)) == value for name, value in only.items())]
    if not found:
        names = dict.fromkeys(name for cell in cells for name in cell)
        there = "; ".join(f"{name}: {', '.join(sorted({str(cell.get(name)) for cell in cells}))}" for name in names)
        wanted = ",".join(f"{name}={value}" for name, value in only.items())
        raise OptionError(f"no cell has {wanted}. Cells have {there}.")
    return found


def pending(
    experiment: Experiment, cells: Sequence[Cell], seeds: Sequence[int], path: Path, *, retry: bool = False
) -> list[tuple[Cell, int]]:
    """Returns the cells and seeds without a record, all cells of a seed before the next: few seeds everywhere first.

    Args:
        experiment: Which.
        cells: Of it.
        seeds: Of each cell.
        path: The file of its records.
        retry: Whether a failed run is run again.
    """
    records = latest([record for record in read(path) if record["experiment"] == experiment.name])
    done = {name for name, record in records.items() if not (retry and "failure" in record)}
    return [(cell, seed) for seed in seeds for cell in cells if key(cell, seed) not in done]


def run_all(
    trials: Sequence[Trial], path: Path, *, jobs: int = 1, budget: float = float("inf"),
    note: str = "", report: Callable[[Mapping[str, Any]], None] = lambda record: None,
) -> int:  # fmt: skip
    """Makes runs, and appends the record of each as it ends.

    Args:
        trials: What to run.
        path: The file of records.
        jobs: How many processes; each of them has one thread.
        budget: Minutes after which no further run is begun.
        note: A remark that goes into the records.
        report: Is told of each record.

    Returns:
        How many runs were made.
    """
    end, count = time.monotonic() + 60 * budget, 0
    begun = (trial for trial in trials if time.monotonic() < end)
    for record in _in_turn(begun) if jobs == 1 else _in_parallel(begun, jobs):
        append(path, record | ({"note": note} if note else {}))
        report(record)
        count += 1
    return count


def _in_turn(trials: Iterator[Trial]) -> Iterator[dict[str, Any]]:
    return (run(trial) for trial in trials)


def _in_parallel(trials: Iterator[Trial], jobs: int) -> Iterator[dict[str, Any]]:
    """Keeps so many processes busy; a trial is taken when one is free, so that a budget holds."""
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        running: dict[Future[dict[str, Any]], Trial] = {}
        while True:
            while len(running) < jobs and (trial := next(trials, None)) is not None:
                running[pool.submit(run, trial)] = trial
            if not running:
                return
            for ended in wait(running, return_when=FIRST_COMPLETED).done:
                yield _result(ended, running.pop(ended))


def _result(ended: Future[dict[str, Any]], trial: Trial) -> dict[str, Any]:
    """Returns the record of a run; of one whose process died, what is known of it."""
    try:
        return ended.result()
    except BrokenProcessPool as error:
        raise RunError(
            f"a process died while {trial.experiment} {dict(trial.cell)}, seed {trial.seed}, was running (out of "
            "memory?): what was recorded is kept; start the command again, perhaps with --jobs 1."
        ) from error
