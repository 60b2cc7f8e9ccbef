"""Training: the loop."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

from unbraid.model import Model
from unbraid.training.ahead import gathered_ahead
from unbraid.training.checkpoint import load_checkpoint, save_checkpoint
from unbraid.training.draws import seeded_generator
from unbraid.training.finite import Guard, refuse_non_finite_weights
from unbraid.training.history import History
from unbraid.training.json_file import plain
from unbraid.training.means import Means, means_of
from unbraid.training.plan import SupervisionPlan
from unbraid.training.progress import Progress, Style, check_style
from unbraid.training.run import Run
from unbraid.training.run_config import check_same_run, describe_run
from unbraid.training.run_folder import RunFolder
from unbraid.training.settings import Settings
from unbraid.training.source import probe
from unbraid.training.state import TrainingState
from unbraid.training.step import StepLoss, Sweep, train_step
from unbraid.training.task import Task, checked_model
from unbraid.training.watched import GivenRows, Watched, check_choice, one_error, shares_only
from unbraid.training.world import World, check_shared, world_of
from unbraid.views.view import View


@torch.enable_grad()
def fit(
    model: Model,
    images: Any,
    labels: Mapping[str, Any] | None = None,
    *,
    validation: GivenRows | None = None,
    test: GivenRows | None = None,
    views: View | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    progress: Style | Progress = "auto",
    devices: int = 1,
    nodes: int = 1,
    settings: Settings | None = None,
    config: Mapping[str, Any] | None = None,
    **changes: Any,
) -> Run:
    """Trains a model on rows of which a few are labelled.

    Args:
        model: The model; it is trained in place, on the device where it is.
        images: The rows: a tensor, an array (maybe memory-mapped), a list or a data frame, (rows, *data_shape); a torch
            dataset whose items are rows or (row, ...); a `datasets.Dataset` with a column of images or arrays.
        labels: By latent one label a row; -1 (whole numbers), NaN, None or pandas' NA where a row is not labelled. Only
            labelled rows' labels are kept; no other can reach the training.
        validation: Rows with labels whose error is shown after each epoch. It is watched and chooses nothing, unless
            `choose="best"` or `patience` asks for it.
        test: Rows with labels whose error is measured once, at the end.
        views: Transforms rows in a way that keeps their labels; with `consistency` above 0 the labelled discrete
            latents of a row and of its view are to agree; with `swap` above 0 what was set by hand is read in a view.
        out: The run folder; None for a training that leaves no files.
        resume: Whether to go on from the folder's checkpoint; a folder without one is begun.
        overwrite: Whether an old run in the folder is replaced.
        progress: "auto", "bar", "lines" or "quiet"; or what is to be told of every step and epoch.
        devices: How many processes of this machine train together, one a GPU where the model is on a GPU. They share
            the rows of each batch; each runs the whole script, and each gets the trained model.
        nodes: How many machines run the same script; `torchrun` and `srun` work too.
        settings: All settings at once; `changes` come on top.
        config: More to be kept in the run's config.json, such as where the data come from.
        **changes: Single settings, see `Settings`: ``epochs=20, rate=0.1, estimators={"digit": "plug_in"}``.

    Returns:
        The trained model and its history.

    Raises:
        DataError: If rows or labels do not fit the model.
        ModelError: If no parameter of the model can be trained.
        OptionError: If a setting does not exist or cannot be met.
        RunError: If the folder holds another run, or cannot be written; the last checkpoint stays intact.
        TrainingError: If the loss is not finite; the message names the term and the rows.
        ProcessError: If another process of the training has ended.
    """
    checked_model(model)
    settings = Settings.given(settings, changes)
    if not isinstance(progress, Progress):
        check_style(progress)
    model.captures.compile = settings.compile
    world = world_of(devices, nodes, model)
    task = Task.of(model, images, labels, views, settings)
    check_shared(world, settings)
    state = TrainingState.start(model, settings, task.consistent)
    watched = task.watched(validation, model)
    tested = Watched.of(test, model, "test") if test is not None else None
    check_choice(settings, watched)
    described = described_run(out, model, task, config) if world.rank == 0 else {}
    folder = open_folder(out, resume, overwrite) if world.rank == 0 else None
    with ExitStack() as stack:
        if folder is not None:
            stack.enter_context(folder.lock())
            begin(folder, state, {**described, "devices": devices, "nodes": nodes}, task.plan)
        history = History(folder.history if folder else None)
        history.truncate(state.epoch)
        stack.enter_context(torch.random.fork_rng())
        stack.enter_context(_says_how_to_go_on(folder))
        stack.enter_context(world.joined())
        world.adopt(state)
        bar = stack.enter_context(_progress(progress, state, settings, watched, world))
        loss = world.parallel(StepLoss(task, state))
        while state.epoch < settings.epochs and not out_of_patience(state, settings):
            history.append(train_epoch(task, state, loss, world, bar, watched))
            if folder is not None:
                save_checkpoint(folder.checkpoint, state.checkpoint())
        trained = state.chosen(settings)
        errors = world.once(lambda: tested.errors(trained) if tested is not None else {})
        records = world.once(lambda: history.records)
    return Run(trained, records, task.plan, settings, folder.path if folder else None, errors)


def train_epoch(
    task: Task, state: TrainingState, loss: nn.Module, world: World, progress: Progress, watched: Watched | None
) -> dict[str, Any]:
    """Goes through the rows once and returns the record of the epoch.

    The order of the rows and all noise depend on the seed and the epoch only, so that a resumed training is the one
    that was interrupted.
    """
    settings, started, rows = task.settings, time.perf_counter(), 0
    steps, means = task.steps(state.epoch), Means()
    guard = Guard(state, waits=task.device.type == "cpu", gather=task.gather)
    noise = noise_of_epoch(task.device, settings.seed, state.epoch, world.rank)
    run = Sweep(loss, task.total_steps(), noise, means, guard)
    state.model.train()
    progress.begin(state.epoch + 1, steps)
    batches = (batch.share(world.rank, world.size) for batch in task.sweep(state.epoch))
    for batch, gathered in gathered_ahead(batches, task.gather, ahead=task.source.on_disk):
        rows += (took := world.size * train_step(task, state, batch, gathered, run))
        progress.step(took, means)
    guard.settle()
    trained = time.perf_counter() - started
    record, error = close_epoch(state, settings, watched, steps, means_of(world.everyone(means.totals())), world)
    progress.end({"loss": record["loss"], **record["terms"]}, error)
    seconds = {"train_seconds": trained, "seconds": time.perf_counter() - started}
    record["clock"] = {**seconds, "rows_per_second": rows / trained}
    return record


def close_epoch(
    state: TrainingState,
    settings: Settings,
    watched: Watched | None,
    steps: int,
    means: Mapping[str, float],
    world: World,
) -> tuple[dict[str, Any], float | None]:
    """Counts an epoch, measures the error on the watched rows, and returns the epoch's record and this error."""
    state.epoch += 1
    refuse_non_finite_weights(state)
    world.adopt_running(state)
    terms = dict(means)
    record: dict[str, Any] = {"epoch": state.epoch, "steps": steps, "loss": terms.pop("loss"), "terms": terms}
    if watched is None:
        return record, None
    record["validation"] = world.once(lambda: watched.errors(state.result))
    error = one_error(record["validation"])
    if settings.choose == "best" or settings.patience:
        state.keep_best(error)
    return record, error


