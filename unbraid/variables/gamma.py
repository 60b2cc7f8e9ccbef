"""Gamma variables and likelihoods: positive numbers."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.distributions import Gamma as TorchGamma

from unbraid.variables.constraint import Constraint, Positive
from unbraid.variables.elementwise import Elementwise
from unbraid.variables.family import Learnable


class Gamma(Elementwise):
    """Positive numbers: ``ub.Gamma(3)(h)``.

    Draws are reparameterised implicitly (Figurnov et al. 2018). Parameters from a network are at least 0.01.

    Args:
        *shape: The event shape.
        concentration: The shape a of x^(a - 1) e^(-b x), in its own prior.
        rate: The rate b.
    """

    constraints: Mapping[str, Constraint] = {"concentration": Positive(1e-2), "rate": Positive(1e-2)}
    support = "positive"
    torch_distribution = TorchGamma
    takes = "above 0"
    instead = "Shift or drop these, or choose ub.Normal"

    def __init__(
        self, *shape: int, concentration: float | Tensor | Learnable = 1.0, rate: float | Tensor | Learnable = 1.0
    ) -> None:
        super().__init__(shape, concentration=concentration, rate=rate)

    def inside(self, value: Tensor) -> Tensor:
        """Says of every number whether it is positive and finite."""
        return (value > 0) & torch.isfinite(value)
