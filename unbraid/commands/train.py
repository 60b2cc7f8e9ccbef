"""The main job: data, labels, training, evaluation, figures, a report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from unbraid.commands.device import to_device
from unbraid.commands.evaluate import evaluate_run
from unbraid.commands.figures import draw_run
from unbraid.commands.own_data import OwnData, check_images, known_labels
from unbraid.data.few import few_labels
from unbraid.data.label_values import missing
from unbraid.data.rows import Rows
from unbraid.errors import DataError, OptionError, RunError, did_you_mean
from unbraid.model import Model
from unbraid.recipes import RECIPES
from unbraid.recipes.recipe import Recipe
from unbraid.training.fit import fit
from unbraid.training.load import model_of
from unbraid.training.progress import Style
from unbraid.training.run_folder import RunFolder
from unbraid.training.settings import Settings
from unbraid.training.world import world_of


@dataclass(frozen=True, slots=True)
class Job:
    """A main job, as it stands in a run's config.json.

    Attributes:
        recipe: The name of the recipe.
        per_class: Labelled rows of each class; 0 for all.
        draw: The seed of the draw of labelled rows.
        data: The folder of the data; None to look in the usual places.
        validation: How many of the last training rows are taken out of training and watched with their labels.
        limit: At most so many training rows, and as many test rows; 0 for all.
        own: Data of one's own; `recipe` is then the program that they are for, and all their labels are shown.
    """

    recipe: str
    per_class: int = 10
    draw: int = 0
    data: str | None = None
    validation: int = 0
    limit: int = 0
    own: OwnData | None = None

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Job:
        """Returns a job from plain values, as config.json holds them."""
        own = values.get("own")
        if own is None:
            return cls(**values)
        size = own["image_size"]
        return cls(**{**values, "own": OwnData(**{**own, "image_size": tuple(size) if size else None})})


def train(
    job: Job,
    model: Model,
    settings: Settings,
    out: Path,
    *,
    overwrite: bool = False,
    progress: Style = "auto",
    resume: bool = False,
    device: str = "cpu",
    devices: int = 1,
    nodes: int = 1,
) -> dict[str, Any]:
    """Trains a model on a recipe's data, and writes metrics, figures and a report into the run folder.

    Args:
        job: Which data, and how many labels.
        model: The model.
        settings: Of the training.
        out: The run folder.
        overwrite: Whether an old run in it is replaced.
        progress: How progress is shown.
        resume: Whether to go on from the folder's checkpoint.
        device: Where to train: a name that torch knows, such as cuda.
        devices: How many processes of this machine train together, one a GPU on GPUs.
        nodes: How many machines do.

    Returns:
        The metrics, as they stand in metrics.json; nothing in a process other than the first.

    Raises:
        UnbraidError: What went wrong, where, and what to do.
    """
    recipe = recipe_of(job, to_device(model, device))
    first = world_of(devices, nodes, model).rank == 0
    console = Console(stderr=True, quiet=progress == "quiet" or not first)
    rows, watched, test = rows_of(job, recipe)
    if job.own is not None:
        check_images(rows, model, job.own)
    labels = labels_of(job, recipe, rows)
    console.print(
        f"{recipe.name}: {len(rows):,} rows to train on, {_labelled(labels):,} of them labelled; {len(test):,} to test"
    )
    console.print(str(model), highlight=False)
    run = fit(
        model, rows.images, labels, validation=watched, views=recipe.views, out=out, resume=resume, overwrite=overwrite,
        progress=progress, devices=devices, nodes=nodes, settings=settings,
        config={"job": asdict(job), "device": device, **named_classes(rows)},
    )  # fmt: skip
    if not first:
        return {}
    console.print("evaluating: test error, the labelled rows alone, the bound on log p(x)")
    metrics = evaluate_run(out, run.model, recipe, job, rows, labels, test)
    console.print("drawing figures and writing the report")
    draw_run(out, run.model, rows, labels, test)
    return metrics


def resume(out: Path, progress: Style = "auto", device: str = "", devices: int = 0, nodes: int = 0) -> dict[str, Any]:
    """Goes on with a run from its last checkpoint, to the same end as if it had not stopped.

    Args:
        out: The run folder.
        progress: How progress is shown.
        device: Where to train; "" for where the run was begun.
        devices: How many processes of this machine train together; 0 for as many as when the run was begun. Another
            number goes on too, with other noise.
        nodes: How many machines do; 0 for as many as then.

    Raises:
        RunError: If the folder holds no run of a recipe.
    """
    config = config_of(out)
    job = Job.from_json(config["job"])
    return train(
        job, model_of(config, out), Settings.from_json(config["settings"]), out, progress=progress, resume=True,
        device=device or config.get("device", "cpu"), devices=devices or config.get("devices", 1),
        nodes=nodes or config.get("nodes", 1),
    )  # fmt: skip


def config_of(out: Path) -> dict[str, Any]:
    """Reads the config of a run of a recipe."""
    folder = RunFolder.open(out)
    config = folder.read_config()
    if "job" not in config:
        raise RunError(
            f"{out} was not trained by `unbraid train`: go on with it in Python, ub.fit(..., out={str(out)!r}, "
            "resume=True)."
        )
    return config


def recipe_of(job: Job, model: Model) -> Recipe:
    """Returns the recipe of a job: one that unbraid has, or what a program and data of one's own make.

    Args:
        job: Which data.
        model: The model that is trained; labels of one's own are of its latents.

    Raises:
        OptionError: If there is none of its name.
    """
    if job.own is not None:
        return job.own.recipe(job.recipe, job.draw, model)
    if job.recipe not in RECIPES:
        raise OptionError(f"there is no recipe {job.recipe!r} to train on.{did_you_mean(job.recipe, RECIPES)}")
    return RECIPES[job.recipe]


def rows_of(job: Job, recipe: Recipe) -> tuple[Rows, Rows | None, Rows]:
    """Returns the rows to train on, to watch and to test on.

    Raises:
        DataError: If the data are not found, or are not what was published, or leave too few rows to measure.
        OptionError: If there are too few rows to watch that many, or the limit is negative.
    """
    if job.limit < 0:
        raise OptionError(f"--limit takes at most so many rows, and 0 for all: got {job.limit}.")
    train, test = recipe.load(Path(job.data) if job.data else None)
    if job.limit:
        train, test = train[: job.limit], test[: job.limit]
    if len(test) < 2:
        option = "--limit" if job.limit == 1 else "--test-share"
        raise DataError(f"{len(test)} row to test on is too few: the bound on log p(x) needs two. Raise {option}.")
    if not job.validation:
        return train, None, test
    if not 0 < job.validation < len(train):
        raise OptionError(
            f"--validation takes rows out of the {len(train):,} to train on: give 1 to {len(train) - 1:,}, got "
            f"{job.validation:,}."
        )
    return train[: len(train) - job.validation], train[len(train) - job.validation :], test


def labels_of(job: Job, recipe: Recipe, rows: Rows) -> Mapping[str, Any]:
    """Returns the labels that training is shown: a few of a recipe's, all of one's own."""
    if job.own is not None:
        return known_labels(rows)
    if not job.per_class:
        return {recipe.variable: rows.labels[recipe.variable]}
    return few_labels(rows.labels, job.per_class, job.draw, of=recipe.variable)


def named_classes(rows: Rows) -> dict[str, Any]:
    """Returns what the config keeps of variables that were labelled by words: what their classes are called."""
    return {"categories": dict(rows.categories)} if rows.categories else {}


def _labelled(labels: Mapping[str, Any]) -> int:
    """Counts the rows with any label."""
    known = [~missing(values).reshape(len(values), -1).any(axis=1) for values in labels.values()]
    return int(np.any(known, axis=0).sum()) if known else 0
