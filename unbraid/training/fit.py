"""Training: the loop."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from unbraid.data.labels import normalise_labels
from unbraid.data.rows import Rows
from unbraid.errors import OptionError
from unbraid.estimators.choice import choose_estimators
from unbraid.estimators.estimator import Estimator
from unbraid.evaluation.error import evaluate_labels
from unbraid.model import Model
from unbraid.objectives.objective import objective
from unbraid.training.batches import Batch, steps_per_sweep, sweep
from unbraid.training.checkpoint import load_checkpoint, save_checkpoint
from unbraid.training.draws import seeded_generator
from unbraid.training.finite import refuse_non_finite
from unbraid.training.history import History
from unbraid.training.means import Means
from unbraid.training.plan import SupervisionPlan
from unbraid.training.precision import networks_in
from unbraid.training.progress import Progress, Style
from unbraid.training.run import Run
from unbraid.training.run_config import check_same_run, describe_run
from unbraid.training.run_folder import RunFolder
from unbraid.training.schedule import consistency_weight, learning_rate
from unbraid.training.settings import Settings
from unbraid.training.source import Source, source_of
from unbraid.training.state import TrainingState
from unbraid.views.view import View

Watched = Rows | tuple[Any, Mapping[str, Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """What stays the same through a training: the rows, which of them are labelled, and how to train.

    Attributes:
        source: The rows.
        plan: Which are labelled, with what.
        settings: How to train.
        estimators: Of each discrete latent.
        view: Transforms rows for consistency, or None.
        balanced: The variable whose classes labelled batches hold in equal parts, or None.
        device: Where the model is.
    """

    source: Source
    plan: SupervisionPlan
    settings: Settings
    estimators: Mapping[str, Estimator]
    view: View | None
    balanced: str | None
    device: torch.device

    def steps(self, epoch: int) -> int:
        """Returns how many steps an epoch (from 0) has."""
        settings = self.settings
        return steps_per_sweep(
            self.plan, settings.batch_size, settings.labelled_batch_size, self.rate, epoch, mixed=settings.mixed,
            unlabelled="unlabelled",
        )  # fmt: skip

    def sweep(self, epoch: int) -> Iterator[Batch]:
        """Returns the batches of an epoch (from 0)."""
        settings = self.settings
        return sweep(
            self.plan, settings.batch_size, settings.labelled_batch_size, self.rate, epoch, settings.seed,
            mixed=settings.mixed, balanced=self.balanced, unlabelled="unlabelled",
        )  # fmt: skip

    @property
    def rate(self) -> float:
        """The supervision rate; 0 where nothing is labelled."""
        return self.settings.rate if self.plan.variables else 0.0

    @property
    def total_steps(self) -> int:
        """How many steps the whole training has."""
        return sum(self.steps(epoch) for epoch in range(self.settings.epochs))


def fit(
    model: Model,
    images: Tensor | Dataset[Any],
    labels: Mapping[str, Any] | None = None,
    *,
    validation: Watched | None = None,
    test: Watched | None = None,
    views: View | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    progress: Style = "auto",
    settings: Settings | None = None,
    config: Mapping[str, Any] | None = None,
    **changes: Any,
) -> Run:
    """Trains a model on rows of which a few are labelled.

    Args:
        model: The model; it is trained in place, on the device where it is.
        images: The rows: a tensor (rows, *data_shape), or a torch dataset whose items are rows or (row, ...).
        labels: By latent one label a row; -1 (whole numbers), NaN, None or pandas' NA where a row is not labelled. Only
            labelled rows' labels are kept; no other can reach the training.
        validation: Rows with labels whose error is shown after each epoch. It is watched and chooses nothing, unless
            `choose="best"` or `patience` asks for it.
        test: Rows with labels whose error is measured once, at the end.
        views: Transforms rows in a way that keeps their labels; with `consistency` above 0 the labelled discrete
            latents of a row and of its view are to agree.
        out: The run folder; None for a training that leaves no files.
        resume: Whether to go on from the folder's checkpoint; a folder without one is begun.
        overwrite: Whether an old run in the folder is replaced.
        progress: "auto", "bar", "lines" or "quiet".
        settings: All settings at once; `changes` come on top.
        config: More to be kept in the run's config.json, such as where the data come from.
        **changes: Single settings, see `Settings`: ``epochs=20, rate=0.1, estimators={"digit": "plug_in"}``.

    Returns:
        The trained model and its history.

    Raises:
        DataError: If rows or labels do not fit the model.
        OptionError: If a setting does not exist or cannot be met.
        RunError: If the folder holds another run, or cannot be written; the last checkpoint stays intact.
        TrainingError: If the loss is not finite; the message names the term and the rows.
    """
    settings = (settings or Settings()).changed(**changes)
    task, held_out = _task(model, images, labels, views, settings)
    state = TrainingState.start(model, settings, _consistent(task))
    watched = _rows_of(validation, model) if validation is not None else held_out
    _check_choice(settings, watched)
    folder = _open_folder(out, resume, overwrite)
    with ExitStack() as stack:
        if folder is not None:
            stack.enter_context(folder.lock())
            begin(folder, state, describe_run(model, task.plan, settings, views, config or {}), task.plan)
        history = History(folder.history if folder else None)
        history.truncate(state.epoch)
        stack.enter_context(torch.random.fork_rng())
        bar = stack.enter_context(Progress(settings.epochs, done=state.epoch, style=progress))
        while state.epoch < settings.epochs and not _out_of_patience(state, settings):
            history.append(train_epoch(task, state, bar, watched))
            if folder is not None:
                save_checkpoint(folder.checkpoint, state.checkpoint())
    trained = state.chosen(settings)
    errors = evaluate_labels(trained, *_rows_of(test, model)) if test is not None else {}
    return Run(trained, history.records, task.plan, settings, folder.path if folder else None, errors)


def train_epoch(
    task: Task, state: TrainingState, progress: Progress, watched: tuple[Tensor, Mapping[str, Any]] | None
) -> dict[str, Any]:
    """Goes through the rows once and returns the record of the epoch.

    The order of the rows and all noise depend on the seed and the epoch only, so that a resumed training is the one
    that was interrupted.
    """
    settings, started = task.settings, time.perf_counter()
    steps, total = task.steps(state.epoch), task.total_steps
    generator = _generator(task.device, settings.seed, state.epoch)
    means, rows = Means(), 0
    state.model.train()
    progress.begin(state.epoch + 1, steps)
    for batch in task.sweep(state.epoch):
        rows += (took := train_step(task, state, batch, total, generator, means))
        progress.step(took, means)
    state.epoch += 1
    record: dict[str, Any] = {"epoch": state.epoch, "steps": steps, "terms": dict(means())}
    record["loss"] = record["terms"].pop("loss")
    trained = time.perf_counter()
    if watched is not None:
        record["validation"] = evaluate_labels(state.result, *watched)
        error = _error(record["validation"])
        if settings.choose == "best" or settings.patience:
            state.keep_best(error)
    progress.end(means(), _error(record["validation"]) if watched is not None else None)
    record["clock"] = {
        "train_seconds": trained - started,
        "seconds": time.perf_counter() - started,
        "rows_per_second": rows / (trained - started),
    }
    return record


def train_step(
    task: Task, state: TrainingState, batch: Batch, total: int, generator: torch.Generator, means: Means
) -> int:
    """Takes one step of the optimiser and returns how many rows it took."""
    settings = task.settings
    x, labels = _gather(task, batch)
    for group in state.optimizer.param_groups:
        group["lr"] = learning_rate(settings, state.step, total)
    with networks_in(settings.precision, task.device):
        found = objective(
            state.model.graph, state.model.parts, x, labels, task.estimators, alpha=settings.alpha, gamma=settings.gamma,
            beta=settings.beta, samples=settings.samples, generator=generator,
        )  # fmt: skip
        loss = found.loss
        if state.consistency is not None and task.view is not None:
            loss = loss + _view_loss(task, state, x, labels, total, generator, means)
    refuse_non_finite(loss, found, batch, state.epoch + 1, state.step)
    state.optimizer.zero_grad(set_to_none=True)
    loss.backward()
    state.optimizer.step()
    state.step += 1
    if state.average is not None:
        state.average.update()
    means.add("loss", loss[None])
    for name, term in found.terms.items():
        means.add(name, term.values)
    return len(x)


def _view_loss(
    task: Task,
    state: TrainingState,
    x: Tensor,
    labels: Mapping[str, Tensor],
    total: int,
    generator: torch.Generator,
    means: Means,
) -> Tensor:
    """Returns the loss of the rows' views: labels at the weight alpha, consistency at its own."""
    assert state.consistency is not None and task.view is not None
    weight = consistency_weight(task.settings, state.step, total / task.settings.epochs)
    teacher = state.result
    teaching = teacher.training
    teacher.eval()
    supervised, consistent = state.consistency.losses(teacher, x, task.view(x, generator), labels)
    teacher.train(teaching)
    for name, values in consistent.items():
        means.add(f"consistency({name})", values)
    total = task.settings.alpha * sum(each.sum() for each in supervised.values())
    return (total + weight * sum(each.sum() for each in consistent.values())) / len(x)


