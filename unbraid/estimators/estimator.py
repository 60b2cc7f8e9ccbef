"""What an estimator of a discrete variable is."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from unbraid.graph.spread import Spread

if TYPE_CHECKING:
    from unbraid.objectives.terms import Terms

Downstream = Callable[[Spread], "Terms"]


@runtime_checkable
@runtime_checkable
class Estimator(Protocol):
    """Estimates the expectation, over an unobserved discrete variable, of everything that follows it.

    A pure function of the variable's logits and of the downstream computation: it decides which values the children
    see, asks `downstream` for the terms there, and takes their expectation.
    """

    def __call__(self, logits: Spread, axis: int, downstream: Downstream) -> Terms:
        """Estimates the expectation.

        Args:
            logits: Unnormalised log-probabilities, (*axes, rows, K).
            axis: The axis that belongs to this variable.
            downstream: Takes the value that children see, (*axes, rows, K), and returns the terms.

        Returns:
            The expected terms, without the variable's axis.
        """

    def copies(self, cardinality: int) -> int:
        """Returns how many rows the children see for each row of the batch."""
