"""What is measured of a trained model on rows that it was not trained on."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import torch
from torch.nn import functional

import unbraid as ub
from unbraid.data import Rows
from unbraid.errors import UnbraidError
from unbraid.evaluation import evaluate_labels


@dataclass(frozen=True, slots=True)
class Found:
    """Numbers of a trained model, and those that could not be measured.

    Attributes:
        metrics: Fractions, or degrees where the name says so.
        unmeasured: Why there is no number, by what was to be measured.
    """

    metrics: dict[str, float] = field(default_factory=dict)
    unmeasured: dict[str, str] = field(default_factory=dict)

    def __or__(self, other: Found) -> Found:
        return Found(self.metrics | other.metrics, self.unmeasured | other.unmeasured)


def attempt(name: str, measure: Callable[[], Mapping[str, float]]) -> Found:
    """Measures something; where that cannot be done, too few rows of a class say, the reason takes its place.

    Example:
        >>> attempt("gap", lambda: {"gap": 0.5, "other": float("nan")})
        Found(metrics={'gap': 0.5}, unmeasured={'other': 'not defined here'})
    """
    try:
        found = measure()
    except UnbraidError as error:
        return Found(unmeasured={name: str(error)})
    known = {each: value for each, value in found.items() if math.isfinite(value)}
    return Found(known, {each: "not defined here" for each in found if each not in known})


@lru_cache(maxsize=2)
def evenly(rows: Rows, count: int) -> Rows:
    """Returns so many rows, evenly spaced, so that data that are sorted by class keep all classes."""
    return rows[torch.linspace(0, len(rows) - 1, min(count, len(rows))).long()]


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
