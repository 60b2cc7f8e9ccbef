"""Constraints: smooth maps from the reals to the domain of a parameter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor
from torch.distributions import transform_to
from torch.distributions.constraints import Constraint as TorchConstraint
from torch.nn import functional


@runtime_checkable
class Constraint(Protocol):
    """A map from the reals to a domain, with its inverse."""

    def __call__(self, raw: Tensor) -> Tensor:
        """Maps a real tensor into the domain."""

    def inverse(self, value: Tensor) -> Tensor:
        """Maps a tensor of the domain to the reals."""

    def contains(self, value: Tensor) -> bool:
        """Says whether every number of a tensor is in the domain."""


@dataclass(frozen=True, slots=True)
class Real:
    """The whole real line: the identity."""

    def __call__(self, raw: Tensor) -> Tensor:
        """Returns the tensor itself."""
        return raw

    def inverse(self, value: Tensor) -> Tensor:
        """Returns the tensor itself."""
        return value

    def contains(self, value: Tensor) -> bool:
        """Says whether no number is NaN; the log-odds of what never happens are -inf."""
        return not bool(torch.isnan(value).any())


@dataclass(frozen=True, slots=True)
class Positive:
    """The positive reals above a floor: ``floor + softplus(raw)``.

    The floor keeps a density finite where a network would let a scale vanish.
    """

    floor: float = 1e-3

    def __call__(self, raw: Tensor) -> Tensor:
        """Maps reals to numbers above the floor."""
        return functional.softplus(raw) + self.floor

    def inverse(self, value: Tensor) -> Tensor:
        """Maps numbers above the floor to the reals; numbers at or below it as if they were just above."""
        above = (value - self.floor).clamp_min(1e-6)
        return above + torch.log(-torch.expm1(-above))

    def contains(self, value: Tensor) -> bool:
        """Says whether every number is positive and finite; a value given by hand may lie below the floor."""
        return bool(((value > 0) & torch.isfinite(value)).all())


@dataclass(frozen=True, slots=True)
class NonNegative:
    """The positive reals and 0: ``(raw + sqrt(raw ** 2 + 4)) / 2``.

    Its slope falls off as 1 / raw ** 2, and not exponentially, so that a concentration near 0 can grow again: at first
    a mean is often worse than none, and a softplus that was pushed down then stayed where it was.

    Source: Barron 2021, "Squareplus: a softplus-like algebraic rectifier", Eq. 1 with b = 4.
    """

    def __call__(self, raw: Tensor) -> Tensor:
        """Maps reals to positive numbers."""
        root = (raw * raw + 4).sqrt()
        below = 2 / (root - raw.clamp_max(0))  # unclamped, 2 / 0 where raw is large, and the slope NaN
        return torch.where(raw > 0, (raw + root) / 2, below)  # the same, exact on either side

    def inverse(self, value: Tensor) -> Tensor:
        """Maps positive numbers to the reals; those below 0.05 as if they were 0.05, so that they can be trained."""
        above = value.clamp_min(0.05)
        return above - 1 / above

    def contains(self, value: Tensor) -> bool:
        """Says whether every number is finite and at least 0."""
        return bool(((value >= 0) & torch.isfinite(value)).all())


@dataclass(frozen=True, slots=True)
class Unit:
    """Vectors of length 1, along the last dimension: ``raw / |raw|``, and the first axis for 0."""

    def __call__(self, raw: Tensor) -> Tensor:
        """Maps vectors (*batch, d) to their directions."""
        length = torch.linalg.vector_norm(raw, dim=-1, keepdim=True)
        first = torch.zeros_like(raw)
        first[..., 0] = 1.0
        has_one = length > torch.finfo(raw.dtype).tiny
        return torch.where(has_one, raw / torch.where(has_one, length, 1.0), first)

    def inverse(self, value: Tensor) -> Tensor:
        """Returns the unit vector, which is its own direction."""
        return value

    def contains(self, value: Tensor) -> bool:
        """Says whether every vector has length 1."""
        return bool(((torch.linalg.vector_norm(value, dim=-1) - 1).abs() < 1e-3).all())


@dataclass(frozen=True, slots=True)
class Mapped:
    """The domain of a constraint of torch, by the map that torch has for it.

    Args:
        domain: One of `torch.distributions.constraints`.
    """

    domain: TorchConstraint

    def __call__(self, raw: Tensor) -> Tensor:
        """Maps reals into the domain."""
        mapped: Tensor = transform_to(self.domain)(raw)
        return mapped

    def inverse(self, value: Tensor) -> Tensor:
        """Maps numbers of the domain to the reals."""
        raw: Tensor = transform_to(self.domain).inv(value)
        return raw

    def contains(self, value: Tensor) -> bool:
        """Says whether every number is in the domain."""
        return bool(self.domain.check(value).all())
