"""A linear layer of several parents."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.lazy import LazyModuleMixin
from torch.nn.parameter import UninitializedParameter

from unbraid.errors import ModelError
from unbraid.graph.symbol import Layer, Symbol, calling_line


class Product(nn.Linear):
    """What one parent contributes to a linear layer: W_i v_i. Events of any shape are flattened.

    Attributes:
        layer: What the products of one linear layer share: a token, and a number once they are initialised.
    """

    layer: object

    def forward(self, rows: Tensor) -> Tensor:
        """Maps (rows, *event) to (rows, size)."""
        return functional.linear(rows.flatten(1) if rows.dim() > 2 else rows, self.weight, self.bias)


class LazyProduct(LazyModuleMixin, Product):
    """A product that takes its input size from the first rows it sees, and is then a `Product`."""

    cls_to_become = Product
    weight: UninitializedParameter

    def __init__(self, size: int, bias: bool, layer: object) -> None:
        super().__init__(0, size, bias)
        self.layer = layer
        self.weight = UninitializedParameter()

    def reset_parameters(self) -> None:
        """Does nothing: `initialise` draws the weights of a whole layer once all of its sizes are known."""

    def initialize_parameters(self, rows: Tensor) -> None:
        """Takes the input size from rows (rows, *event)."""
        self.in_features = math.prod(rows.shape[1:])
        self.weight.materialize((self.out_features, self.in_features))


class Dense:
    """Describes a linear layer; called with its parents it becomes part of the program.

    Each parent has a product of its own and the products are added, which is the linear layer of the concatenated
    parents. A product with a parent that does not vary with an enumerated variable is thereby computed once.

    Args:
        size: The number of outputs.
    """

    def __init__(self, size: int) -> None:
        if not isinstance(size, int) or size < 1:
            raise ModelError(f"{calling_line()}: a layer's size must be a positive whole number, got {size!r}.")
        self.size = size
        self.products: list[Product] = []

    def __call__(self, *parents: Symbol) -> Symbol:
        """Adds the layer to the program; called again it shares its weights."""
        if not parents:
            raise ModelError(f"{calling_line()}: a layer needs at least one parent.")
        if not self.products:
            last, token = len(parents) - 1, object()
            self.products = [LazyProduct(self.size, bias=i == last, layer=token) for i in range(len(parents))]
        if len(parents) != len(self.products):
            raise ModelError(
                f"{calling_line()}: this layer was made for {len(self.products)} parents and is called with "
                f"{len(parents)}."
            )
        terms = [
            Symbol(Layer(product, "dense"), (parent,)) for product, parent in zip(self.products, parents, strict=True)
        ]
        total = terms[0]
        for term in terms[1:]:
            total = total + term
        return total


def dense(size: int) -> Dense:
    """Describes a linear layer of one or several parents that takes its input sizes from what it is given.

    Args:
        size: The number of outputs.

    Returns:
        What makes the layer when it is called with its parents.
    """
    return Dense(size)


def initialise(products: Iterable[Product]) -> None:
    """Draws the weights of products, layer by layer, as PyTorch does for the linear layer of all parents together.

    Uniform in ±1/sqrt(n) for a layer with n inputs in all, the default of `torch.nn.Linear`.
    """
    layers: dict[object, list[Product]] = {}
    for product in products:
        layers.setdefault(product.layer, []).append(product)
    for number, members in enumerate(layers.values()):
        bound = 1 / math.sqrt(max(1, sum(product.in_features for product in members)))
        for product in members:
            product.layer = number
            for parameter in product.parameters():
                torch.nn.init.uniform_(parameter, -bound, bound)
