"""Categorical variables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor
from torch.distributions import Categorical as TorchCategorical
from torch.nn import functional

from unbraid.errors import ModelError
from unbraid.scalars import python_scalar
from unbraid.variables.constraint import Constraint, Real
from unbraid.variables.family import Family, Learnable, Parameters

if TYPE_CHECKING:
    from unbraid.estimators.estimator import Estimator


class Categorical(Family):
    """A variable with K values: ``ub.Categorical(10)(h)``. Its children see a one-hot vector.

    Args:
        values: The number of values K.
        probs: The probabilities of its own prior, K numbers (uniform by default).
        logits: The same as unnormalised log-probabilities; a tensor, or `Learnable` for a learned prior.
        estimator: How it is estimated where it is not labelled, "enumerate", "plug_in" or an estimator with options;
            by default enumeration while it is affordable, else "sum_and_sample", and "reinforce(samples=1)" where the
            budget is used up. A setting of the training takes precedence.
    """

    constraints: Mapping[str, Constraint] = {"logits": Real()}
    discrete: ClassVar[bool] = True
    reparameterised = False
    support = "discrete"

    def __init__(
        self,
        values: int,
        probs: Sequence[float] | Tensor | None = None,
        logits: float | Tensor | Learnable = 0.0,
        estimator: str | Estimator | None = None,
    ) -> None:
        values = python_scalar(values)
        if not isinstance(values, int) or values < 1:
            raise ModelError(f"Categorical: the number of values must be a positive whole number, got {values!r}.")
        if probs is not None:
            logits = self._logits_of(values, torch.as_tensor(probs, dtype=torch.get_default_dtype()))
        super().__init__((values,), logits=logits)
        self.label_shape = ()
        self.cardinality = values
        self.estimator = estimator

    @staticmethod
    def _logits_of(values: int, probs: Tensor) -> Tensor:
        if probs.shape != (values,) or bool((probs < 0).any()) or not float(probs.sum()) > 0:
            raise ModelError(f"Categorical({values}): probs must be {values} numbers >= 0, got {probs.tolist()}.")
        return torch.log(probs / probs.sum())

    def distribution(self, **parameters: Tensor) -> TorchCategorical:
        """Returns the torch distribution of the index, for `logits` (*batch, K)."""
        return TorchCategorical(logits=parameters["logits"], validate_args=False)

    def draw(self, parameters: Parameters, shape: tuple[int, ...], generator: torch.Generator | None) -> Tensor:
        """Draws one-hot vectors (*shape, K); no gradient passes through a draw."""
        logits = parameters["logits"].detach().expand(*shape, *self.event_shape)
        probs = torch.softmax(logits, -1).reshape(-1, self.event_shape[0])
        index = torch.multinomial(probs, 1, generator=generator).reshape(shape)
        return self.value_of(index).to(logits.dtype)

    def most_probable(self, parameters: Parameters) -> Tensor:
        """Returns the one-hot vector of the most probable value."""
        logits = parameters["logits"]
        return self.value_of(logits.argmax(-1)).to(logits.dtype)

    def mean(self, parameters: Parameters) -> Tensor:
        """Returns the vector of probabilities, which is the mean of the one-hot vector."""
        return torch.softmax(parameters["logits"], -1)

    def logits(self, parameters: Parameters) -> Tensor:
        """Returns the logits (*batch, K)."""
        return parameters["logits"]

    def log_prob(self, parameters: Parameters, value: Tensor) -> Tensor:
        """Scores one-hot vectors; for a vector of probabilities it is the expected log-probability."""
        log_probs = torch.log_softmax(parameters["logits"], -1)
        return weighted(value, log_probs).sum(-1)

    def kl(self, q: Parameters, p: Parameters) -> Tensor:
        """Returns KL(q || p) in nats; a value of probability 0 under q counts nothing."""
        log_q, log_p = torch.log_softmax(q["logits"], -1), torch.log_softmax(p["logits"], -1)
        return weighted(log_q.exp(), log_q - log_p).sum(-1)

    def value_of(self, label: Tensor) -> Tensor:
        """Turns indices (rows,) into one-hot vectors (rows, K)."""
        return functional.one_hot(label.long(), self.event_shape[0]).to(torch.get_default_dtype())

    def label_of(self, value: Tensor) -> Tensor:
        """Turns one-hot vectors (rows, K) into indices (rows,)."""
        return value.argmax(-1)

    def __str__(self) -> str:
        return f"Categorical({self.event_shape[0]})"


def weighted(weights: Tensor, values: Tensor) -> Tensor:
    """Multiplies, with 0 * -inf = 0, in values and gradients."""
    return weights * values.masked_fill(weights <= 0, 0.0)
