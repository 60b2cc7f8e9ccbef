"""Presence: what a step of a `Repeat` that is not there, or may not be, does to the terms."""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import Tensor

from unbraid.graph.frame import Frame
from unbraid.graph.spread import Spread
from unbraid.objectives.terms import add, multiply


def present(value: Spread, there: Spread | None) -> Spread:
    """Takes a term of a step as far as the step is there."""
    return value if there is None else multiply(value, there)


def labelled(frame: Frame, name: str, observed: Collection[str], log_p: Spread, log_q: Spread) -> tuple[Spread, Spread]:
    """Returns log p and log q of an item's label.

    The label says that every count that is not observed is above the item's step, which has a chance under q of its
    own. Under an observed count the label of a step that is not there is a filler and counts nothing.

    Args:
        frame: Where all latents are fixed.
        name: The item's latent.
        observed: The observed latents.
        log_p: The label's log-probability under its factor of p, if the step is there.
        log_q: The same under its factor of q.
    """
    counts = frame.graph.counts.get(name, ())
    for count, step in counts:
        if count not in observed:
            log_q = add(log_q, _log(exceeds(frame, count, step)))
    for count, step in counts:
        if count in observed:
            there = exceeds(frame, count, step)
            log_p, log_q = multiply(log_p, there), multiply(log_q, there)
    return log_p, log_q


def exceeds(frame: Frame, count: str, step: int) -> Spread:
    """Returns whether a count is above a step, one number a row: 1 or 0, or its probability under `plug_in`."""
    node = frame.graph.latents[count]
    value, values = frame[node], node.family.cardinality
    assert values is not None
    first = step + 1 - (values - value.event_shape[0])  # a bit is its own P(count > 0)
    return Spread(value.tensor[..., first:].sum(-1), value.axes)


def absent(frame: Frame, name: str) -> Tensor | None:
    """Returns in which rows a latent's step is not there, whatever else is, (rows,); None for one that always is."""
    there = frame.presence(name)
    if there is None:
        return None
    missing = there.tensor == 0
    return missing.flatten(0, len(there.axes) - 1).all(0) if there.axes else missing


def logits_where_present(frame: Frame, name: str, logits: Spread) -> Spread:
    """Replaces the logits of a step that is not there by zeros: nothing of it is rounded into the row, or learned."""
    missing = absent(frame, name)
    if missing is None:
        return logits
    return Spread(logits.tensor.masked_fill(missing.reshape(-1, *(1,) * len(logits.event_shape)), 0.0), logits.axes)


def _log(chance: Spread) -> Spread:
    """Returns the logarithm of a chance, of none that of the smallest number: a weight of 0 with a gradient of 0."""
    return Spread(chance.tensor.clamp_min(torch.finfo(chance.tensor.dtype).tiny).log(), chance.axes)
