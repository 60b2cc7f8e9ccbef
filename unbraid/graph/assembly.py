"""Assembly: the symbols of a program, numbered, become the nodes of a graph."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from unbraid.errors import ModelError
from unbraid.graph.graph import Graph, Holder, Kept, Node, Ref, refs_in, substitute
from unbraid.graph.steps import Presence
from unbraid.graph.symbol import Draw, Layer, Symbol, describe, symbols_in


class Assembly:
    """Numbers the symbols, arguments first, and collects the modules.

    Args:
        title: The model's name, for messages.
        latents: Of q, by name.
        priors: Factors of p that `prior` returned, or the variables' own.
        scored: Factors of p that `decode` returned, that of x among them.
        parameters: The ids of the model's own parameters.
        presences: Of latents in the steps of a `Repeat`, whether their step is there.
        matched: The `Repeat`s whose labelled items are matched to steps.
    """

    def __init__(
        self,
        title: str,
        latents: Mapping[str, Symbol],
        priors: Mapping[str, Symbol],
        scored: Mapping[str, Symbol],
        parameters: Collection[int],
        presences: Mapping[str, Presence],
        matched: frozenset[str],
    ) -> None:
        self.presences, self.matched = presences, matched
        self.title, self.latents, self.priors, self.scored, self.parameters = title, latents, priors, scored, parameters
        self.factors = {**priors, **scored}
        self.names = {id(symbol): name for name, symbol in latents.items()}
        self.stand_ins = {id(symbol): name for name, symbol in self.factors.items() if name != "x"}
        self.nodes: list[Node] = []
        self.indices: dict[int, int] = {}
        self.modules: dict[str, nn.Module] = {}
        self.module_names: dict[int, str] = {}
        self.part = "encode"

    def graph(self) -> tuple[Graph, nn.ModuleDict]:
        """Builds the graph."""
        for name, symbol in self.latents.items():
            if name in self.presences:
                self.add(self.presences[name].gate)  # the count comes before what it counts
            self.add(symbol)
        order = [node.name for node in self.nodes if isinstance(node.operation, Draw)]
        self.part = "prior"
        for symbol in self.priors.values():
            self.add(symbol)
        self.part = "decode"
        for symbol in self.scored.values():
            self.add(symbol)
        graph = Graph(
            tuple(self.nodes),
            {name: self.nodes[self.indices[id(self.latents[name])]] for name in order},
            {name: self.nodes[self.indices[id(self.factors[name])]] for name in (*order, "x")},
            {self.indices[key]: name for key, name in self.stand_ins.items()},
            {name: self.nodes[self.indices[id(presence.gate)]] for name, presence in self.presences.items()},
            {
                name: tuple((self.names[id(count)], step) for count, step in presence.counts)
                for name, presence in self.presences.items()
            },
            self.matched,
        )
        _refuse_cycles(graph, self.title)
        return graph, nn.ModuleDict(self.modules)

    def add(self, symbol: Symbol) -> int:
        """Adds a symbol after its arguments, and returns its index."""
        if id(symbol) in self.indices:
            return self.indices[id(symbol)]
        arguments = list(symbols_in((symbol.args, symbol.kwargs)))
        for argument in arguments:
            self.add(argument)
        own = self.names.get(id(symbol)) if self.part == "encode" else None
        stands = own or self.stand_ins.get(id(symbol))
        if isinstance(symbol.operation, Draw) and own is None and id(symbol) not in map(id, self.factors.values()):
            raise ModelError(
                f"{self.title}: the {describe(symbol.operation)} of {symbol.line} is used but has no name: return it "
                "by name."
            )

        def ref(leaf: Any) -> Any:
            if isinstance(leaf, nn.Parameter) and id(leaf) not in self.parameters:
                raise ModelError(
                    f"{self.title}.{self.part} ({symbol.line}): {describe(symbol.operation)} is given a parameter that "
                    "is no part of the model: wrap the layer it belongs to, ub.module(layer)(h)."
                )
            if isinstance(leaf, Tensor) and not isinstance(leaf, nn.Parameter):
                return self._kept(leaf)
            if isinstance(leaf, np.ndarray):
                numbers = torch.as_tensor(leaf)
                return self._kept(numbers.to(torch.get_default_dtype()) if numbers.is_floating_point() else numbers)
            return Ref(self.indices[id(leaf)]) if isinstance(leaf, Symbol) else leaf

        args, kwargs = substitute(symbol.args, ref), substitute(symbol.kwargs, ref)
        above: Iterable[str] = (name for r in refs_in((args, kwargs)) for name in self._seen_as(r))
        node = Node(
            index=len(self.nodes),
            name=own or self._name(symbol),
            operation=symbol.operation,
            args=args,
            kwargs=kwargs,
            part=self.part,
            where=symbol.line,
            variables=frozenset({stands}) if stands else frozenset(above),
        )
        self.nodes.append(node)
        self.indices[id(symbol)] = node.index
        return node.index

    def _kept(self, constant: Tensor) -> Kept:
        """Gives a tensor of the program a place in the model."""
        name = self.module_names.get(id(constant))
        if name is None:
            count = sum(isinstance(module, Holder) for module in self.modules.values())
            name = self.module_names[id(constant)] = f"constant_{count}"
            self.modules[name] = Holder(constant)
        return Kept(name)

    def _seen_as(self, ref: Ref) -> frozenset[str]:
        """Returns the latents on which an argument's value depends; a stand-in of p is the latent itself."""
        for key, name in self.stand_ins.items():
            if self.indices.get(key) == ref.index:
                return frozenset({name})
        return self.nodes[ref.index].variables

    def _name(self, symbol: Symbol) -> str:
        match symbol.operation:
            case Layer(module, kind):
                if id(module) not in self.module_names:
                    count = sum(name.startswith(f"{self.part}_{kind}_") for name in self.modules)
                    self.module_names[id(module)] = f"{self.part}_{kind}_{count}"
                    self.modules[self.module_names[id(module)]] = module
                return self.module_names[id(module)]
            case Draw():
                return next((f"p({n})" for n, s in self.factors.items() if s is symbol), describe(symbol.operation))
            case operation:
                return describe(operation)


def _refuse_cycles(graph: Graph, title: str) -> None:
    try:
        tuple(TopologicalSorter(graph.p_parents).static_order())
    except CycleError as error:
        raise ModelError(
            f"{title}: the factors of p go in a circle: {' -> '.join(error.args[1])}. Some variable must come first."
        ) from None
