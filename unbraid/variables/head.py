"""Heads: the parameters of a variable's distribution, from its parents."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from unbraid.errors import ModelError
from unbraid.graph.symbol import Call, Draw, Layer, Several, Symbol, calling_line, not_a_symbol
from unbraid.nn.dense import dense
from unbraid.variables.constraint import Constraint
from unbraid.variables.family import Learnable

if TYPE_CHECKING:
    from unbraid.variables.family import Family


class Fixed(nn.Module):
    """A value on which all rows agree: shape (1, *event)."""

    constant = True
    value: Tensor

    def __init__(self, value: Tensor) -> None:
        super().__init__()
        self.register_buffer("value", value[None].clone(), persistent=False)

    def forward(self) -> Tensor:
        """Returns the value, shape (1, *event)."""
        return self.value


class Learned(nn.Module):
    """A learned value on which all rows agree, kept in its domain by a constraint: shape (1, *event)."""

    def __init__(self, start: Tensor, constraint: Constraint) -> None:
        super().__init__()
        self.constraint = constraint
        self.raw = nn.Parameter(constraint.inverse(start[None].clone()))

    def forward(self) -> Tensor:
        """Returns the value, shape (1, *event)."""
        return self.constraint(self.raw)


class Head:
    """Cuts the output of a linear layer (rows, total) into the parameters of a distribution, each in its domain.

    Args:
        family: Of the variable.
        name: Of the parameter.
        start: Where it begins in the output.
    """

    def __init__(self, family: Family, name: str, start: int) -> None:
        self.shape = family.parameter_shape(name)
        self.start, self.size = start, math.prod(self.shape)
        self.constraint = family.constraints[name]

    def __call__(self, flat: Tensor) -> Tensor:
        """Returns one parameter, shape (rows, *event)."""
        part = flat if flat.shape[1] == self.size else flat.narrow(1, self.start, self.size)
        return self.constraint(part if len(self.shape) == 1 else part.reshape(-1, *self.shape))


def variable(family: Family, parents: tuple[Any, ...], given: Mapping[str, Any]) -> Symbol:
    """Makes the symbol of a variable: its parameters from `given`, the rest from the parents or its own prior."""
    for value in (*parents, *given.values()):
        if isinstance(value, Several):
            value.refuse()
    for parent in parents:
        if not isinstance(parent, Symbol):
            names = ", ".join(f"{name}=" for name in family.constraints)
            raise not_a_symbol(parent, str(family), f"; parameters of the distribution go by name ({names})")
    for name in given:
        family.check_parameter(name)
    missing = [name for name in family.constraints if name not in given]
    if parents and not missing:
        raise ModelError(
            f"{calling_line()}: {family} has parents, and all of its parameters are given; they change nothing."
        )
    parameters = {name: _constant(family, name, value) for name, value in given.items()}
    if not parents:
        parameters |= {name: own_prior(family, name) for name in missing}
    elif missing:
        flat = dense(sum(math.prod(family.parameter_shape(name)) for name in missing))(*parents)
        start = 0
        for name in missing:
            parameters[name] = Symbol(Call(Head(family, name, start), f"{name}"), (flat,))
            start += math.prod(family.parameter_shape(name))
    return Symbol(Draw(family), (), {name: parameters[name] for name in family.constraints})


def own_prior(family: Family, name: str) -> Symbol:
    """Returns the symbol of a parameter of the family's own prior."""
    return _constant(family, name, family.prior[name])


def _constant(family: Family, name: str, value: Any) -> Symbol:
    if isinstance(value, Symbol):
        return value
    checked = family.checked_parameter(name, value)
    if isinstance(checked, Learnable):
        return Symbol(Layer(Learned(torch.as_tensor(checked.start), family.constraints[name]), name))
    return Symbol(Layer(Fixed(checked), name, constant=True))
