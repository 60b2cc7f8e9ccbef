"""Enumeration: the exact sum over the values of a discrete variable."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from unbraid.errors import OptionError
from unbraid.estimators.chunks import in_chunks
from unbraid.estimators.estimator import Downstream, Site
from unbraid.estimators.joint import joint_log_probs, joint_one_hot
from unbraid.graph.spread import Spread

if TYPE_CHECKING:
    from unbraid.objectives.terms import Terms

ENTRIES = 2**24
"""How many entries the one-hot vectors of a chunk may have together."""


@dataclass(frozen=True, slots=True)
class Enumerate:
    """Evaluates every value and weights it with its probability: exact, K times the rows; 2^n for n bits.

    Source: Kingma et al. 2014, Eq. 7. The K values lie along an axis of their own, of which what does not depend on
    the variable knows nothing, so it is computed once.

    Args:
        rows: At most so many rows are evaluated at a time. Above it the values go in chunks that are computed again in
            the backward pass, so memory is bounded whatever K is, at one more forward pass.
    """

    rows: int = 20_000

    def __post_init__(self) -> None:
        if self.rows < 1:
            raise OptionError(f"Enumerate: rows must be at least 1, got {self.rows}.")

    def __call__(self, site: Site, downstream: Downstream) -> Terms:
        """Estimates the expectation; see `Estimator`."""
        log_probs = joint_log_probs(site, "enumerate")
        *batch, size = log_probs.shape
        at_once = max(1, min(self.rows // max(1, math.prod(batch)), ENTRIES // size))
        if at_once >= size:
            one_hot = joint_one_hot(site, torch.arange(size, device=log_probs.device))
            terms = downstream(site.seen(one_hot[:, None], (site.axis,)))
        else:
            terms = in_chunks(site, downstream, size, at_once)
        return terms.expect(Spread(log_probs.movedim(-1, 0), (site.axis, *site.logits.axes)), site.axis)

    def copies(self, values: int) -> int:
        """Returns K."""
        return values
