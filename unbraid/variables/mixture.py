"""Mixtures: priors and likelihoods with several components."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

import torch
from torch import Tensor
from torch.distributions import Categorical as TorchCategorical
from torch.distributions import Distribution, MixtureSameFamily

from unbraid.errors import ModelError
from unbraid.scalars import python_scalar
from unbraid.variables.constraint import Constraint, NonNegative, Real
from unbraid.variables.family import Family, Learnable, Parameters


class Mixture(Family):
    """A mixture of components of one family: ``ub.Mixture(ub.Normal(2), 10)()`` in `prior` or `decode`.

    Without parents the weights and the parameters of all components are learned, and components start apart. The
    divergence of q from a mixture is estimated at samples of q. A mixture is no latent of `encode`: no gradient passes
    through the choice of a component. There, make the choice a latent of its own: ``ub.Categorical(10)``.

    Args:
        component: The family of the components.
        components: How many.
        logits: The unnormalised log-weights of its own prior, (components,).
        **prior: Parameters of the components of its own prior, (components, *parameter); those not given are learned.
    """

    reparameterised = False

    def __init__(
        self,
        component: Family,
        components: int,
        logits: float | Tensor | Learnable | None = None,
        **prior: float | Tensor | Learnable,
    ) -> None:
        if not isinstance(component, Family) or component.discrete or isinstance(component, Mixture):
            raise ModelError(
                f"Mixture: the component is {component}; it must be a continuous family, ub.Mixture(ub.Normal(2), 10)."
            )
        components = python_scalar(components)
        if not isinstance(components, int) or components < 1:
            raise ModelError(f"Mixture: the number of components must be a positive whole number, got {components!r}.")
        self.component, self.components, self.support = component, components, component.support
        self.constraints: Mapping[str, Constraint] = {"logits": Real(), **component.constraints}
        self.event_shape = component.event_shape
        starts = {name: _apart(component, name, components) for name in component.constraints}
        weights = Learnable(0.0) if logits is None else logits
        super().__init__(component.event_shape, logits=weights, **{**starts, **prior})
        self.label_shape = component.label_shape

    @property
    def kind(self) -> Hashable:
        """The kind of its components, and their number."""
        return type(self), self.component.kind, self.components

    def parameter_shape(self, name: str) -> tuple[int, ...]:
        """Returns (components,) for the log-weights, and (components, *parameter) for a parameter of the components."""
        self.check_parameter(name)
        return (self.components,) if name == "logits" else (self.components, *self.component.parameter_shape(name))

    def distribution(self, **parameters: Tensor) -> Distribution:
        """Returns the torch distribution of a label."""
        parts = self.component.distribution(**_of_components(parameters))
        shape = torch.broadcast_shapes(parameters["logits"].shape, parts.batch_shape)
        choice = TorchCategorical(logits=parameters["logits"].expand(shape), validate_args=False)
        return MixtureSameFamily(choice, parts.expand(torch.Size(shape)), validate_args=False)

    def draw(self, parameters: Parameters, shape: tuple[int, ...], generator: torch.Generator | None) -> Tensor:
        """Draws a component, then a value of it; no gradient passes through a draw."""
        probs = torch.softmax(parameters["logits"].detach(), -1).expand(*shape, self.components)
        index = torch.multinomial(probs.reshape(-1, self.components), 1, generator=generator).reshape(shape)
        chosen = {
            name: _at(value.detach(), index, len(self.component.parameter_shape(name)))
            for name, value in _of_components(parameters).items()
        }
        return self.component.draw(chosen, shape, generator)

    def most_probable(self, parameters: Parameters) -> Tensor:
        """Returns the mean."""
        return self.mean(parameters)

    def mean(self, parameters: Parameters) -> Tensor:
        """Returns the mean of the components' means, shape (*batch, *event)."""
        means = self.component.mean(_of_components(parameters))
        weights = torch.softmax(parameters["logits"], -1)
        return (weights.reshape(*weights.shape, *(1,) * len(self.event_shape)) * means).sum(-1 - len(self.event_shape))

    def log_prob(self, parameters: Parameters, value: Tensor) -> Tensor:
        """Scores values (*batch, *event): log sum_k w_k p_k(value), in nats."""
        each = self.component.log_prob(_of_components(parameters), value.unsqueeze(-1 - len(self.event_shape)))
        return torch.logsumexp(torch.log_softmax(parameters["logits"], -1) + each, -1)

    def kl(self, q: Parameters, p: Parameters) -> None:
        """Returns None: there is no closed form."""

    def value_of(self, label: Tensor) -> Tensor:
        """Turns labels into values, as the component does."""
        return self.component.value_of(label)

    def label_of(self, value: Tensor) -> Tensor:
        """Turns values into labels, as the component does."""
        return self.component.label_of(value)

    def check_labels(self, name: str, labels: Tensor) -> None:
        """Raises DataError for labels that no component can have made."""
        self.component.check_labels(name, labels)

    def check_data(self, x: Tensor) -> None:
        """Raises DataError for data that no component can have made."""
        self.component.check_data(x)

    def __str__(self) -> str:
        return f"Mixture({self.component}, {self.components})"


def _of_components(parameters: Parameters) -> dict[str, Tensor]:
    return {name: value for name, value in parameters.items() if name != "logits"}


def _at(values: Tensor, index: Tensor, event: int) -> Tensor:
    """Takes the chosen component's parameter (*shape, *event) from those of all, (*batch, components, *event)."""
    wide = values.expand(*index.shape, *values.shape[values.dim() - event - 1 :])
    place = index.reshape(*index.shape, *(1,) * (event + 1)).expand(*index.shape, 1, *wide.shape[index.dim() + 1 :])
    return wide.gather(index.dim(), place).squeeze(index.dim())


def _apart(component: Family, name: str, components: int) -> Learnable:
    """Returns starts of a parameter of all components: its own prior's; locations apart, concentrations at least 1."""
    own, constraint = component.prior[name], component.constraints[name]
    start = torch.as_tensor(own.start if isinstance(own, Learnable) else own)
    starts = start.expand(components, *start.shape).clone()
    if name == ("loc" if "loc" in component.constraints else next(iter(component.constraints))):
        noise = torch.randn(starts.shape, generator=torch.Generator().manual_seed(components), dtype=starts.dtype)
        starts = constraint(constraint.inverse(starts) + noise)
    elif isinstance(constraint, NonNegative):
        starts = starts.clamp_min(1.0)
    return Learnable(starts)
