"""The running mean of each term, a baseline for a single sample."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from unbraid.estimators.estimator import Site
from unbraid.graph.spread import Spread, union

if TYPE_CHECKING:
    from unbraid.objectives.terms import Terms

KEPT = 0.99
"""How much of a running mean a step keeps."""


def above_baseline(site: Site, terms: Terms, score: Spread) -> Terms:
    """Gives terms at one sample the score function's gradient: (term - its running mean) d log q.

    The mean is of earlier batches, so it does not depend on the sample, and the estimator is unbiased, but for labels
    below the variable: one sample cannot be reweighted by them.

    Args:
        site: The variable; its `baseline` is updated in place.
        terms: At the sample, along the variable's axis of size 1.
        score: log q of the sample, of value 0 (minus its own value, without gradient).

    Returns:
        The terms without the axis.
    """
    scored = {}
    for name, value in terms.values.items():
        if site.axis not in value.axes:
            scored[name] = value
            continue
        axes = union((value, score))
        gain = value.tensor.detach() - _baseline(site, name, value)
        total = value.align(axes) + Spread(gain, value.axes).align(axes) * score.align(axes)
        scored[name] = Spread(total, axes)
    certain = Spread(torch.zeros_like(score.tensor), score.axes)
    return type(terms)(scored, terms.evidence).expect(certain, site.axis)


def _baseline(site: Site, name: str, value: Spread) -> torch.Tensor:
    """Returns the running mean before this batch, and takes the batch in; the first time, the mean of other rows."""
    term = value.tensor.detach()
    before = site.baseline.get(name) if site.baseline is not None else None
    if site.baseline is not None:
        site.baseline[name] = term.mean() if before is None else torch.lerp(term.mean(), before, KEPT)
    if before is not None:
        return before
    rows, dim = value.rows, len(value.axes)
    return (term.sum(dim, keepdim=True) - term) / (rows - 1) if rows > 1 else torch.zeros_like(term)
