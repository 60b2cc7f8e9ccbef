"""Evaluation of a run: errors, the matched baseline, the bound."""

from __future__ import annotations

import resource
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unbraid.data.labels import missing
from unbraid.data.rows import Rows
from unbraid.evaluation import evaluate_labels, log_likelihood_bound
from unbraid.evaluation.baseline import supervised_baseline
from unbraid.model import Model
from unbraid.objectives.given import given_labels
from unbraid.recipes.recipe import Recipe
from unbraid.training.history import History
from unbraid.training.plan import SupervisionPlan
from unbraid.training.run_folder import RunFolder
from unbraid.training.settings import Settings

if TYPE_CHECKING:
    from unbraid.commands.train import Job

SAMPLES = 100
"""Importance samples a row of the bound on log p(x)."""


def evaluate_run(
    out: Path, model: Model, recipe: Recipe, job: Job, rows: Rows, labels: Mapping[str, Any], test: Rows
) -> dict[str, Any]:
    """Measures a trained model on the test rows, trains the baseline, and writes metrics.json.

    Args:
        out: The run folder.
        model: The trained model.
        recipe: Whose data these are.
        job: Which labels were drawn.
        rows: The training rows.
        labels: The labels that training was shown.
        test: The test rows; they are looked at here, once, and chose nothing.

    Returns:
        The metrics: errors as fractions, the bound in nats a row; no errors where no test row has a label, and no
        baseline where no training row has.
    """
    folder = RunFolder.open(out)
    settings = Settings.from_json(folder.read_config()["settings"])
    plan = SupervisionPlan.of(given_labels(model.graph, labels, len(rows)), len(rows))
    known = _known(model, test)
    errors = evaluate_labels(model, test.images, known) if known else {}
    baseline: dict[str, dict[str, Any]] = {name: {} for name in errors}
    if errors and plan.variables:
        fresh = type(model)(seed=model.seed, **model.fields).to(next(model.parameters()).device)
        alone = supervised_baseline(fresh, rows.images, plan, settings, recipe.views)
        baseline = evaluate_labels(alone, test.images, known)
    bound = log_likelihood_bound(model, test.images, SAMPLES)
    metrics: dict[str, Any] = {
        name: {**found, **{f"baseline_{key}": value for key, value in baseline[name].items() if key != "n"}}
        for name, found in errors.items()
    }
    metrics["log_px"] = {"bound": bound.bound, "se": bound.se, "samples": bound.samples, "n": bound.n}
    metrics["train_seconds"] = sum(each["clock"]["train_seconds"] for each in History(folder.history).records)
    metrics["labels"] = len(plan.labelled_rows)
    metrics["seed"] = settings.seed
    metrics["draw"] = job.draw
    metrics["peak_memory_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    folder.write_json(folder.metrics, metrics)
    return metrics


def _known(model: Model, rows: Rows) -> dict[str, Any]:
    """Returns the labels of the model's latents that have any in these rows."""
    return {name: each for name, each in rows.labels.items() if name in model.latents and not missing(each).all()}
