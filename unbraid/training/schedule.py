"""Schedules: what changes over the steps, as functions of the step."""

from __future__ import annotations

import math

from unbraid.training.settings import Settings


def learning_rate(settings: Settings, step: int, steps: int) -> float:
    """Returns the learning rate of a step: a linear warm-up, then constant or down a half cosine to 0.

    References:
        Loshchilov & Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts" (2017), Eq. 5, one period.

    Args:
        settings: Of the training.
        step: From 0.
        steps: How many the training has in all.
    """
    warm = min(1.0, (step + 1) / (settings.warmup_steps + 1))
    down = 0.5 * (1 + math.cos(math.pi * min(1.0, step / max(steps, 1)))) if settings.schedule == "cosine" else 1.0
    return settings.learning_rate * warm * down


def ramped(weight: float, settings: Settings, step: int, steps_per_epoch: float) -> float:
    """Returns a weight as far as it has risen in a step: linearly over the first `ramp` epochs."""
    return weight * min(1.0, step / (settings.ramp * steps_per_epoch)) if settings.ramp else weight


def kl_weight(settings: Settings, step: int, steps: int) -> float:
    """Returns the weight of the KL terms in a step: a linear warm-up over the first epochs (Bowman et al. 2016).

    Args:
        settings: Of the training.
        step: From 0.
        steps: How many the training has in all.
    """
    if not settings.beta_ramp:
        return settings.beta
    return settings.beta * min(1.0, step * settings.epochs / (settings.beta_ramp * steps))
