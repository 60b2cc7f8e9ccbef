"""Angles: one number on the circle."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints

from unbraid.variables.direction import Direction
from unbraid.variables.family import Family, Learnable
from unbraid.variables.power_spherical import PowerSpherical


class Angle(Direction):
    """An angle: ``ub.Angle()(h)``. Its own prior is uniform on the circle.

    Labels and predictions are angles in radians (rows,), any number of turns; predictions lie from -pi to pi. Children
    see (cos, sin). The distribution is the power spherical one on the circle, much like von Mises' and reparameterised.

    Args:
        loc: The mean direction of its own prior, (cos, sin).
        concentration: Of its own prior, at least 0; 0 is uniform.
    """

    def __init__(self, loc: Tensor | Learnable | None = None, concentration: float | Tensor | Learnable = 0.0) -> None:
        super().__init__(2, loc, concentration)
        self.label_shape = ()

    def distribution(self, **parameters: Tensor) -> Distribution:
        """Returns the distribution of the angle for `loc` (*batch, 2) and `concentration` (*batch)."""
        return AngleDistribution(PowerSpherical(**parameters))

    def value_of(self, label: Tensor) -> Tensor:
        """Turns angles (rows,) into (cos, sin), shape (rows, 2)."""
        return torch.stack([label.cos(), label.sin()], -1)

    def label_of(self, value: Tensor) -> Tensor:
        """Turns (cos, sin) into angles from -pi to pi."""
        return torch.atan2(value[..., 1], value[..., 0])

    def difference(self, predicted: Tensor, label: Tensor) -> Tensor:
        """Returns the shorter way round from labels to predicted angles, from -pi to pi."""
        way = predicted - label
        return way - math.tau * (way / math.tau).round()

    def check_labels(self, name: str, labels: Tensor) -> None:
        """Accepts any angle."""
        Family.check_labels(self, name, labels)

    def __str__(self) -> str:
        return "Angle()"


class AngleDistribution(Distribution):
    """The angle of a direction on the circle; its density is the direction's, as an angle is a length of arc.

    Args:
        direction: In two dimensions.
    """

    arg_constraints: ClassVar[dict[str, constraints.Constraint]] = {}
    support = constraints.real
    has_rsample = True

    def __init__(self, direction: PowerSpherical) -> None:
        self.direction = direction
        super().__init__(direction.batch_shape, torch.Size(), validate_args=False)

    def expand(self, batch_shape: Any, _instance: Any = None) -> AngleDistribution:
        """Returns the distribution with its parameters repeated to a batch shape."""
        return type(self)(self.direction.expand(batch_shape))

    @property
    def mode(self) -> Tensor:
        """The mean direction as an angle, in radians."""
        return torch.atan2(self.direction.loc[..., 1], self.direction.loc[..., 0])

    @property
    def mean(self) -> Tensor:
        """The mean direction as an angle, in radians (not the mean of angles as numbers)."""
        return self.mode

    def log_prob(self, value: Tensor) -> Tensor:
        """Returns the log-density of angles, in nats per radian."""
        return self.direction.log_prob(torch.stack([value.cos(), value.sin()], -1))

    def entropy(self) -> Tensor:
        """Returns the entropy, in nats."""
        return self.direction.entropy()

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        """Draws angles from -pi to pi, differentiably, from torch's global generator."""
        drawn = self.direction.rsample(sample_shape)
        return torch.atan2(drawn[..., 1], drawn[..., 0])
