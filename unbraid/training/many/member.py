"""A member: one of the runs that are computed together, while it runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from unbraid.errors import TrainingError
from unbraid.training.batches import Batch
from unbraid.training.checkpoint import save_checkpoint
from unbraid.training.finite import Guard
from unbraid.training.fit import (
    begin,
    close_epoch,
    described_run,
    noise_of_epoch,
    open_folder,
    out_of_patience,
    train_epoch,
)
from unbraid.training.history import History
from unbraid.training.many.job import Job
from unbraid.training.many.noise import Source
from unbraid.training.many.objectives import Objectives
from unbraid.training.progress import Progress
from unbraid.training.run import Run
from unbraid.training.run_folder import RunFolder
from unbraid.training.state import TrainingState
from unbraid.training.step import StepLoss
from unbraid.training.task import Task
from unbraid.training.watched import Watched, check_choice
from unbraid.training.world import Alone


@dataclass(slots=True, eq=False)
class Member:
    """One run, with what `fit` holds for it between two epochs.

    Attributes:
        job: What was asked for.
        task: What stays the same.
        state: What changes.
        watched: Rows that its error is measured on after each epoch, or None.
        tested: Rows that it is measured on at the end, or None.
        folder: Of the run, or None.
        history: Of the run.
        noise: Of the present epoch.
        batches: What is left of the present epoch.
        failed: Why it failed, once it has.
    """

    job: Job
    task: Task
    state: TrainingState
    watched: Watched | None
    tested: Watched | None
    folder: RunFolder | None
    history: History
    noise: Source = field(default_factory=lambda: Source.of(torch.Generator()))
    batches: Iterator[Batch] = field(default_factory=lambda: iter(()))
    failed: TrainingError | None = None

    @classmethod
    def open(cls, job: Job, task: Task, stack: ExitStack) -> Member:
        """Begins a run as `fit` does, or goes on from its checkpoint.

        Args:
            job: What is asked for.
            task: Made of it.
            stack: Keeps the lock of the folder.
        """
        state = TrainingState.start(job.model, job.settings, task.consistent)
        watched = job.watched(task)
        tested = Watched.of(job.test, job.model, "test") if job.test is not None else None
        check_choice(job.settings, watched)
        described = described_run(job.out, job.model, task, job.config)
        folder = open_folder(job.out, job.resume, job.overwrite)
        if folder is not None:
            stack.enter_context(folder.lock())
            begin(folder, state, {**described, "devices": 1, "nodes": 1}, task.plan)
        history = History(folder.history if folder else None)
        history.truncate(state.epoch)
        return cls(job, task, state, watched, tested, folder, history)

    @property
    def goes_on(self) -> bool:
        """Whether there is more to train."""
        settings = self.job.settings
        return not (self.failed or self.state.epoch >= settings.epochs or out_of_patience(self.state, settings))

    def catch_up(self, epoch: int) -> None:
        """Trains by itself up to an epoch: of runs that were killed between two checkpoints, some are behind."""
        while self.goes_on and self.state.epoch < epoch:
            try:
                alone, loss = Alone(self.task.device), StepLoss(self.task, self.state)
                quiet = Progress(epoch, style="quiet")
                record = train_epoch(self.task, self.state, loss, alone, quiet, self.watched)
            except TrainingError as error:
                self.failed = error
                return
            self._keep(record)

    def begin_epoch(self) -> None:
        """Draws the order of the rows, and seeds the noise."""
        self.noise = Source.of(noise_of_epoch(self.task.device, self.job.seed, self.state.epoch))
        self.batches = self.task.sweep(self.state.epoch)
        self.state.model.train()

    def fail(self, found: Objectives, number: int, batch: Batch) -> None:
        """Takes down what was not finite in a step, as `fit` would say it."""
        objective = found.of(number)
        try:
            guard = Guard(self.state, waits=True, gather=self.task.gather)
            guard.check(objective.loss, objective.terms, batch)
        except TrainingError as error:
            self.failed = error

    def take_step(self) -> None:
        """Counts a step of the optimiser."""
        self.state.step += 1
        if self.state.average is not None:
            self.state.average.update()

    def close_epoch(self, steps: int, means: Mapping[str, float], clock: Mapping[str, Any]) -> float | None:
        """Ends an epoch: measures, records, and keeps a checkpoint. Returns the error on the watched rows."""
        try:
            record, error = close_epoch(
                self.state, self.job.settings, self.watched, steps, means, Alone(self.task.device)
            )
        except TrainingError as failed:
            self.failed = failed
            return None
        self._keep({**record, "clock": dict(clock)})
        return error

    def outcome(self) -> Run | TrainingError:
        """Returns the run, tested; or why it failed."""
        if self.failed is not None:
            return self.failed
        trained = self.state.chosen(self.job.settings)
        errors = self.tested.errors(trained) if self.tested is not None else {}
        path = self.folder.path if self.folder else None
        return Run(trained, self.history.records, self.task.plan, self.job.settings, path, errors)

    def _keep(self, record: Mapping[str, Any]) -> None:
        self.history.append(record)
        if self.folder is not None:
            save_checkpoint(self.folder.checkpoint, self.state.checkpoint())


def rows_of(members: list[Member], batches: list[Batch]) -> tuple[Tensor, list[dict[str, Tensor]]]:
    """Fetches the rows of all runs, (S, rows, *event), and their labels."""
    gathered = [member.task.gather(batch) for member, batch in zip(members, batches, strict=True)]
    return torch.stack([x for x, _ in gathered]), [labels for _, labels in gathered]
