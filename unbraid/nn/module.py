"""Any torch module as a part of a program."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from unbraid.errors import ModelError
from unbraid.graph.symbol import Layer, Symbol, calling_line


def module(layer: nn.Module) -> Callable[..., Symbol]:
    """Makes any torch module a part of a program: ``ub.module(nn.GRUCell(8, 8))(h, state)``.

    Args:
        layer: Takes tensors (rows, *event) and returns one tensor (rows, *event), each row of its own alone, except in
            training (batch normalisation may see the others then). Lazy modules size themselves.

    Returns:
        What adds the module to the program when it is called with symbols; called again it shares its weights.

    Raises:
        ModelError: If it is no torch module; and, when the model is made, if it mixes rows or draws noise outside of
            training.
    """
    if not isinstance(layer, nn.Module):
        raise ModelError(f"{calling_line()}: ub.module takes a torch.nn.Module, got {type(layer).__name__}.")

    def add(*parents: Symbol) -> Symbol:
        return Symbol(Layer(layer, type(layer).__name__.lower(), foreign=True), parents)

    return add
