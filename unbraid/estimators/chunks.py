"""Chunks: many values of a variable, a few at a time, at a bounded memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from unbraid.capture.recorder import refuse_capture
from unbraid.estimators.estimator import Downstream, Site
from unbraid.estimators.joint import joint_one_hot
from unbraid.graph.spread import Spread

if TYPE_CHECKING:
    from unbraid.objectives.terms import Terms


def in_chunks(site: Site, downstream: Downstream, size: int, at_once: int) -> Terms:
    """Evaluates the downstream computation at each of K values, a chunk at a time.

    Only the terms of a chunk are kept; its activations are computed again in the backward pass, with the same noise
    (Chen et al. 2016, "Training deep nets with sublinear memory cost").

    Args:
        site: The variable.
        downstream: The computation.
        size: The number of values K.
        at_once: How many values a chunk has.

    Returns:
        The terms at all values, along the variable's axis.
    """
    site.settle()
    chunks = [_chunk(site, downstream, start, min(start + at_once, size)) for start in range(0, size, at_once)]
    return _joined(chunks, site.axis)


def _chunk(site: Site, downstream: Downstream, start: int, stop: int) -> Terms:
    index = torch.arange(start, stop, device=site.logits.tensor.device)

    def compute() -> Terms:
        return downstream(site.seen(joint_one_hot(site, index)[:, None], (site.axis,)))

    if not torch.is_grad_enabled():
        return compute()
    refuse_capture("chunks of values are computed again in the backward pass, to bound memory")
    terms: Terms = checkpoint(_repeatable(compute, site.generator), use_reentrant=False)
    return terms


def _repeatable(compute: Callable[[], Terms], generator: torch.Generator | None) -> Callable[[], Terms]:
    """Returns a computation that draws the same noise when called again, and then leaves the generator as it was."""
    if generator is None:
        return compute
    noise, called = generator.get_state(), False

    def again() -> Terms:
        nonlocal called
        if not called:
            called = True
            return compute()
        present = generator.get_state()
        generator.set_state(noise)
        try:
            return compute()
        finally:
            generator.set_state(present)

    return again


def _joined(chunks: list[Terms], axis: int) -> Terms:
    """Puts the terms of chunks together along the axis; a term without the axis is the same in all of them."""

    def join(parts: list[Spread]) -> Spread:
        if axis not in parts[0].axes:
            return parts[0]
        tensors: list[Tensor] = [part.tensor for part in parts]
        return Spread(torch.cat(tensors, parts[0].axes.index(axis)), parts[0].axes)

    first = chunks[0]
    values = {name: join([chunk.values[name] for chunk in chunks]) for name in first.values}
    evidence = [chunk.evidence for chunk in chunks if chunk.evidence is not None]
    return type(first)(values, join(evidence) if evidence else None)
