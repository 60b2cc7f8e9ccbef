"""What an estimator of a discrete variable is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import torch
from torch import Tensor

from unbraid.graph.spread import Spread
from unbraid.variables.family import Family

if TYPE_CHECKING:
    from unbraid.objectives.terms import Terms

Downstream = Callable[[Spread], "Terms"]
"""Takes the value that the children see, (*axes, rows, *event), and returns the terms of the objective there."""


@dataclass(frozen=True, slots=True)
class Site:
    """The discrete variable whose expectation is estimated, where it is not observed.

    A variable consists of one or several independent parts with K values each: a Categorical is one part, a vector of
    bits has a part of K = 2 values for each bit.

    Attributes:
        name: Of the variable.
        family: Its family.
        logits: Unnormalised log-probabilities of the values of each part, (*axes, rows, *parts, K).
        axis: The axis that belongs to this variable, newer than all axes of the logits.
        settle: Computes what does not depend on the variable, once; to be called before a part is computed twice.
        samples: How many samples of sampled variables the pass takes along their common axis.
        generator: Where noise is drawn from.
        progress: How far the training has come, 0 to 1; 1 outside of training.
        baseline: The running mean of each term, for estimators that subtract one; empty at first, changed in place.
    """

    name: str
    family: Family
    logits: Spread
    axis: int
    settle: Callable[[], None]
    samples: int = 1
    generator: torch.Generator | None = None
    progress: float = 1.0
    baseline: dict[str, Tensor] | None = None

    @property
    def parts(self) -> tuple[int, ...]:
        """The shape of the independent parts, () for one."""
        return self.logits.event_shape[:-1]

    def seen(self, weights: Tensor, axes: tuple[int, ...]) -> Spread:
        """Returns what children see for one-hot vectors, or probabilities, of the values of each part.

        Args:
            weights: Shape (*axes, rows, *parts, K).
            axes: The axes of the weights.
        """
        return Spread(self.family.from_weights(weights), axes)


@runtime_checkable
class Estimator(Protocol):
    """Estimates the expectation, over an unobserved discrete variable, of everything that follows it.

    It decides which values the children see, asks `downstream` for the terms there, and takes their expectation. An
    estimator with options is a frozen dataclass. The built-in ones have names (`unbraid.estimators.choice`); one of
    your own is given as it is, to the variable or to a training, ``estimators={"digit": Best()}``.

    Example:
        >>> from dataclasses import dataclass
        >>> import torch, unbraid as ub
        >>> @dataclass(frozen=True)
        ... class Best:  # the children see the most probable value, and q learns from its KL term alone
        ...     def __call__(self, site, downstream):
        ...         logits = site.logits.tensor  # (*axes, rows, *parts, K)
        ...         best = torch.zeros_like(logits).scatter(-1, logits.argmax(-1, keepdim=True), 1.0)
        ...         return downstream(site.seen(best, site.logits.axes))
        ...
        ...     def copies(self, values):
        ...         return 1
        >>> class Pair(ub.Model):
        ...     def encode(self, x):
        ...         return {"digit": ub.Categorical(3, estimator=Best())(x)}
        ...
        ...     def decode(self, digit):
        ...         return ub.Bernoulli(2)(digit)
        >>> sorted(Pair().objective(torch.zeros(5, 2)).terms)
        ['KL(digit)', 'log p(x)']
    """

    def __call__(self, site: Site, downstream: Downstream) -> Terms:
        """Estimates the expectation.

        Args:
            site: The variable.
            downstream: The computation that follows.

        Returns:
            The expected terms, without the variable's axis.
        """

    def copies(self, values: int) -> int:
        """Returns how many rows the children see for each row of the batch.

        Args:
            values: How many values the variable has, those of all parts together: 2 ** n for n bits.
        """
