"""The power spherical distribution of directions."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.distributions import Dirichlet, Distribution, constraints
from torch.nn import functional


class PowerSpherical(Distribution):
    """Unit vectors x in d >= 2 dimensions around a mean direction: p(x) = C (1 + loc . x)^concentration.

    With a = (d - 1) / 2 + concentration and b = (d - 1) / 2, C = Gamma(a + b) / (2^(a + b) pi^b Gamma(a)), a density
    with respect to the surface of the sphere. With concentration 0 it is uniform; there is no Bessel function in it.

    References:
        De Cao & Aziz, "The Power Spherical distribution" (2020), Eqs. 10, 12 to 14 and Algorithm 1.

    Note:
        The paper reflects draws around the first axis onto `loc`. Here the part across `loc` is a normal vector without
        its part along `loc`, normalised: the same distribution, differentiable at every `loc`.

    Args:
        loc: Unit vectors, shape (*batch, d).
        concentration: At least 0, shape (*batch).
    """

    arg_constraints: ClassVar[dict[str, constraints.Constraint]] = {
        "loc": constraints.independent(constraints.real, 1),
        "concentration": constraints.nonnegative,
    }
    support = constraints.independent(constraints.real, 1)
    has_rsample = True

    def __init__(self, loc: Tensor, concentration: Tensor) -> None:
        shape = torch.broadcast_shapes(loc.shape[:-1], concentration.shape)
        self.loc = loc.expand(*shape, loc.shape[-1])
        self.concentration = concentration.expand(shape)
        super().__init__(torch.Size(shape), loc.shape[-1:], validate_args=False)

    def expand(self, batch_shape: Any, _instance: Any = None) -> PowerSpherical:
        """Returns the distribution with its parameters repeated to a batch shape."""
        return type(self)(self.loc.expand(*batch_shape, -1), self.concentration.expand(batch_shape))

    @property
    def _shapes(self) -> tuple[Tensor, float]:
        """The two parameters a and b of the Beta distribution of (1 + loc . x) / 2."""
        across = (self.loc.shape[-1] - 1) / 2
        return self.concentration + across, across

    @property
    def mode(self) -> Tensor:
        """The mean direction; of the uniform distribution any direction is as probable."""
        return self.loc

    @property
    def mean(self) -> Tensor:
        """The mean vector, inside the sphere: loc (a - b) / (a + b)."""
        a, b = self._shapes
        return self.loc * (self.concentration / (a + b))[..., None]

    def log_normaliser(self) -> Tensor:
        """Returns -log C, in nats."""
        a, b = self._shapes
        return (a + b) * math.log(2) + b * math.log(math.pi) + torch.lgamma(a) - torch.lgamma(a + b)

    def log_prob(self, value: Tensor) -> Tensor:
        """Returns the log-density of unit vectors (*batch, d), in nats; minus infinity is kept off by rounding."""
        along = (self.loc * value).sum(-1).clamp(-1 + torch.finfo(value.dtype).eps, 1)
        return self.concentration * torch.log1p(along) - self.log_normaliser()

    def entropy(self) -> Tensor:
        """Returns the entropy, in nats: log(1/C) - concentration (log 2 + digamma(a) - digamma(a + b))."""
        a, b = self._shapes
        return self.log_normaliser() - self.concentration * (math.log(2) + torch.digamma(a) - torch.digamma(a + b))

    def kl_from_uniform(self) -> Tensor:
        """Returns KL(this || uniform): the log-surface of the sphere minus the entropy, in nats."""
        half = self.loc.shape[-1] / 2
        return math.log(2) + half * math.log(math.pi) - math.lgamma(half) - self.entropy()

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        """Draws unit vectors (*sample_shape, *batch, d), differentiably, from torch's global generator."""
        shape = self._extended_shape(torch.Size(sample_shape))
        a, b = self._shapes
        loc = self.loc.expand(shape)
        both = Dirichlet(torch.stack([a, torch.full_like(a, b)], -1).expand(*shape[:-1], 2), validate_args=False)
        near, far = both.rsample().clamp_min(torch.finfo(a.dtype).tiny).unbind(-1)
        noise = torch.randn(shape, dtype=loc.dtype, device=loc.device)
        across = functional.normalize(noise - (noise * loc).sum(-1, keepdim=True) * loc, dim=-1)
        return functional.normalize((near - far)[..., None] * loc + 2 * (near * far).sqrt()[..., None] * across, dim=-1)
