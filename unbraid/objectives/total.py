"""From the terms of rows to what is maximised."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from unbraid.objectives.options import Options

BOUND = "importance bound"
"""The term that stands for the whole bound on log p(x, labels) under ``bound="importance"``."""


def maximised(values: Mapping[str, Tensor], evidence: Tensor | None, options: Options) -> Tensor:
    """Returns the objective of rows with the same latents observed.

    Args:
        values: The terms by name, each (rows,).
        evidence: The log-probability of the labels under q, (rows,); under ``supervision="eq4"`` of all of them.
        options: What is maximised.

    Returns:
        Shape (rows,), in nats.
    """
    bound = values[BOUND] if options.bound == "importance" else _bound(values, options)
    scores = [value for name, value in values.items() if name.startswith("log q(")]
    if not scores:
        return bound
    log_q = scores[0] if len(scores) == 1 else torch.stack(scores).sum(0)
    if options.supervision == "eq4":
        return _eq4(bound, log_q, log_q if evidence is None else evidence)
    return _plus(bound, options.alpha, log_q)


def _plus(total: Tensor, weight: float, term: Tensor) -> Tensor:
    """Adds a weighted term; one without weight adds nothing, even where it is infinite."""
    return torch.add(total, term, alpha=weight) if weight else total


def _bound(values: Mapping[str, Tensor], options: Options) -> Tensor:
    """Returns log p(x) + sum_O log p(v) - beta * sum_U KL(v), with free bits."""
    terms = ((name, value) for name, value in values.items() if not name.startswith("log q("))
    total = next(terms)[1]
    for name, value in terms:
        if name.startswith("KL("):
            total = _plus(total, -options.beta, _charged(value, options.free_bits))
        else:
            total = total + value
    return total


def _charged(divergence: Tensor, free: float) -> Tensor:
    """Returns what a KL term costs each row: its mean over these rows, where it is above the free bits."""
    return divergence.mean().clamp_min(free).expand_as(divergence) if free else divergence


def _eq4(bound: Tensor, log_q: Tensor, evidence: Tensor) -> Tensor:
    """Returns q(y | x) [bound - log q(y | x)], Eq. 4 of the paper's first version.

    With labels y below latents u that are not observed, q(y | x) before the bracket is E_q(u | x) [q(y | x, u)], and
    the bracket's expectation is over q(u | x, y): together E_q(v | x) [delta_y log p(x, v) / q(v | x)], as the paper
    derives it.

    Note:
        The bound has log p(y) in it. Ascent drives q of the label to 0 wherever the bracket is negative, which it is
        for images of binary pixels: about -100 nats.
    """
    return evidence.exp() * (bound - log_q)
