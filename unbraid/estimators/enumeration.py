"""Enumeration: the exact sum over the values of a discrete variable."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from unbraid.errors import OptionError
from unbraid.estimators.chunks import in_chunks
from unbraid.estimators.estimator import Downstream, Site
from unbraid.graph.spread import Spread

if TYPE_CHECKING:
    from unbraid.objectives.terms import Terms


@dataclass(frozen=True, slots=True)
class Enumerate:
    """Evaluates every value and weights it with its probability: exact, K times the rows.

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
        logits = site.logits.tensor
        size = logits.shape[-1]
        log_probs = torch.log_softmax(logits, -1).movedim(-1, 0)
        at_once = max(1, self.rows // max(1, math.prod(logits.shape[:-1])))
        if at_once >= size:
            values = torch.eye(size, dtype=logits.dtype, device=logits.device)
            terms = downstream(Spread(values[:, None], (site.axis,)))
        else:
            terms = in_chunks(site, downstream, size, at_once)
        return terms.expect(Spread(log_probs, (site.axis, *site.logits.axes)), site.axis)

    def copies(self, cardinality: int) -> int:
        """Returns K."""
        return cardinality