def _gather(task: Task, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
    """Fetches the rows of a batch, and the labels of its labelled ones."""
    if batch.labelled is None:
        assert batch.unlabelled is not None
        return task.source.gather(batch.unlabelled), {}
    labels = task.plan.labels_for(batch.labelled)
    if batch.unlabelled is None:
        return task.source.gather(batch.labelled), {name: each.to(task.device) for name, each in labels.items()}
    hidden = len(batch.unlabelled)
    padded = {
        name: torch.cat([each.new_full((hidden, *each.shape[1:]), float("nan") if each.is_floating_point() else -1), each])
        for name, each in labels.items()
    }
    rows = torch.cat([batch.unlabelled, batch.labelled])
    return task.source.gather(rows), {name: each.to(task.device) for name, each in padded.items()}


def begin(folder: RunFolder, state: TrainingState, described: Mapping[str, Any], plan: SupervisionPlan) -> None:
    """Writes what the run is, or goes on from its checkpoint if it is the same run."""
    if folder.config.is_file():
        check_same_run(folder.read_json(folder.config), described, folder.path)
    if folder.checkpoint.is_file():
        state.restore(load_checkpoint(folder.checkpoint), folder.checkpoint)
        return
    folder.write_json(folder.plan, plan.to_json())
    folder.write_json(folder.config, dict(described))


def _task(
    model: Model, images: Tensor | Dataset[Any], labels: Mapping[str, Any] | None, views: View | None, settings: Settings
) -> tuple[Task, tuple[Tensor, dict[str, Any]] | None]:
    """Checks what `fit` was given, and sets labelled rows aside if asked to."""
    device = next(model.parameters()).device
    source = source_of(images, model, device)
    cardinalities = {name: family.cardinality for name, family in model.latents.items()}
    plan = SupervisionPlan.of(normalise_labels(labels or {}, len(source), cardinalities), len(source))
    held_out = None
    discrete = [name for name in plan.variables if cardinalities[name] is not None]
    if settings.holdout:
        if not discrete:
            raise OptionError("holdout sets labelled rows aside, but no discrete variable is labelled.")
        plan, aside = plan.split(settings.holdout, seeded_generator(settings.seed, "holdout"), discrete[0])
        rows = aside.labelled_rows
        held_out = (source.gather(rows), dict(aside.labels_for(rows)))
    if settings.balanced and len(discrete) != 1:
        raise OptionError(f"balanced needs exactly one labelled discrete variable, got {discrete or 'none'}.")
    if settings.consistency and views is None:
        raise OptionError("consistency needs views: pass fit(..., views=ub.Warp()), or consistency=0.")
    estimators = choose_estimators(model.graph, settings.estimators)
    balanced = discrete[0] if settings.balanced else None
    return Task(source, plan, settings, estimators, views, balanced, device), held_out


def _consistent(task: Task) -> tuple[str, ...]:
    """Returns the latents that are to be consistent: the labelled discrete ones."""
    wanted = task.view is not None and task.settings.consistency > 0
    return tuple(name for name in task.estimators if name in task.plan.variables) if wanted else ()


def _check_choice(settings: Settings, watched: object) -> None:
    if watched is None and (settings.choose == "best" or settings.patience):
        what = "choose='best'" if settings.choose == "best" else "patience"
        raise OptionError(f"{what} needs rows to choose on: give validation=, or set labelled rows aside with holdout=0.2.")


def _out_of_patience(state: TrainingState, settings: Settings) -> bool:
    return bool(settings.patience and state.best and state.epoch - state.best[1] >= settings.patience)


def _open_folder(out: str | Path | None, resume: bool, overwrite: bool) -> RunFolder | None:
    if out is None:
        return None
    if resume and RunFolder(out).holds_run:
        return RunFolder.open(out)
    return RunFolder.create(out, overwrite)


def _rows_of(watched: Watched, model: Model) -> tuple[Tensor, Mapping[str, Any]]:
    """Returns images and labels of watched rows: only the labels of the model's latents."""
    images, labels = (watched.images, watched.labels) if isinstance(watched, Rows) else watched
    images = torch.as_tensor(images)
    model.check_shape(images)
    return images, {name: each for name, each in labels.items() if name in model.latents}


def _error(errors: Mapping[str, Mapping[str, Any]]) -> float:
    """Returns one number of several variables' errors: their mean."""
    values = [float(each.get("error", each.get("rmse", 0.0))) for each in errors.values()]
    return sum(values) / max(len(values), 1)


def _generator(device: torch.device, seed: int, epoch: int) -> torch.Generator:
    """Makes the generator of an epoch's noise, and seeds torch's own for modules that use it, such as dropout."""
    number = int(torch.randint(2**62, (), generator=seeded_generator(seed, "noise", epoch)))
    torch.manual_seed(number)
    return torch.Generator(device).manual_seed(number)
