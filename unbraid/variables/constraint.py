"""Constraints: smooth maps from the reals to the domain of a parameter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor
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
