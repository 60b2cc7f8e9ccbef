"""Grey pixels with a proper density."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.distributions import ContinuousBernoulli as TorchContinuousBernoulli
from torch.distributions import Distribution, Independent

from unbraid.variables.constraint import Constraint, Real
from unbraid.variables.family import Family, Learnable, Parameters
from unbraid.variables.ranges import check_unit_interval, refuse_label


class ContinuousBernoulli(Family):
    """Grey pixels in [0, 1] with a proper density: ``ub.ContinuousBernoulli(1, 28, 28)(h)``.

    Source: Loaiza-Ganem & Cunningham 2019.

    Args:
        *shape: The event shape.
        logits: The log-odds parameter of its own prior.
    """

    constraints: Mapping[str, Constraint] = {"logits": Real()}
    support = "unit"

    def __init__(self, *shape: int, logits: float | Tensor | Learnable = 0.0) -> None:
        super().__init__(shape, logits=logits)

    def distribution(self, **parameters: Tensor) -> Distribution:
        """Returns the torch distribution for `logits` (*batch, *event)."""
        pixels = TorchContinuousBernoulli(logits=parameters["logits"], validate_args=False)
        return Independent(pixels, len(self.event_shape), validate_args=False)

    def draw(self, parameters: Parameters, shape: tuple[int, ...], generator: torch.Generator | None) -> Tensor:
        """Draws by inverting the distribution function at uniform noise, differentiably."""
        logits = parameters["logits"]
        noise = torch.rand(*shape, *self.event_shape, generator=generator, dtype=logits.dtype, device=logits.device)
        pixels = TorchContinuousBernoulli(logits=logits.expand(noise.shape), validate_args=False)
        drawn: Tensor = pixels.icdf(noise)
        return drawn

    def most_probable(self, parameters: Parameters) -> Tensor:
        """Returns the mean of each pixel."""
        return TorchContinuousBernoulli(logits=parameters["logits"], validate_args=False).mean

    def check_labels(self, name: str, labels: Tensor) -> None:
        """Raises DataError for labels outside [0, 1]."""
        refuse_label(name, self, labels, (labels < 0) | (labels > 1), "its values lie from 0 to 1")

    def check_data(self, x: Tensor) -> None:
        """Raises DataError for values outside [0, 1]."""
        super().check_data(x)
        check_unit_interval(x, str(self))
