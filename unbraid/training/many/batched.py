"""Runs whose steps are computed together: the parameters, rows and noise of S models as one batch of S."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from statistics import fmean

import torch

from unbraid.errors import TrainingError
from unbraid.objectives.pattern import groups_of
from unbraid.training.batches import Batch
from unbraid.training.many.job import Job
from unbraid.training.many.member import Member, rows_of
from unbraid.training.many.objectives import Objectives, objectives
from unbraid.training.many.stack import Stack
from unbraid.training.many.sums import Sums
from unbraid.training.precision import networks_in
from unbraid.training.progress import Progress, Style
from unbraid.training.run import Run
from unbraid.training.schedule import kl_weight, learning_rate
from unbraid.training.task import Task
from unbraid.training.watched import shares_only


def batched(jobs: Sequence[Job], tasks: Sequence[Task], progress: Style) -> list[Run | TrainingError]:
    """Trains runs together; each is the run that `fit` makes of its job, but for the rounding of floats.

    A run whose loss is not finite leaves, with its weights as they were before this step; the others go on.

    Args:
        jobs: The runs, which `why_not` has nothing against.
        tasks: Made of them.
        progress: How it is shown, once for all runs.

    Returns:
        For each job its run, or why it failed.
    """
    with ExitStack() as stack:
        members = [Member.open(job, task, stack) for job, task in zip(jobs, tasks, strict=True)]
        stack.enter_context(torch.random.fork_rng())
        reached = max((member.state.epoch for member in members if member.goes_on), default=jobs[0].settings.epochs)
        shares = shares_only(members[0].watched, jobs[0].model)
        bar = stack.enter_context(Progress(jobs[0].settings.epochs, done=reached, style=progress, shares=shares))
        for member in members:
            member.catch_up(reached)
        crew = Crew([member for member in members if member.goes_on])
        while crew.members:
            crew.train_epoch(bar)
    return [member.outcome() for member in members]


class Crew:
    """The runs that still go on, all after the same number of steps.

    Attributes:
        members: The runs.
        stack: Their parameters.
    """

    def __init__(self, members: Sequence[Member]) -> None:
        self.members = list(members)
        if members:
            self.stack = Stack([member.state for member in members], members[0].job.settings)
            self.total = members[0].task.total_steps()

    def train_epoch(self, bar: Progress) -> None:
        """Goes through the rows once, in every run."""
        started, rows, sums, first = time.perf_counter(), 0, Sums(), self.members[0]
        epoch = first.state.epoch
        steps = first.task.steps(epoch)
        for member in self.members:
            member.begin_epoch()
        bar.begin(epoch + 1, steps)
        for _ in range(steps):
            rows += (took := self._step(sums))
            if not self.members:
                return
            bar.step(took, sums)
        seconds = time.perf_counter() - started
        self.stack.give_averages()
        clock = {"train_seconds": seconds, "seconds": seconds, "rows_per_second": rows / seconds}
        means = sums.of_each(len(self.members))
        errors = [
            member.close_epoch(steps, each, {**clock, "runs_together": len(self.members)})
            for member, each in zip(self.members, means, strict=True)
        ]
        known = [error for error in errors if error is not None]
        bar.end(sums(), fmean(known) if known else None)
        self._keep([number for number, member in enumerate(self.members) if member.goes_on])

    def _step(self, sums: Sums) -> int:
        """Takes one step of the optimiser in every run, and returns how many rows it took."""
        batches = [next(member.batches) for member in self.members]
        found, rows = self._objectives(batches)
        self.stack.optimizer.zero_grad(set_to_none=True)
        found.losses.sum().backward()
        finite = torch.isfinite(found.losses).tolist()
        if not all(finite):
            for number, member in enumerate(self.members):
                if not finite[number]:
                    member.fail(found, number, batches[number])
            kept = [number for number, each in enumerate(finite) if each]
            self._keep(kept)
            sums.only(kept)
            found = found.only(kept)
        if self.members:
            self._update(found, sums)
        return rows

    def _objectives(self, batches: list[Batch]) -> tuple[Objectives, int]:
        """Returns the objectives of one batch a run, and how many rows these have."""
        first = self.members[0]
        settings, model, step = first.job.settings, first.state.model, first.state.step
        x, labels = rows_of(self.members, batches)
        groups = [list(groups_of(model.graph, each, x.shape[1])) for each in labels]
        options = settings.options(kl_weight(settings, step, self.total))
        sources = [member.noise for member in self.members]
        with networks_in(settings.precision, first.task.device):
            found = objectives(model, self.stack, x, groups, first.task.estimators, options, sources, step / self.total)
        return found, x.shape[0] * x.shape[1]

    def _update(self, found: Objectives, sums: Sums) -> None:
        """Moves the weights of every run, and takes the terms down."""
        first = self.members[0]
        self.stack.step(learning_rate(first.job.settings, first.state.step, self.total))
        for member in self.members:
            member.take_step()
        sums.add("loss", found.losses[:, None])
        for name, values in found.terms.items():
            sums.add(name, values)

    def _keep(self, kept: list[int]) -> None:
        """Goes on with some of the runs."""
        if len(kept) < len(self.members):
            self.members = [self.members[number] for number in kept]
            if kept:
                self.stack = self.stack.only(kept, self.members[0].job.settings)
