"""A job: one of the runs that are trained together, before it has begun."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor
from torch.utils.data import Dataset

from unbraid.model import Model
from unbraid.training.fit import fit
from unbraid.training.progress import Progress, Style
from unbraid.training.run import Run
from unbraid.training.settings import Settings
from unbraid.training.task import Task
from unbraid.training.watched import GivenRows, Watched
from unbraid.views.view import View


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """What `fit` is given for one run.

    Attributes:
        model: Its own, as it was made.
        images: The rows, those of all runs.
        labels: Its own labels.
        settings: With its own seed.
        validation: Rows with labels that are watched.
        test: Rows with labels that are tested on.
        views: Transforms rows for consistency.
        out: Its own folder, or None.
        resume: Whether to go on from the folder's checkpoint.
        overwrite: Whether an old run in the folder is replaced.
        config: More to be kept in the run's config.json.
    """

    model: Model
    images: Tensor | Dataset[Any]
    labels: Mapping[str, Any] | None
    settings: Settings
    validation: GivenRows | None = None
    test: GivenRows | None = None
    views: View | None = None
    out: Path | None = None
    resume: bool = False
    overwrite: bool = False
    config: Mapping[str, Any] | None = None

    @property
    def seed(self) -> int:
        """The seed of the run."""
        return self.settings.seed

    def watched(self, task: Task) -> Watched | None:
        """Checks the rows that this run's error is measured on after each epoch; None where there are none."""
        return task.watched(self.validation, self.model)

    def alone(self, progress: Style | Progress) -> Run:
        """Trains this run by itself."""
        return fit(
            self.model, self.images, self.labels, validation=self.validation, test=self.test, views=self.views,
            out=self.out, resume=self.resume, overwrite=self.overwrite, progress=progress, settings=self.settings,
            config=self.config,
        )  # fmt: skip
