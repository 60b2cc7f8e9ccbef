"""Normal variables and likelihoods."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent
from torch.distributions import Normal as TorchNormal

from unbraid.variables.constraint import Constraint, Positive, Real
from unbraid.variables.family import Family, Learnable, Parameters


class Normal(Family):
    """Independent normal variables: ``ub.Normal(50)(digit, h)``.

    As a likelihood: ``ub.Normal(3, 32, 32)(loc=..., scale=0.1)``.

    Args:
        *shape: The event shape.
        loc: The mean of its own prior: a number, a tensor or `Learnable`.
        scale: The standard deviation of its own prior.
    """

    constraints: Mapping[str, Constraint] = {"loc": Real(), "scale": Positive()}

    def __init__(
        self, *shape: int, loc: float | Tensor | Learnable = 0.0, scale: float | Tensor | Learnable = 1.0
    ) -> None:
        super().__init__(shape, loc=loc, scale=scale)

    def distribution(self, **parameters: Tensor) -> Distribution:
        """Returns the torch distribution with `loc` and `scale` (*batch, *event)."""
        normal = TorchNormal(parameters["loc"], parameters["scale"], validate_args=False)
        return Independent(normal, len(self.event_shape), validate_args=False)

    def draw(self, parameters: Parameters, shape: tuple[int, ...], generator: torch.Generator | None) -> Tensor:
        """Draws loc + scale * noise (Kingma & Welling 2014, Eq. 10)."""
        loc, scale = parameters["loc"], parameters["scale"]
        noise = torch.randn(*shape, *self.event_shape, generator=generator, dtype=loc.dtype, device=loc.device)
        return torch.addcmul(loc, scale, noise)

    def most_probable(self, parameters: Parameters) -> Tensor:
        """Returns the mean."""
        return parameters["loc"]

    def kl(self, q: Parameters, p: Parameters) -> Tensor:
        """Returns KL(q || p) in nats: the sum of log(s_p / s_q) + (s_q^2 + (m_q - m_p)^2) / 2 s_p^2 - 1/2."""
        ratio = q["scale"] / p["scale"]
        shift = (q["loc"] - p["loc"]) / p["scale"]
        squares = torch.addcmul(ratio * ratio, shift, shift)
        divergence = torch.sub(ratio.log(), squares, alpha=0.5).sum(tuple(range(-len(self.event_shape), 0)))
        return -math.prod(self.event_shape) / 2 - divergence
