"""Families: what kind of random variable, and its own prior."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor
from torch.distributions import Distribution

from unbraid.errors import DataError, ModelError, did_you_mean
from unbraid.scalars import python_scalar
from unbraid.variables.constraint import Constraint
from unbraid.variables.ranges import refuse_label

if TYPE_CHECKING:
    from unbraid.estimators.estimator import Estimator
    from unbraid.graph.symbol import Symbol

Parameters = Mapping[str, Tensor]


@dataclass(frozen=True, slots=True)
class Learnable:
    """A parameter of a distribution that is learned, started at a value.

    Args:
        start: A number, or a tensor of the variable's event shape.
    """

    start: float | Tensor


class Family(ABC):
    """A kind of random variable: the first call of ``ub.Categorical(10)(h)``; the second makes the variable.

    A value handed to children is a tensor (rows, *event_shape); a label is a tensor (rows, *label_shape). They differ
    for discrete families: a child sees a one-hot vector, a label is an index.

    Attributes:
        event_shape: The shape of one row's value.
        label_shape: The shape of one row's label.
        discrete: Whether an estimator takes its expectation; it then has `logits` and `from_weights`.
        cardinality: The number of values of a family whose label is a whole number, None for others.
        constraints: For each parameter of the distribution, the map from the reals to its domain.
        reparameterised: Whether gradients pass through draws.
        support: Where values lie: "real", "positive", "unit" (0 to 1), "sphere" (unit vectors), "discrete".
        prior: The parameters of the family's own prior p: numbers, tensors or `Learnable`.
        estimator: How a discrete variable is estimated where it is not labelled; None for the default.
    """

    constraints: Mapping[str, Constraint]
    discrete: ClassVar[bool] = False
    cardinality: int | None = None
    reparameterised: bool = True
    support: str = "real"
    estimator: str | Estimator | None = None

    def __init__(self, event_shape: tuple[int, ...], **prior: float | Tensor | Learnable) -> None:
        event_shape = tuple(map(python_scalar, event_shape))
        if not event_shape or not all(isinstance(size, int) and size > 0 for size in event_shape):
            raise ModelError(
                f"{type(self).__name__}: sizes must be one or more positive whole numbers, got {event_shape}: "
                "ub.Normal(1) is one number, ub.Normal(50) a vector."
            )
        self.event_shape = event_shape
        self.label_shape = event_shape
        self.prior = {name: self.checked_parameter(name, value) for name, value in prior.items()}

    def __call__(self, *parents: Symbol, **given: Any) -> Symbol:
        """Makes a variable of this family.

        Args:
            *parents: Its parents; a linear layer of all of them gives the parameters of its distribution. Without
                parents the distribution is the family's own prior.
            **given: Parameters given directly, ``logits=``, ``loc=``, ``scale=``: symbols, numbers, tensors or
                `Learnable`.

        Returns:
            The symbol of the variable.

        Raises:
            ModelError: If a parameter does not exist, or a parent is no symbol.
        """
        from unbraid.variables.head import variable

        return variable(self, parents, given)

    def parameter_shape(self, name: str) -> tuple[int, ...]:
        """Returns the event shape of a parameter."""
        self.check_parameter(name)
        return self.event_shape

    def check_parameter(self, name: str) -> None:
        """Raises ModelError if the family has no parameter of this name."""
        if name not in self.constraints:
            raise ModelError(f"{self.title} has no parameter {name!r}.{did_you_mean(name, self.constraints)}")

    def checked_parameter(self, name: str, value: Any) -> Tensor | Learnable:
        """Returns a parameter that was given as a number, a tensor or `Learnable`, of full shape.

        Raises:
            ModelError: If there is no such parameter, or the value has another shape or lies outside its domain.
        """
        self.check_parameter(name)
        given, shape = value.start if isinstance(value, Learnable) else value, self.parameter_shape(name)
        try:
            start = torch.as_tensor(given, dtype=torch.get_default_dtype()).expand(shape).clone()
        except (RuntimeError, TypeError, ValueError):
            found = f"a tensor {tuple(given.shape)}" if isinstance(given, Tensor) else repr(given)
            raise ModelError(f"{self}: {name} is {found}; expected a number or a tensor {shape}.") from None
        if not self.constraints[name].contains(start):
            raise ModelError(f"{self}: {name} is {given!r}, which is outside its domain, {self.constraints[name]}.")
        return Learnable(start) if isinstance(value, Learnable) else start

    @abstractmethod
    def distribution(self, **parameters: Tensor) -> Distribution:
        """Returns the torch distribution of a label, for parameters (*batch, *event)."""

    @abstractmethod
    def draw(self, parameters: Parameters, shape: tuple[int, ...], generator: torch.Generator | None) -> Tensor:
        """Draws values of shape (*shape, *event_shape), differentiably where the family is reparameterised."""

    @abstractmethod
    def most_probable(self, parameters: Parameters) -> Tensor:
        """Returns the most probable value (continuous families: the mean), shape (*batch, *event)."""

    def log_prob(self, parameters: Parameters, value: Tensor) -> Tensor:
        """Scores values (*batch, *event_shape): the log-probability of each row, in nats, shape (*batch)."""
        return self.distribution(**parameters).log_prob(value)

    def kl(self, q: Parameters, p: Parameters) -> Tensor | None:
        """Returns KL(q || p) in closed form, in nats, shape (*batch); None where there is none."""
        left, right = self.distribution(**q), self.distribution(**p)
        try:
            return torch.distributions.kl_divergence(left, right)
        except NotImplementedError:
            return None

    def mean(self, parameters: Parameters) -> Tensor:
        """Returns the expected value as a child sees it, shape (*batch, *event)."""
        return self.most_probable(parameters)

    @property
    def title(self) -> str:
        """The family's name in messages."""
        return type(self).__name__

    @property
    def n_values(self) -> int | None:
        """The number of values of a discrete family, those of all its parts together; None for a continuous one."""
        return self.cardinality

    @property
    def kind(self) -> Hashable:
        """What two families have in common whose parameters mean the same, so that one's `kl` takes the other's."""
        return type(self)

    def logits(self, parameters: Parameters) -> Tensor:
        """Returns unnormalised log-probabilities of a discrete family's values, shape (*batch, *parts, K).

        Where the label is one number there is one part, (*batch, cardinality); independent parts of K values each
        have a dimension or more of their own.
        """
        raise NotImplementedError(f"{self} is not discrete")

    def from_weights(self, weights: Tensor) -> Tensor:
        """Turns one-hot vectors, or probabilities, of a discrete family's values into what children see.

        Args:
            weights: Shape (*batch, *parts, K).

        Returns:
            Shape (*batch, *event_shape), linear in the weights.
        """
        return weights

    def value_of(self, label: Tensor) -> Tensor:
        """Turns labels (rows, *label_shape) into values (rows, *event_shape)."""
        return label

    def label_of(self, value: Tensor) -> Tensor:
        """Turns values (rows, *event_shape) into labels (rows, *label_shape)."""
        return value

    def difference(self, predicted: Tensor, label: Tensor) -> Tensor:
        """Returns how far predicted labels are from labels, each (*batch, *label_shape), component by component."""
        return predicted - label

    def check_labels(self, name: str, labels: Tensor) -> None:
        """Raises DataError if labels cannot be values of this family.

        Args:
            name: The variable, for the message.
            labels: Shape (rows, *label_shape); NaN or -1 where a row is not labelled.
        """
        if self.cardinality is not None:
            rule = f"its labels are 0 to {self.cardinality - 1}, or -1 where a row is not labelled"
            refuse_label(name, self, labels, (labels < -1) | (labels >= self.cardinality), rule)
        else:
            refuse_label(name, self, labels, torch.isinf(labels), "its values are finite")

    def target(self, x: Tensor, generator: torch.Generator | None) -> Tensor:
        """Returns what a likelihood of this family scores for the data x; families of grey pixels may binarise."""
        return x

    def check_data(self, x: Tensor) -> None:
        """Raises DataError if data (rows, *event) cannot have come from this family."""
        if not torch.isfinite(x).all():
            row = int((~torch.isfinite(x)).flatten(1).any(1).nonzero()[0])
            raise DataError(f"x has NaN or infinite values, first in row {row}. Clean or drop these rows.")

    def __str__(self) -> str:
        return f"{self.title}({', '.join(map(str, self.event_shape))})"
