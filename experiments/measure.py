"""What is measured of a trained model on rows that it was not trained on."""

from __future__ import annotations

import torch
from torch.nn import functional

import unbraid as ub
from unbraid.data import Rows
from unbraid.evaluation import evaluate_labels


def errors(model: ub.Model, rows: Rows) -> dict[str, float]:
    """Returns the share of wrong values of each discrete latent: `digit_error`, a fraction."""
    known = {name: labels for name, labels in rows.labels.items() if name in model.latents}
    found = evaluate_labels(model, rows.images, known)
    return {f"{name}_error": each["error"] for name, each in found.items() if "error" in each}


def angles(model: ub.Model, rows: Rows, variable: str, called: str) -> dict[str, float]:
    """Compares predicted directions with their labels.

    Returns:
        `CALLED_angle`: the mean angle between them, in degrees; `CALLED_cosine`: the mean of 1 - cosine.
    """
    predicted = functional.normalize(model.predict(rows.images)[variable].double(), dim=-1)
    cosine = (predicted * torch.as_tensor(rows.labels[variable])).sum(-1).clamp(-1, 1)
    return {f"{called}_angle": float(cosine.acos().rad2deg().mean()), f"{called}_cosine": float(1 - cosine.mean())}
