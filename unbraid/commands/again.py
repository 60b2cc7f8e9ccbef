"""Evaluation and figures of a run that is there already."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from unbraid.commands.evaluate import evaluate_run
from unbraid.commands.figures import draw_run
from unbraid.commands.train import Job, config_of, labels_of, recipe_of, rows_of
from unbraid.errors import RunError
from unbraid.training.load import load
from unbraid.training.run_folder import RunFolder


def evaluate(out: Path) -> dict[str, Any]:
    """Measures a trained run again and writes its metrics.json.

    Raises:
        RunError: If the folder holds no run of a recipe.
    """
    job = Job.from_json(config_of(out)["job"])
    model = load(out)
    recipe = recipe_of(job, model)
    rows, _, test = rows_of(job, recipe)
    return evaluate_run(out, model, recipe, job, rows, labels_of(job, recipe, rows), test)


def figures(out: Path) -> list[Path]:
    """Draws the figures and writes the report of a run again.

    Raises:
        RunError: If the folder holds no run of a recipe, or it was not evaluated yet.
    """
    job = Job.from_json(config_of(out)["job"])
    if not RunFolder.open(out).metrics.is_file():
        raise RunError(
            f"{out} has no metrics.json yet: `unbraid resume {out}` finishes the run, `unbraid evaluate {out}` "
            "measures it."
        )
    model = load(out)
    recipe = recipe_of(job, model)
    rows, _, test = rows_of(job, recipe)
    return draw_run(out, model, rows, labels_of(job, recipe, rows), test)
