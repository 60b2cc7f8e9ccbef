"""Beta variables and likelihoods: numbers between 0 and 1."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.distributions import Beta as TorchBeta

from unbraid.variables.constraint import Constraint, Positive
from unbraid.variables.elementwise import Elementwise
from unbraid.variables.family import Learnable, Parameters


class Beta(Elementwise):
    """Numbers between 0 and 1, both excluded: ``ub.Beta(3)(h)``. Its own prior is uniform.

    Draws are reparameterised implicitly (Figurnov et al. 2018). Concentrations from a network are at least 0.01.

    Args:
        *shape: The event shape.
        concentration1: The a of x^(a - 1) (1 - x)^(b - 1), in its own prior.
        concentration0: The b.
    """

    constraints: Mapping[str, Constraint] = {"concentration1": Positive(1e-2), "concentration0": Positive(1e-2)}
    support = "unit"
    torch_distribution = TorchBeta
    takes = "between 0 and 1, both excluded"
    instead = "Rescale x, or choose ub.ContinuousBernoulli, which takes 0 and 1 too"

    def __init__(
        self,
        *shape: int,
        concentration1: float | Tensor | Learnable = 1.0,
        concentration0: float | Tensor | Learnable = 1.0,
    ) -> None:
        super().__init__(shape, concentration1=concentration1, concentration0=concentration0)

    def draw(self, parameters: Parameters, shape: tuple[int, ...], generator: torch.Generator | None) -> Tensor:
        """Draws values; what rounds to 0 or 1 is moved to the next number inside."""
        drawn = super().draw(parameters, shape, generator)
        limits = torch.finfo(drawn.dtype)
        return drawn.clamp(limits.tiny, 1 - limits.eps)

    def inside(self, value: Tensor) -> Tensor:
        """Says of every number whether it lies strictly between 0 and 1, where the density is finite."""
        return (value > 0) & (value < 1)
