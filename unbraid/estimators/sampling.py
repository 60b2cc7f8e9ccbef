"""Drawing one-hot values of a discrete variable, and scoring them."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from unbraid.estimators.estimator import Site
from unbraid.graph.spread import SAMPLES, Spread


def draw_one_hot(site: Site, samples: int) -> Spread:
    """Draws independent one-hot values along the variable's own axis: (samples, *axes, rows, K)."""
    axes = site.logits.axes
    if site.samples > 1 and SAMPLES not in axes:
        axes = (*axes, SAMPLES)
    logits = site.logits.align(axes).detach()
    shape = list(logits.shape[:-1])
    if SAMPLES in axes:
        shape[axes.index(SAMPLES)] = site.samples
    probs = torch.softmax(logits, -1).expand(*shape, -1)
    return Spread(one_hot_draws(probs, samples, site.generator), (site.axis, *axes))


def one_hot_draws(probs: Tensor, samples: int, generator: torch.Generator | None) -> Tensor:
    """Draws one-hot vectors (samples, *batch, K) for probabilities (*batch, K)."""
    size = probs.shape[-1]
    index = torch.multinomial(probs.reshape(-1, size), samples, replacement=True, generator=generator)
    return functional.one_hot(index.T.reshape(samples, *probs.shape[:-1]), size).to(probs.dtype)


def log_prob_of(site: Site, value: Spread) -> Spread:
    """Scores one-hot values, in nats."""
    log_probs = torch.log_softmax(site.logits.align(value.axes), -1)
    return Spread((value.tensor * log_probs.masked_fill(value.tensor == 0, 0.0)).sum(-1), value.axes)
