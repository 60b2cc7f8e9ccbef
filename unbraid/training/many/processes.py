"""Runs in processes of their own, as many at a time as there are processors."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import sys
import warnings
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess
from typing import Any

import torch

from unbraid.errors import RunError, TrainingError, UnbraidError
from unbraid.training.many.job import Job
from unbraid.training.many.told import Epoch, Told
from unbraid.training.run import Run

Tell = Callable[[Epoch], None]
Outcome = Run | UnbraidError


def cores() -> int:
    """Returns how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def can_fork() -> bool:
    """Says whether the system can copy a process as it is, models and rows and all; macOS' own libraries forbid it."""
    return "fork" in multiprocessing.get_all_start_methods() and sys.platform != "darwin"


def in_processes(jobs: Sequence[Job], tell: Tell, at_once: int | None = None) -> list[Outcome]:
    """Trains each run in a process of its own, on one thread.

    The processes are copies of this one, so that models need not be pickled and rows are shared. One thread each,
    because the threads of OpenMP do not survive being copied.

    Args:
        jobs: The runs.
        tell: Is told of each epoch that ends.
        at_once: How many run at a time; as many as there are processors if None.

    Returns:
        For each job its run, or why it failed: the loss was not finite, or the process was killed.

    Raises:
        UnbraidError: What `fit` raises before the first step: the other processes are stopped.
    """
    torch.optim.Adam([torch.zeros(1)])  # torch imports much with the first: here once, not in every process
    waiting = list(range(len(jobs)))[::-1]
    running: dict[Connection, tuple[int, ForkProcess]] = {}
    done: dict[int, Outcome] = {}
    try:
        while waiting or running:
            while waiting and len(running) < (at_once or cores()):
                number = waiting.pop()
                connection, process = _start(jobs[number])
                running[connection] = number, process
            for ready in wait(list(running)):
                assert isinstance(ready, Connection)
                number, process = running[ready]
                found = _received(ready, process, jobs[number])
                if isinstance(found, tuple):
                    tell(found)
                    continue
                del running[ready]
                process.join()
                done[number] = _finished(found, jobs[number])
    finally:
        for _, process in running.values():
            process.terminate()
            process.join()
    return [done[number] for number in range(len(jobs))]


def _start(job: Job) -> tuple[Connection, ForkProcess]:
    """Starts a process."""
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_train, args=(job, there))
    with warnings.catch_warnings():
        # Python and JAX warn of threads that may hold a lock; the copy uses none of them, see `in_processes`
        warnings.simplefilter("ignore")
        process.start()
    there.close()
    return here, process


def _train(job: Job, connection: Connection) -> None:
    """Trains one run, in the new process."""
    torch.set_num_threads(1)
    try:
        run = job.alone(Told(job.settings.epochs, lambda epoch: connection.send_bytes(pickle.dumps(epoch))))
        weights = {name: each.cpu().numpy() for name, each in run.model.state_dict().items()}
        content: Any = {"weights": weights, "rest": (run.history, run.plan, run.settings, run.folder, run.test)}
    except KeyboardInterrupt:  # this process's parent says so
        return
    except UnbraidError as error:
        content = error
    connection.send_bytes(pickle.dumps(content))


def _received(connection: Connection, process: ForkProcess, job: Job) -> Any:
    """Returns what a process sent: an epoch, its end, or an error."""
    try:
        return pickle.loads(connection.recv_bytes())  # of our own process
    except EOFError:
        process.join()
        return RunError(
            f"the process of seed {job.seed} ended with code {process.exitcode} before its training did. If it wrote "
            "no error it was killed, perhaps for its memory: how='in_turn' takes one run at a time."
        )


def _finished(found: Any, job: Job) -> Outcome:
    """Makes a run of what a process sent at its end."""
    if isinstance(found, TrainingError) or type(found) is RunError:
        return found
    if isinstance(found, UnbraidError):
        raise found
    model = job.model
    model.load_state_dict({name: torch.from_numpy(each) for name, each in found["weights"].items()})
    return Run(model.eval(), *found["rest"])
