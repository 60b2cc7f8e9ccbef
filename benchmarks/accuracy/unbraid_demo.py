"""The demo: the recipe of `unbraid train mnist --labels 10`, its error noted after every epoch."""

from __future__ import annotations

from collections.abc import Mapping

import unbraid as ub
from benchmarks.accuracy.task import Task, task_of
from unbraid.recipes import RECIPES
from unbraid.training.progress import Progress


class Notes(Progress):
    """Shows a line an epoch, and notes it."""

    def __init__(self, task: Task, epochs: int) -> None:
        super().__init__(epochs, style="lines")
        self.task = task

    def end(self, terms: Mapping[str, float], validation_error: float | None = None) -> None:
        super().end(terms, validation_error)
        if validation_error is not None:
            self.task.note(self._epoch, validation_error)


def main() -> None:
    task, recipe = task_of(), RECIPES["mnist"]
    ub.fit(
        recipe.model(seed=task.seed), task.train.images, task.labels, validation=task.watched, views=recipe.views,
        settings=recipe.settings.changed(seed=task.seed), progress=Notes(task, recipe.settings.epochs),
    )  # fmt: skip


if __name__ == "__main__":
    main()
