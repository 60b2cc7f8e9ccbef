"""Dropout as a part of a program."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from unbraid.errors import ModelError
from unbraid.graph.symbol import Layer, Symbol, calling_line


def dropout(share: float) -> Callable[[Symbol], Symbol]:
    """Describes dropout (Srivastava et al. 2014): training sets a share of the units to 0 at random.

    Args:
        share: Of the units, 0 to 1; with 0 nothing is added to the program.

    Returns:
        What adds it to the program: ``ub.dropout(0.3)(h)``.

    Raises:
        ModelError: If the share is no number from 0 to below 1.
    """
    if not 0 <= share < 1:
        raise ModelError(f"{calling_line()}: dropout must be at least 0 and below 1, got {share!r}.")

    def add(parent: Symbol) -> Symbol:
        return Symbol(Layer(nn.Dropout(share), "dropout"), (parent,)) if share else parent

    return add
