"""What an estimator of a discrete variable is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import torch

from unbraid.graph.spread import Spread

if TYPE_CHECKING:
    from unbraid.objectives.terms import Terms

Downstream = Callable[[Spread], "Terms"]
"""Takes the value that the children see, (*axes, rows, K), and returns the terms of the objective there."""


@dataclass(frozen=True, slots=True)
class Site:
    """The discrete variable whose expectation is estimated, where it is not observed.

    Attributes:
        name: Of the variable.
        logits: Unnormalised log-probabilities, (*axes, rows, K).
        axis: The axis that belongs to this variable, newer than all axes of the logits.
        settle: Computes what does not depend on the variable, once; to be called before a part is computed twice.
        samples: How many samples of sampled variables the pass takes along their common axis.
        generator: Where noise is drawn from.
        progress: How far the training has come, 0 to 1; 1 outside of training.
        baseline: The running mean of each term, for estimators that subtract one; empty at first, changed in place.
    """

    name: str
    logits: Spread
    axis: int
    settle: Callable[[], None]
    samples: int = 1
    generator: torch.Generator | None = None
    progress: float = 1.0
    baseline: dict[str, torch.Tensor] | None = None


@runtime_checkable
class Estimator(Protocol):
    """Estimates the expectation, over an unobserved discrete variable, of everything that follows it.

    It decides which values the children see, asks `downstream` for the terms there, and takes their expectation. An
    estimator with options is a frozen dataclass; it is listed in `unbraid.estimators.choice` to have a name.
    """

    def __call__(self, site: Site, downstream: Downstream) -> Terms:
        """Estimates the expectation.

        Args:
            site: The variable.
            downstream: The computation that follows.

        Returns:
            The expected terms, without the variable's axis.
        """

    def copies(self, cardinality: int) -> int:
        """Returns how many rows the children see for each row of the batch."""
