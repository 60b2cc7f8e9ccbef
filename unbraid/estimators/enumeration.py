"""Enumeration: the exact sum over the values of a discrete variable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from unbraid.estimators.estimator import Downstream
from unbraid.graph.spread import Spread

if TYPE_CHECKING:
    from unbraid.objectives.terms import Terms


@dataclass(frozen=True, slots=True)
class Enumerate:
    """Evaluates every value and weights it with its probability: exact, K times the rows.

    Source: Kingma et al. 2014, Eq. 7. The K values lie along an axis of their own, of which what does not depend on
    the variable knows nothing, so it is computed once.
    """

    def __call__(self, logits: Spread, axis: int, downstream: Downstream) -> Terms:
        """Estimates the expectation; see `Estimator`."""
        size = logits.tensor.shape[-1]
        values = torch.eye(size, dtype=logits.tensor.dtype, device=logits.tensor.device)
        log_probs = torch.log_softmax(logits.tensor, -1).movedim(-1, 0)
        return downstream(Spread(values[:, None], (axis,))).expect(Spread(log_probs, (axis, *logits.axes)), axis)

    def copies(self, cardinality: int) -> int:
        """Returns K."""
        return cardinality
