"""One run of an experiment: a cell and a seed become a record."""

from __future__ import annotations

import dataclasses
import importlib
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

import unbraid as ub
from experiments.experiment import DEVELOPMENT, Experiment
from experiments.measure import Found, evenly
from experiments.record import Cell, here
from unbraid.data import Rows
from unbraid.errors import DataNotFoundError, OptionError, did_you_mean
from unbraid.evaluation.baseline import supervised_baseline
from unbraid.training.plan import SupervisionPlan

MODULES = {name: f"experiments.{name}" for name in ("mnist", "svhn", "faces", "sprites", "multimnist", "air", "zoo")}
"""Where the experiments are: each module has one, called EXPERIMENT."""

SETTINGS = tuple(each.name for each in dataclasses.fields(ub.Settings) if each.name != "seed")
"""The settings that can be tried out; the seed is that of the trial."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What a process needs to know to make one run.

    Attributes:
        experiment: Its name.
        cell: Which cell.
        seed: Of the labelled rows, the weights and the noise; from 100 on for development.
        quick: Whether a few rows for an epoch are enough.
        changes: Settings, and fields of the model, that are tried out; for development only.
        folder: Where the trained model is kept for figures; None to forget it.
    """

    experiment: str
    cell: Cell
    seed: int
    quick: bool = False
    changes: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    folder: Path | None = None

    @property
    def develops(self) -> bool:
        """Whether it reads training rows only."""
        return self.seed >= DEVELOPMENT


def find(name: str) -> Experiment:
    """Returns an experiment by its name."""
    found: Experiment = importlib.import_module(MODULES[name]).EXPERIMENT
    return found


def run(trial: Trial) -> dict[str, Any]:
    """Makes one run, on one thread, and returns its record; a run that fails has a record too.

    Raises:
        DataNotFoundError: If the data are not there.
    """
    torch.set_num_threads(1)
    begun = time.perf_counter()
    record: dict[str, Any] = {"experiment": trial.experiment, "cell": dict(trial.cell), "seed": trial.seed}
    record["rows"] = "development" if trial.develops else "test"
    try:
        record |= trained(trial, find(trial.experiment))
    except DataNotFoundError:
        raise  # nothing was run
    except (RuntimeError, ValueError, ArithmeticError, OSError) as error:  # what unbraid and torch raise are such
        record["failure"] = repr(error)
        traceback.print_exc()
    return record | here() | {"seconds": round(time.perf_counter() - begun, 1)}


def trained(trial: Trial, experiment: Experiment) -> dict[str, Any]:
    """Trains a model, measures it once on rows that it was not trained on, and trains its baseline."""
    cell, seed = trial.cell, trial.seed
    train, test = rows_of(trial, experiment)
    labels = experiment.labelled(cell, train, seed)
    of = len(train)
    if experiment.enriched:
        train, labels = experiment.enriched(cell, train, labels, seed)
    model = model_of(trial, experiment)
    settings, views = settings_of(trial, experiment), experiment.views(cell, train)
    watched = test if trial.develops and not model.latents.keys().isdisjoint(test.labels) else None
    fitted = ub.fit(
        model, train.images, labels, validation=watched, views=views, settings=settings,
        progress="quiet", out=trial.folder, overwrite=True, config={"cell": dict(cell)},
    )  # fmt: skip
    record: dict[str, Any] = {
        "metrics": experiment.measure(fitted.model, test),
        "labelled": int((fitted.plan.labelled_rows < of).sum()),
        "of": of,
        "made_of_labelled": len(train) - of,
        "terms": fitted.history[-1]["terms"],
        "settings": settings.to_json(),
        "fields": dict(model.fields),
        "views": repr(views),
    }
    if trial.develops:
        record["validation_by_epoch"] = [_errors(epoch.get("validation")) for epoch in fitted.history]
    if steps := min(experiment.baseline_steps(cell), 10 if trial.quick else sys.maxsize):
        record |= baseline(trial, experiment, train, test, fitted.plan, steps)
    also = experiment.also(cell, fitted.model, train, test) if experiment.also else Found()
    record["metrics"] |= also.metrics
    return record | ({"unmeasured": also.unmeasured} if also.unmeasured else {})


def rows_of(trial: Trial, experiment: Experiment) -> tuple[Rows, Rows]:
    """Returns the rows to train on and those to measure by: in development, training rows that are held out."""
    train, test = experiment.rows(trial.cell, trial.seed)
    if trial.develops:
        train, test = experiment.held_out(train)
    if trial.quick:
        train, test = (evenly(rows, experiment.quick_rows) for rows in (train, test))
    return train, test


def check_changes(trial: Trial, experiment: Experiment) -> None:
    """Refuses changes that cannot be tried out in a trial.

    Raises:
        OptionError: If a name is neither a setting nor a field of the model, or cannot have its value.
    """
    settings_of(trial, experiment)
    model = model_of(trial, experiment)
    known = [*SETTINGS, *model.fields]
    for name in trial.changes:
        if name not in known:
            raise OptionError(
                f"{name!r} is no setting to try and no field of {type(model).__name__}.{did_you_mean(name, known)}"
            )


def model_of(trial: Trial, experiment: Experiment) -> ub.Model:
    """Returns a fresh model, with the fields that are tried out."""
    model = experiment.model(trial.cell, trial.seed)
    changed = {name: value for name, value in trial.changes.items() if name in model.fields}
    return type(model)(seed=trial.seed, **{**model.fields, **changed}) if changed else model


def settings_of(trial: Trial, experiment: Experiment, of: Callable[[Cell], ub.Settings] | None = None) -> ub.Settings:
    """Returns the settings of a trial: those of its cell, or `of` its cell, changed where they are tried out."""
    changed = {name: value for name, value in trial.changes.items() if name in SETTINGS}
    quick = experiment.quick_settings if trial.quick else {}
    return (of or experiment.settings)(trial.cell).changed(**{**quick, **changed, "seed": trial.seed})


def baseline(
    trial: Trial, experiment: Experiment, train: Rows, test: Rows, plan: SupervisionPlan, steps: int
) -> dict[str, Any]:
    """Measures the same recogniser, trained on the labelled rows alone."""
    settings = settings_of(trial, experiment, experiment.baseline_settings)
    views = experiment.baseline_views(trial.cell)
    alone = supervised_baseline(model_of(trial, experiment), train.images, plan, settings, views, steps)
    found = experiment.measure(alone, test)
    return {"baseline": next(iter(found.values())), "baseline_metrics": found, "baseline_steps": steps}


def _errors(validation: Mapping[str, Any] | None) -> dict[str, float]:
    """Returns one number a variable."""
    return {name: each.get("error", each.get("rmse")) for name, each in (validation or {}).items()}
