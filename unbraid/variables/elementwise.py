"""Families of independent numbers, each with one of torch's univariate distributions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, constraints

from unbraid.variables.family import Family, Learnable, Parameters
from unbraid.variables.ranges import refuse_data, refuse_label
from unbraid.variables.seeded import seeded


class Elementwise(Family):
    """Independent numbers, each with one of torch's univariate distributions; a subclass says which.

    Attributes:
        torch_distribution: The distribution of one number; its parameters have the names of `constraints`.
        takes: What its values are, for messages.
    """

    torch_distribution: type[Distribution]
    takes: str
    instead: ClassVar[str] = "Rescale x, or choose another likelihood"

    def __init__(self, shape: tuple[int, ...], **prior: float | Tensor | Learnable) -> None:
        super().__init__(shape, **prior)

    def numbers(self, parameters: Mapping[str, Any]) -> Distribution:
        """Returns the torch distribution of every number by itself."""
        return self.torch_distribution(**parameters, validate_args=False)

    def distribution(self, **parameters: Tensor) -> Distribution:
        """Returns the torch distribution of an event, for parameters (*batch, *event)."""
        return Independent(self.numbers(parameters), len(self.event_shape), validate_args=False)

    def draw(self, parameters: Parameters, shape: tuple[int, ...], generator: torch.Generator | None) -> Tensor:
        """Draws values, differentiably where torch's distribution is reparameterised."""
        given = {name: value.expand(*shape, *self.event_shape) for name, value in parameters.items()}
        with seeded(generator, next(iter(given.values())).device):
            numbers = self.numbers(given)
            drawn: Tensor = numbers.rsample() if self.reparameterised else numbers.sample()
        return drawn

    def most_probable(self, parameters: Parameters) -> Tensor:
        """Returns the mean of each number."""
        return self.numbers(parameters).mean

    def inside(self, value: Tensor) -> Tensor:
        """Says of every number whether it is one that the distribution can have made."""
        support: Any = self.torch_distribution.support
        if not isinstance(support, constraints.Constraint) or constraints.is_dependent(support):
            return torch.isfinite(value)
        inside: Tensor = support.check(value) & torch.isfinite(value)
        return inside

    def check_labels(self, name: str, labels: Tensor) -> None:
        """Raises DataError for labels that the distribution cannot have made."""
        refuse_label(name, self, labels, ~self.inside(labels) & ~torch.isnan(labels), f"its values are {self.takes}")

    def check_data(self, x: Tensor) -> None:
        """Raises DataError for data that the distribution cannot have made."""
        super().check_data(x)
        refuse_data(self, x, ~self.inside(x), f"{self.takes}. {self.instead}")
