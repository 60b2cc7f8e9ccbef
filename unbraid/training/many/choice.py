"""How several runs are trained: together, in processes or in turn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from unbraid.errors import OptionError
from unbraid.training.many.job import Job
from unbraid.training.many.processes import can_fork, cores
from unbraid.training.many.why_not import why_not
from unbraid.training.task import Task

How = Literal["auto", "batched", "processes", "in_turn"]


def choose(how: How, jobs: Sequence[Job], tasks: Sequence[Task]) -> tuple[How, str]:
    """Returns how the runs are trained, and why so, where there is more to say than that it was asked for.

    On a processor, processes are fastest as soon as there are as many runs as processors; see benchmarks/many.py.

    Args:
        how: What was asked for.
        jobs: The runs.
        tasks: Made of them.

    Raises:
        OptionError: If they cannot be trained in the way that was asked for.
    """
    forks = tasks[0].device.type == "cpu" and can_fork()
    if how == "in_turn":
        return how, ""
    if how == "processes":
        if not forks:
            raise OptionError(
                "how='processes' copies this process, which needs a system with fork and a model on the CPU: take "
                "'batched' or 'in_turn', or leave how='auto'."
            )
        return how, ""
    if how == "auto" and len(jobs) == 1:
        return "in_turn", "a single run"
    if how == "auto" and forks and 1 < cores() <= len(jobs):
        return "processes", f"{cores()} processors, each at work on a run of its own"
    reason = why_not(jobs, tasks)
    if not reason:
        return "batched", ""
    if how == "batched":
        raise OptionError(f"how='batched' is not possible: {reason}. Leave how='auto', which takes another way.")
    return ("processes" if forks and cores() > 1 else "in_turn"), f"not batched: {reason}"
