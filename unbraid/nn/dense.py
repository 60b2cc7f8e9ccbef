"""A linear layer of several parents."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor, nn
from torch.nn import functional

from unbraid.errors import ModelError
from unbraid.graph.spread import covers
from unbraid.graph.symbol import Layer, Symbol, calling_line, check_parents
from unbraid.scalars import python_scalar

Group = tuple[torch.Size, bool, list[int]]
"""Parents that share a product: the shape of their batch, whether they are kept apart, and their numbers."""


class Linear(nn.Linear):
    """The linear layer of the concatenated parents: W [v_1, ..., v_n] + b, with W = [W_1, ..., W_n].

    Parents that vary alike are concatenated. Where one varies along an enumerated axis and another does not, the layer
    is the sum of W_i v_i over its parents, so that each product is computed once. So it is where most of the input is
    data, which needs no gradient, and another parent needs one: the backward pass then leaves the data's out.
    """

    def forward(self, *parents: Tensor) -> Tensor:
        """Maps parents (*batch_i, size_i), whose batches broadcast, to (*batch, size)."""
        if len(parents) == 1:
            return functional.linear(parents[0], self.weight, self.bias)
        groups = self._groups(parents)
        if len(groups) == 1:
            return functional.linear(torch.cat(parents, -1), self.weight, self.bias)
        return self._sum_of_products(parents, groups)

    def _groups(self, parents: tuple[Tensor, ...]) -> list[Group]:
        """Puts the parents together whose product is computed in one, by their batch and whether they are data."""
        known = [not parent.requires_grad for parent in parents]
        of_data = sum(parent.shape[-1] for parent, data in zip(parents, known, strict=True) if data)
        apart = 2 * of_data > self.in_features and not all(known)
        groups: list[Group] = []
        for i, parent in enumerate(parents):  # sizes are compared, not hashed: those of an exported program cannot be
            batch, kept_apart = parent.shape[:-1], apart and known[i]
            for other, other_apart, members in groups:
                if batch == other and kept_apart == other_apart:
                    members.append(i)
                    break
            else:
                groups.append((batch, kept_apart, [i]))
        return groups

    def _sum_of_products(self, parents: tuple[Tensor, ...], groups: list[Group]) -> Tensor:
        """Adds up the products, those of the fewest rows first."""
        weights = self.weight.split([parent.shape[-1] for parent in parents], 1)
        (_, _, first), *others = sorted(groups, key=_rows_of)
        total = functional.linear(_joined(parents, first), _joined(weights, first), self.bias)
        for _, _, members in others:
            product = functional.linear(_joined(parents, members), _joined(weights, members))
            total = product.add_(total) if covers(product.shape, total.shape) else product + total
        return total


def _rows_of(group: Group) -> tuple[int, int, bool]:
    """Orders groups by their rows: by the axes that they vary along, and then by the number of rows."""
    batch, apart, _ = group
    return sum(1 for size in batch if size != 1), prod(batch), apart


def _joined(tensors: Sequence[Tensor], members: list[int]) -> Tensor:
    """Concatenates some of the tensors along their last dimension."""
    return tensors[members[0]] if len(members) == 1 else torch.cat([tensors[i] for i in members], -1)


class LazyLinear(nn.LazyLinear, Linear):
    """A linear layer that takes its input size from the first parents it sees, and is then a `Linear`."""

    cls_to_become = Linear

    def initialize_parameters(self, *parents: Tensor) -> None:
        """Takes the input size from parents (rows, size_i)."""
        super().initialize_parameters(parents[0].new_empty(1, sum(parent.shape[-1] for parent in parents)))


class Dense:
    """Describes a linear layer; called with its parents it becomes part of the program.

    Args:
        size: The number of outputs.
    """

    def __init__(self, size: int) -> None:
        size = python_scalar(size)
        if not isinstance(size, int) or size < 1:
            raise ModelError(f"{calling_line()}: a layer's size must be a positive whole number, got {size!r}.")
        self.layer = LazyLinear(size)
        self.parents = 0

    def __call__(self, *parents: Symbol) -> Symbol:
        """Adds the layer to the program; called again it shares its weights."""
        if not parents:
            raise ModelError(f"{calling_line()}: a layer needs at least one parent.")
        check_parents(parents, "a layer")
        if self.parents and len(parents) != self.parents:
            raise ModelError(
                f"{calling_line()}: this layer was made for {self.parents} parents and is called with {len(parents)}."
            )
        self.parents = len(parents)
        return Symbol(Layer(self.layer, "dense", vectors=True), parents)


def dense(size: int) -> Dense:
    """Describes a linear layer of one or several parents that takes its input sizes from what it is given.

    Args:
        size: The number of outputs.

    Returns:
        What makes the layer when it is called with its parents.
    """
    return Dense(size)
