"""A finished run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unbraid.model import Model
from unbraid.training.plan import SupervisionPlan
from unbraid.training.settings import Settings


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """What `fit` returns.

    Attributes:
        model: The trained model, in evaluation mode: with averaged or best weights where these were asked for.
        history: One record an epoch: the loss and its terms in nats a row, errors on watched rows, the clock.
        plan: Which rows were labelled.
        settings: Of the training.
        folder: The run folder, or None.
        test: Errors on the test rows by latent, measured once at the end; empty where none were given.
    """

    model: Model
    history: list[dict[str, Any]]
    plan: SupervisionPlan
    settings: Settings
    folder: Path | None
    test: dict[str, Any]
