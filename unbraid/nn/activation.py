"""Activations by name."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from unbraid.errors import ModelError, did_you_mean
from unbraid.graph.symbol import Call, Symbol, calling_line

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "leaky_relu": nn.LeakyReLU,
    "relu": nn.ReLU,
    "silu": nn.SiLU,
    "softplus": nn.Softplus,
    "tanh": nn.Tanh,
}


def activation(name: str) -> nn.Module:
    """Makes an activation from its name.

    Raises:
        ModelError: If there is no activation of this name.
    """
    if name not in ACTIVATIONS:
        raise ModelError(f"{calling_line()}: there is no activation {name!r}.{did_you_mean(name, ACTIVATIONS)}")
    return ACTIVATIONS[name]()


def activated(symbol: Symbol, name: str) -> Symbol:
    """Applies an activation to a symbol."""
    return Symbol(Call(activation(name), name, elementwise=True), (symbol,))
