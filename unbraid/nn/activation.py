"""Activations by name."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from unbraid.errors import ModelError, did_you_mean
from unbraid.graph.symbol import Call, Symbol, calling_line

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "elu": functional.elu,
    "gelu": functional.gelu,
    "leaky_relu": functional.leaky_relu,
    "relu": torch.relu,
    "silu": functional.silu,
    "softplus": functional.softplus,
    "tanh": torch.tanh,
}


def activation(name: str) -> Callable[[Tensor], Tensor]:
    """Returns an activation by its name.

    Raises:
        ModelError: If there is no activation of this name.
    """
    if name not in ACTIVATIONS:
        raise ModelError(f"{calling_line()}: there is no activation {name!r}.{did_you_mean(name, ACTIVATIONS)}")
    return ACTIVATIONS[name]


def activated(symbol: Symbol, name: str) -> Symbol:
    """Applies an activation to a symbol."""
    return Symbol(Call(activation(name), name, elementwise=True), (symbol,))
