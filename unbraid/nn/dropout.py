"""Dropout as a part of a program."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn
from torch.overrides import handle_torch_function, has_torch_function_unary

from unbraid.errors import ModelError
from unbraid.graph.symbol import Layer, Symbol, calling_line
from unbraid.random_levels import LEVELS, random_levels


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
        return Symbol(Layer(Dropout(share), "dropout"), (parent,)) if share else parent

    return add


class Dropout(nn.Dropout):
    """Torch's dropout with a faster draw: its own spends more time on random numbers than a product takes."""

    def forward(self, input: Tensor) -> Tensor:
        """Drops units of any shape while training."""
        return dropped(input, self.p) if self.training and self.p else input


def dropped(units: Tensor, share: float) -> Tensor:
    """Sets a share of the units to 0 at random, and divides the others by what is left of 1.

    What is drawn comes from torch's global generator, as with torch's own.

    Args:
        units: Any shape.
        share: From 0 to below 1, taken as a multiple of 1/65,536.
    """
    if has_torch_function_unary(units):
        found: Tensor = handle_torch_function(dropped, (units,), units, share)
        return found
    kept = random_levels(units.shape, units.dtype, units.device).ge_(share * LEVELS).mul_(1 / (1 - share))
    return units * kept.to(units.dtype)