def _progress(
    progress: Style | Progress, state: TrainingState, settings: Settings, watched: Watched | None, world: World
) -> Progress:
    """Returns what shows the progress: the one given, or one in this style in the first process."""
    if isinstance(progress, Progress):
        return progress
    style: Style = progress if world.rank == 0 else "quiet"
    return Progress(settings.epochs, done=state.epoch, style=style, shares=shares_only(watched, state.model))


def begin(folder: RunFolder, state: TrainingState, described: Mapping[str, Any], plan: SupervisionPlan) -> None:
    """Writes what the run is, or goes on from its checkpoint if it is the same run."""
    if folder.config.is_file():
        check_same_run(folder.read_config(), described, folder.path)
    if folder.checkpoint.is_file():
        state.restore(load_checkpoint(folder.checkpoint), folder.checkpoint)
        return
    folder.write_json(folder.plan, plan.to_json())
    folder.write_json(folder.config, dict(described))


def out_of_patience(state: TrainingState, settings: Settings) -> bool:
    """Says whether the error on the rows for choice has not fallen for as many epochs as the settings allow."""
    return bool(settings.patience and state.best and state.epoch - state.best[1] >= settings.patience)


def described_run(out: str | Path | None, model: Model, task: Task, config: Mapping[str, Any] | None) -> dict[str, Any]:
    """Describes a run before its folder is opened, and an old run there lost; nothing where no files are wanted.

    Raises:
        RunError: If config.json could not hold it.
    """
    if out is None:
        return {}
    more = {**(config or {}), "probe": probe(task.source)}
    described = describe_run(model, task.plan, task.settings, task.view, more)
    plain(described, "config.json")
    return described


def open_folder(out: str | Path | None, resume: bool, overwrite: bool) -> RunFolder | None:
    """Opens the folder of a run to go on with, or makes that of a new one; None where no files are wanted."""
    if out is None:
        return None
    if resume and RunFolder(out).holds_run:
        return RunFolder.open(out)
    return RunFolder.create(out, overwrite)


@contextmanager
def _says_how_to_go_on(folder: RunFolder | None) -> Iterator[None]:
    """Adds to a Ctrl-C what is kept, and how to go on."""
    try:
        yield
    except KeyboardInterrupt as stop:
        if folder is None:
            stop.add_note("Nothing was kept on disk: fit(..., out=FOLDER) keeps every whole epoch.")
        else:
            stop.add_note(
                f"Every whole epoch is kept. Go on with `unbraid resume {folder.path}` where `unbraid train` began it, "
                "else with fit(..., resume=True)."
            )
        raise


def noise_of_epoch(device: torch.device, seed: int, epoch: int, rank: int = 0) -> torch.Generator:
    """Makes the generator of an epoch's noise, and seeds torch's own for modules that use it, such as dropout."""
    purpose = ("noise", epoch, rank) if rank else ("noise", epoch)
    number = int(torch.randint(2**62, (), generator=seeded_generator(seed, *purpose)))
    torch.manual_seed(number)
    return torch.Generator(device).manual_seed(number)
