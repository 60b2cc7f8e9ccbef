"""Any univariate distribution of torch as a family."""

from __future__ import annotations

import inspect
from collections.abc import Hashable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints

from unbraid.errors import ModelError
from unbraid.variables.constraint import Constraint, Mapped, Positive, Real
from unbraid.variables.elementwise import Elementwise
from unbraid.variables.family import Learnable, Parameters

SUPPORTS: dict[Any, tuple[str, str]] = {
    constraints.real: ("real", "finite numbers"),
    constraints.positive: ("positive", "above 0"),
    constraints.nonnegative: ("positive", "at least 0"),
    constraints.unit_interval: ("unit", "from 0 to 1"),
}
"""For torch's supports, ours and how it is said."""


def from_torch(distribution: type[Distribution], *shape: int, **prior: float | Tensor | Learnable) -> TorchFamily:
    """Makes a family of independent numbers of a univariate distribution of torch.

    Its parameters are kept in the domains that torch states. As a latent of `encode` the distribution must be
    reparameterised (have `rsample`); as a likelihood, or in `prior`, it may be any. Predicted is the mean of each
    number, or its mode where the mean is not finite.

    Args:
        distribution: The class, ``torch.distributions.StudentT``.
        *shape: The event shape.
        **prior: The parameters of its own prior: numbers, tensors or `Learnable`. A parameter for which torch has a
            default may be left out.

    Returns:
        The family, to be called as every other.

    Raises:
        ModelError: If a parameter is missing or does not exist, or the distribution is not of single numbers.

    Example:
        >>> import torch, unbraid as ub
        >>> class Robust(ub.Model):
        ...     def encode(self, x):
        ...         return {"style": ub.from_torch(torch.distributions.Laplace, 2, loc=0.0, scale=1.0)(x)}
        ...
        ...     def decode(self, style):
        ...         return ub.from_torch(torch.distributions.StudentT, 5, df=4.0)(style)
        >>> model = Robust()
        >>> print(model)
        q(style | x)
        p(style) p(x | style)
        >>> list(model.predict(torch.zeros(3, 5))["style"].shape)
        [3, 2]
    """
    return TorchFamily(distribution, shape, **prior)


class TorchFamily(Elementwise):
    """Independent numbers of a distribution of torch; see `from_torch`."""

    def __init__(
        self, distribution: type[Distribution], shape: tuple[int, ...], **prior: float | Tensor | Learnable
    ) -> None:
        self.torch_distribution = distribution
        domains, defaults = _domains(distribution), _defaults(distribution)
        given = {name: prior.get(name, default) for name, default in defaults.items()}
        for name, value in given.items():
            if value is inspect.Parameter.empty:
                raise ModelError(
                    f"from_torch: {self.title} needs {name!r} for its own prior: "
                    f"ub.from_torch({self.title}, 2, {name}=1.0)."
                )
        used = {name: value for name, value in given.items() if value is not None}
        self.constraints = {name: _constraint(domains[name]) for name in used}
        self.reparameterised = bool(distribution.has_rsample)
        self.support, self.takes = _support(distribution)
        super().__init__(shape, **{**prior, **used})
        self._check_complete(given)

    def _check_complete(self, given: Mapping[str, Any]) -> None:
        """Raises ModelError if torch cannot make the distribution of these parameters."""
        own = {name: value.start if isinstance(value, Learnable) else value for name, value in self.prior.items()}
        try:
            self.numbers(own)
        except (TypeError, ValueError) as error:
            raise ModelError(f"from_torch: {self.title} takes {', '.join(given)}; torch says: {error}") from error

    def most_probable(self, parameters: Parameters) -> Tensor:
        """Returns the mean of each number; where there is none, as of a StudentT of one degree of freedom, the mode."""
        numbers = self.numbers(parameters)
        mean = numbers.mean
        try:
            return torch.where(mean.isfinite(), mean, numbers.mode)
        except NotImplementedError:
            return mean

    @property
    def kind(self) -> Hashable:
        """The distribution, and which of its parameters are used."""
        return type(self), self.torch_distribution, tuple(self.constraints)

    @property
    def title(self) -> str:
        """The name of the distribution."""
        return self.torch_distribution.__name__


def _domains(distribution: type[Distribution]) -> dict[str, Any]:
    """Returns torch's constraints of the parameters of a univariate distribution."""
    found: Any = getattr(distribution, "arg_constraints", None)
    if not isinstance(distribution, type) or not issubclass(distribution, Distribution) or not isinstance(found, dict):
        raise ModelError(
            f"from_torch: {distribution!r} is no class of torch.distributions with constraints of its parameters."
        )
    support = distribution.support
    events = [each.event_dim for each in (*found.values(), support) if isinstance(each, constraints.Constraint)]
    if any(events):
        raise ModelError(
            f"from_torch: {distribution.__name__} is not a distribution of single numbers; subclass ub.Family for it."
        )
    return {name: found[name] for name in _defaults(distribution) if name in found}


def _defaults(distribution: type[Distribution]) -> dict[str, Any]:
    """Returns the defaults of the arguments that are parameters, in order; `inspect.Parameter.empty` for none."""
    known: Any = distribution.arg_constraints
    arguments = inspect.signature(distribution.__init__).parameters
    return {name: argument.default for name, argument in arguments.items() if name in known}


def _constraint(domain: Any) -> Constraint:
    """Returns the map from the reals to a domain: ours where there is one, else torch's."""
    if domain is constraints.real:
        return Real()
    if domain in (constraints.positive, constraints.nonnegative):
        return Positive()
    if constraints.is_dependent(domain):
        return Real()
    return Mapped(domain)


def _support(distribution: type[Distribution]) -> tuple[str, str]:
    """Returns where values lie, and how it is said."""
    support: Any = distribution.support
    if not isinstance(support, constraints.Constraint) or constraints.is_dependent(support):
        return "real", "finite numbers"
    text = str(support)
    return SUPPORTS.get(support, (text, f"{text}, in torch's words"))
