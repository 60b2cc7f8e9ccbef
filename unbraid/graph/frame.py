"""Frames: running a graph, value by value, each computed once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from unbraid.graph.graph import Graph, Kept, Node, Ref, substitute
from unbraid.graph.spread import Spread, apply, apply_to_vectors, union
from unbraid.graph.symbol import Call, Data, Draw


class Frame:
    """The values of one pass through a graph: x at the root, and each frame below it fixes one latent more.

    A node is computed when it is asked for, in the highest frame in which everything that it depends on is fixed; so
    what does not depend on a latent is shared by all frames that fix this latent to one value or another.
    """

    __slots__ = ("above", "graph", "index", "modules", "name", "values")

    def __init__(self, graph: Graph, modules: nn.ModuleDict, x: Tensor | None, root: bool = True) -> None:
        self.graph, self.modules = graph, modules
        self.above: Frame | None = None
        self.name: str | None = None
        self.index: Tensor | None = None
        self.values: dict[int, Spread] = {}
        if x is not None:
            self.values |= {node.index: Spread(x) for node in graph.data}
        if root:
            self.values |= {node.index: Spread(modules[node.name]()) for node in graph.constants}

    def _below(self) -> Frame:
        frame = Frame(self.graph, self.modules, None, root=False)
        frame.above = self
        return frame

    def rows(self, index: Tensor) -> Frame:
        """Returns a frame of some of the rows (a LongTensor of row numbers)."""
        frame = self._below()
        frame.index = index
        return frame

    def fix(self, name: str, value: Spread) -> Frame:
        """Returns a frame in which the latent has this value, as its children see it."""
        frame = self._below()
        frame.name = name
        frame.values[self.graph.latents[name].index] = value
        for index, latent in self.graph.stands_for.items():
            if latent == name:
                frame.values[index] = value
        return frame

    def settle(self) -> None:
        """Computes every node whose latents are fixed, so that frames below only compute what depends on theirs."""
        fixed: set[str | None] = set()
        frame: Frame | None = self
        while frame is not None:
            fixed.add(frame.name)
            frame = frame.above
        for node in self.graph.nodes:
            if not isinstance(node.operation, Draw) and node.variables <= fixed:
                self[node]

    def __getitem__(self, node: Node) -> Spread:
        """Returns the value of a node: (*axes, rows, *event)."""
        found = self.values.get(node.index)
        if found is None:
            found = self._inherited(node) or self._computed(node)
            self.values[node.index] = found
        return found

    def _inherited(self, node: Node) -> Spread | None:
        """Returns the value from the frame above, unless it depends on what this frame fixes."""
        if self.above is None or (self.name is not None and self.name in node.variables):
            return None
        if self.index is None:
            return self.above[node]
        return None if node.variables else self.above[node].select(self.index)

    def _computed(self, node: Node) -> Spread:
        operation, nodes = node.operation, self.graph.nodes
        if isinstance(operation, Data | Draw):
            raise KeyError(f"{node.name} has no value here: it was not fixed")
        values = [self[nodes[index]] for index in node.inputs]
        if isinstance(operation, Call):
            function = operation.function if node.plain else _filled(operation.function, node, self.modules)
            return apply(function, values, operation.elementwise)
        module = self.modules[node.name]
        if operation.vectors:
            return apply_to_vectors(module, values)
        return apply(module if node.plain else _filled(module, node, self.modules), values)

    def parameters(self, node: Node) -> dict[str, Spread]:
        """Returns the parameters of the distribution of a random variable, in single precision or better."""
        return {name: _precise(self[self.graph.node(ref)]) for name, ref in node.kwargs.items()}

    def distribution(self, node: Node) -> Distribution:
        """Returns the torch distribution of a random variable; its batch shape is (*axes, rows)."""
        parameters = self.parameters(node)
        axes = union(parameters.values())
        return node.family.distribution(**{name: value.align(axes) for name, value in parameters.items()})

    def score(self, node: Node, value: Spread) -> Spread:
        """Returns the log-probability of a value under a factor, in nats, for every row."""
        parameters = self.parameters(node)
        axes = union((*parameters.values(), value))
        aligned = {name: parameter.align(axes) for name, parameter in parameters.items()}
        return Spread(node.family.log_prob(aligned, value.align(axes)), axes)

    def presence(self, name: str) -> Spread | None:
        """Returns whether a latent's step is there, one number a row; None for a latent that always is."""
        gate = self.graph.gates.get(name)
        if gate is None:
            return None
        value = self[gate]
        return Spread(value.tensor.squeeze(-1), value.axes)


def _filled(function: Callable[..., Any], node: Node, modules: nn.ModuleDict) -> Callable[..., Any]:
    """Returns a function of the values that a node's arguments refer to, with its constants in their places."""

    def call(*tensors: Tensor) -> Any:
        given = iter(tensors)

        def value(leaf: Any) -> Any:
            if isinstance(leaf, Ref):
                return next(given)
            return modules[leaf.name].value if isinstance(leaf, Kept) else leaf

        return function(*substitute(node.args, value), **substitute(node.kwargs, value))

    return call


def _precise(value: Spread) -> Spread:
    """Takes what networks computed in half precision back to single precision, in which densities are scored."""
    if value.tensor.dtype in (torch.bfloat16, torch.float16):
        return Spread(value.tensor.float(), value.axes)
    return value
