"""Drawing one-hot values of a discrete variable, and scoring them."""

from __future__ import annotations

import torch
from torch import Tensor

from unbraid.estimators.estimator import Site
from unbraid.graph.spread import SAMPLES, Spread


def draw_one_hot(site: Site, samples: int) -> Spread:
    """Draws one-hot vectors of every part along the variable's own axis: (samples, *axes, rows, *parts, K)."""
    axes = site.logits.axes
    if site.samples > 1 and SAMPLES not in axes:
        axes = (*axes, SAMPLES)
    logits = site.logits.align(axes).detach()
    shape = list(logits.shape[:-1])
    if SAMPLES in axes:
        shape[axes.index(SAMPLES)] = site.samples
    probs = torch.softmax(logits, -1).expand(*shape, -1)
    index = draw_index(probs, samples, site.generator)
    one_hot = (index[..., None] == torch.arange(probs.shape[-1], device=probs.device)).to(probs.dtype)
    return Spread(one_hot, (site.axis, *axes))


def draw_index(probs: Tensor, samples: int, generator: torch.Generator | None) -> Tensor:
    """Draws numbers of values (samples, *batch) for probabilities (*batch, K)."""
    index = torch.multinomial(probs.reshape(-1, probs.shape[-1]), samples, replacement=True, generator=generator)
    return index.T.reshape(samples, *probs.shape[:-1])


def log_prob_of(site: Site, weights: Spread) -> Spread:
    """Scores one-hot vectors of every part, in nats: (*axes, rows)."""
    log_probs = torch.log_softmax(site.logits.align(weights.axes), -1)
    dims = tuple(range(-1 - len(site.parts), 0))
    return Spread((weights.tensor * log_probs.masked_fill(weights.tensor == 0, 0.0)).sum(dims), weights.axes)
