"""Training with several seeds: many runs at once."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from unbraid.errors import OptionError, RunError, TrainingError, UnbraidError, did_you_mean
from unbraid.model import Model
from unbraid.scalars import python_scalar
from unbraid.training.many.batched import batched
from unbraid.training.many.choice import How, choose
from unbraid.training.many.job import Job
from unbraid.training.many.processes import in_processes
from unbraid.training.many.runs import Runs
from unbraid.training.many.told import AllRuns, Epoch, Told
from unbraid.training.progress import Progress, Style, check_style
from unbraid.training.run import Run
from unbraid.training.run_folder import RunFolder
from unbraid.training.settings import Settings
from unbraid.training.task import Task, checked_model
from unbraid.training.watched import GivenRows, shares_only
from unbraid.views.view import View


@torch.enable_grad()
def fit_many(
    model: Model | Callable[[int], Model],
    images: Tensor | Dataset[Any],
    labels: Mapping[str, Any] | None = None,
    *,
    seeds: Iterable[int] = range(10),
    labels_of: Callable[[int], Mapping[str, Any]] | None = None,
    settings_of: Callable[[int], Mapping[str, Any]] | None = None,
    how: How = "auto",
    validation: GivenRows | None = None,
    test: GivenRows | None = None,
    views: View | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    progress: Style = "auto",
    settings: Settings | None = None,
    config: Mapping[str, Any] | None = None,
    **changes: Any,
) -> Runs:
    """Trains one model with several seeds: S runs, each the run that `fit` would make by itself.

    The run of a seed s starts from parameters drawn from s, and takes its rows and its noise from s:
    ``fit(Digits(seed=s), images, labels_of(s), seed=s)``, but for the rounding of floats.

    Computed together ("batched"), a step of S runs is one step of S times the work (`torch.func`), which fills a GPU.
    On a processor "auto" gives each run a process of its own wherever there are as many runs as processors; time both
    on yours with benchmarks/many.py. `Runs.because` says what was taken, and why.

    Args:
        model: Which model; each run makes its own, of the same class and fields, type and device. Or a function from a
            seed to a model, for parameters that come from elsewhere.
        images: The rows, those of all runs; see `fit`.
        labels: The labels, if all runs have the same.
        seeds: One for each run.
        labels_of: Gives a run's labels by its seed, ``lambda seed: ub.data.few_labels(all_labels, 10, seed)``.
        settings_of: Gives settings of a run by its seed, on top of the others: ``lambda seed: {"rate": seed / 10}``.
        how: "batched", "processes", "in_turn", or "auto" for the fastest that fits.
        validation: Rows with labels that are watched; see `fit`.
        test: Rows with labels on which each run's error is measured once, at its end.
        views: See `fit`.
        out: The folder of the runs' folders, `seed-0` and so on, each like that of a single run; or None.
        resume: Whether runs go on from their checkpoints, and those without one begin.
        overwrite: Whether old runs in these folders are replaced.
        progress: "auto", "bar", "lines" or "quiet": shown once for all runs.
        settings: All settings at once; `changes` come on top.
        config: More to be kept in each run's config.json.
        **changes: Single settings, see `Settings`.

    Returns:
        The runs in the order of their seeds, and which failed, whose loss was not finite for instance; the others
        are not kept from their end by them.

    Raises:
        DataError: If rows or labels do not fit the model.
        ModelError: If no parameter of the model can be trained.
        OptionError: If a setting cannot be met, or runs cannot be trained in the way that `how` asks for.
        RunError: If a folder holds another run, or cannot be written.
        TrainingError: If every run failed.

    Example:
        >>> import unbraid as ub
        >>> class Digits(ub.Model):
        ...     def encode(self, x):
        ...         return {"digit": ub.Categorical(10)(ub.mlp(8)(x))}
        ...
        ...     def decode(self, digit):
        ...         return ub.Bernoulli(1, 28, 28)(digit)
        >>> rows = ub.data.tiny_digits(60, seed=0)
        >>> runs = ub.fit_many(
        ...     Digits(),
        ...     rows.images,
        ...     seeds=range(3),
        ...     test=rows,
        ...     epochs=1,
        ...     how="batched",
        ...     progress="quiet",
        ...     labels_of=lambda seed: ub.data.few_labels(rows.labels, 2, seed),
        ... )
        >>> len(runs), 0 < runs.mean("digit") < 1
        (3, True)
    """
    seeds = _checked(seeds, how, progress, labels, labels_of)
    if "seed" in changes:
        raise OptionError(
            f"fit_many takes a seed for each run, seeds=range(10); seed={changes['seed']!r} is that of one."
        )
    base = Settings.given(settings, changes)
    models = _models(model, seeds)
    jobs = [
        Job(
            made, images, labels_of(seed) if labels_of else labels,
            base.changed(**{**(settings_of(seed) if settings_of else {}), "seed": seed}),
            validation, test, views, Path(out) / f"seed-{seed}" if out is not None else None, resume, overwrite, config,
        )
        for seed, made in zip(seeds, models, strict=True)
    ]  # fmt: skip
    _check_folders(jobs)
    tasks = _tasks(jobs)
    chosen, because = choose(how, jobs, tasks)
    try:
        outcomes = _train(chosen, jobs, tasks, progress)
    except KeyboardInterrupt as stop:
        if out is not None:
            stop.add_note("Every whole epoch of every run is kept. Go on with fit_many(..., resume=True).")
        raise
    failed = {seed: each for seed, each in zip(seeds, outcomes, strict=True) if isinstance(each, UnbraidError)}
    runs = [each for each in outcomes if isinstance(each, Run)]
    if not runs:
        first = next(iter(failed.values()))
        raise TrainingError(f"all of the {len(seeds)} runs failed; that of seed {seeds[0]}: {first}") from first
    return Runs(runs, failed, chosen, because)


def _train(how: str, jobs: Sequence[Job], tasks: Sequence[Task], progress: Style) -> Sequence[Run | UnbraidError]:
    """Trains the runs in the way that was chosen."""
    if how == "batched":
        return batched(jobs, tasks, progress)
    epochs, first = sum(job.settings.epochs for job in jobs), jobs[0]
    with Progress(epochs, style=progress, shares=shares_only(first.watched(tasks[0]), first.model)) as bar:
        tell = AllRuns(bar)
        if how == "processes":
            return in_processes(jobs, tell)
        return [_in_turn(job, tell) for job in jobs]


def _in_turn(job: Job, tell: Callable[[Epoch], None]) -> Run | UnbraidError:
    try:
        return job.alone(Told(job.settings.epochs, tell))
    except TrainingError as error:
        return error


def _tasks(jobs: Sequence[Job]) -> list[Task]:
    """Checks what each run is given; the rows are kept once, on the device of the training."""
    tasks: list[Task] = []
    for job in jobs:
        task = Task.of(job.model, job.images, job.labels, job.views, job.settings)
        tasks.append(replace(task, source=tasks[0].source) if tasks else task)
    return tasks


def _models(model: Model | Callable[[int], Model], seeds: Sequence[int]) -> list[Model]:
    """Makes the model of each run."""
    if callable(model) and not isinstance(model, (type, nn.Module)):
        return [checked_model(model(seed)) for seed in seeds]
    return _copies(checked_model(model), seeds)


def _copies(model: Model, seeds: Sequence[int]) -> list[Model]:
    """Makes a model of each seed, of the class and fields of this one."""
    first = next(model.parameters())

    def fresh(seed: int) -> Model:
        return type(model)(seed=seed, **model.fields).to(first.device, first.dtype)

    drawn = fresh(model.seed).state_dict()
    if any(not torch.equal(each, drawn[name]) for name, each in model.state_dict().items()):
        raise OptionError(
            "the model was trained or changed, and each run of fit_many starts from parameters drawn from its own "
            "seed. To start from these, pass a function of the seed: lambda seed: copy.deepcopy(model)."
        )
    return [fresh(seed) for seed in seeds]


def _checked(given: Iterable[int], how: str, progress: str, labels: object, labels_of: object) -> list[int]:
    """Checks what needs no data, and returns the seeds."""
    seeds = [python_scalar(seed) for seed in given] if isinstance(given, Iterable) else []
    if not all(isinstance(seed, int) for seed in seeds) or not isinstance(given, Iterable):
        raise OptionError(f"seeds are whole numbers, one for each run, such as range(10); got {given!r}.")
    check_style(progress)
    if how not in get_args(How):
        raise OptionError(f"how={how!r} is unknown.{did_you_mean(str(how), get_args(How))}")
    if not seeds:
        raise OptionError("fit_many needs at least one seed: seeds=range(10).")
    twice = sorted({one for one, other in itertools.pairwise(sorted(seeds)) if one == other})
    if twice:
        raise OptionError(f"seeds must differ, or runs would be the same: {twice[0]} is there twice.")
    if labels is not None and labels_of is not None:
        raise OptionError("labels are those of all runs, labels_of gives each run its own: pass one of them.")
    return seeds


def _check_folders(jobs: Sequence[Job]) -> None:
    """Raises RunError before any training if a folder holds a run that may be neither gone on with nor replaced."""
    for job in jobs:
        if job.out is not None and RunFolder(job.out).holds_run and not (job.resume or job.overwrite):
            raise RunError(
                f"{job.out} already holds a run: go on with it and the others (resume=True), replace all of them "
                "(overwrite=True), or name another folder."
            )
