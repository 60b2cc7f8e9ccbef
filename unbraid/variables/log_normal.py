"""Log-normal variables and likelihoods: positive numbers."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.distributions import LogNormal as TorchLogNormal

from unbraid.variables.constraint import Constraint, Positive, Real
from unbraid.variables.elementwise import Elementwise
from unbraid.variables.family import Learnable, Parameters
from unbraid.variables.normal import Normal


class LogNormal(Elementwise):
    """Positive numbers whose logarithms are normal: ``ub.LogNormal(3)(h)``.

    Args:
        *shape: The event shape.
        loc: The mean of the logarithm, in its own prior.
        scale: The standard deviation of the logarithm, in its own prior.
    """

    constraints: Mapping[str, Constraint] = {"loc": Real(), "scale": Positive()}
    support = "positive"
    torch_distribution = TorchLogNormal
    takes = "above 0"
    instead = "Shift or drop these, or choose ub.Normal"

    def __init__(
        self, *shape: int, loc: float | Tensor | Learnable = 0.0, scale: float | Tensor | Learnable = 1.0
    ) -> None:
        super().__init__(shape, loc=loc, scale=scale)
        self.logarithm = Normal(*shape)

    def draw(self, parameters: Parameters, shape: tuple[int, ...], generator: torch.Generator | None) -> Tensor:
        """Draws exp(loc + scale * noise)."""
        return self.logarithm.draw(parameters, shape, generator).exp()

    def kl(self, q: Parameters, p: Parameters) -> Tensor:
        """Returns KL(q || p) in nats, which is that of the logarithms."""
        return self.logarithm.kl(q, p)
