"""From the terms of rows to what is maximised."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from unbraid.objectives.options import Options

BOUND = "importance bound"
"""The term that stands for the whole bound on log p(x, labels) under ``bound="importance"``."""


def maximised(values: Mapping[str, Tensor], options: Options) -> Tensor:
    """Returns the objective of rows with the same latents observed.

    Args:
        values: The terms by name, each (rows,).
        options: What is maximised.

    Returns:
        Shape (rows,), in nats.
    """
    log_q = sum((value for name, value in values.items() if name.startswith("log q(")), torch.zeros(()))
    if options.bound == "importance":
        return torch.add(values[BOUND], log_q, alpha=options.alpha)
    bound = _bound(values, options)
    if options.supervision == "eq4":
        return _eq4(bound, log_q) if any(name.startswith("log q(") for name in values) else bound
    return torch.add(bound, log_q, alpha=options.alpha)


def _bound(values: Mapping[str, Tensor], options: Options) -> Tensor:
    """Returns log p(x) + sum_O log p(v) - beta * sum_U KL(v), with free bits."""
    terms = ((name, value) for name, value in values.items() if not name.startswith("log q("))
    total = next(terms)[1]
    for name, value in terms:
        if name.startswith("KL("):
            total = torch.add(total, _charged(value, options.free_bits), alpha=-options.beta)
        else:
            total = total + value
    return total


def _charged(divergence: Tensor, free: float) -> Tensor:
    """Returns what a KL term costs each row: its mean over the rows, where it is above the free bits."""
    return divergence.mean().clamp_min(free).expand_as(divergence) if free else divergence


def _eq4(bound: Tensor, log_q: Tensor) -> Tensor:
    """Returns q(y | x) [bound - log q(y | x)], Eq. 4 of the paper's first version.

    Note:
        The bound has log p(y) in it. Ascent drives q of the label to 0 wherever the bracket is negative, which it is
        for images of binary pixels: about -100 nats.
    """
    return log_q.exp() * (bound - log_q)
