"""The immutable graph of a program: its nodes, and the factorisations of q and p."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from unbraid.graph.plates import written_once
from unbraid.graph.series import Series, series_of
from unbraid.graph.symbol import Data, Draw, Layer, Operation
from unbraid.variables.family import Family


@dataclass(frozen=True, slots=True)
class Ref:
    """An argument that is the value of another node."""

    index: int


@dataclass(frozen=True, slots=True)
class Kept:
    """An argument that is a tensor of the program itself; the model keeps it, and moves it along with its parameters.

    Attributes:
        name: The key of the module that holds it.
    """

    name: str


class Holder(nn.Module):
    """Holds a tensor of a program, as a buffer that is made anew with the model and not saved."""

    value: Tensor

    def __init__(self, value: Tensor) -> None:
        super().__init__()
        self.register_buffer("value", value, persistent=False)


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One value of the program.

    Attributes:
        index: Its place in the graph; arguments come before it.
        name: What it is called in messages and pictures; for a layer, the key of its module.
        operation: What computes it.
        args: Positional arguments: `Ref`s, `Kept` tensors and constants, nested.
        kwargs: Keyword arguments; for a random variable the parameters of its distribution.
        part: The method that it was traced in: encode, prior or decode.
        where: The line of the program.
        variables: The latents whose values it is computed from; for a latent itself, its own name alone.
        inputs: The nodes that its arguments refer to, in order.
        plain: Whether the arguments are these nodes and nothing else.
    """

    index: int
    name: str
    operation: Operation
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    part: str
    where: str
    variables: frozenset[str]
    inputs: tuple[int, ...] = field(init=False)
    plain: bool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "inputs", tuple(ref.index for ref in refs_in((self.args, self.kwargs))))
        object.__setattr__(self, "plain", not self.kwargs and all(isinstance(each, Ref) for each in self.args))

    @property
    def family(self) -> Family:
        """The family of a random variable."""
        assert isinstance(self.operation, Draw)
        return self.operation.family


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Graph:
    """The graph of a model: what `encode`, `prior` and `decode` said, once and for all.

    Attributes:
        nodes: Every node, arguments first.
        latents: For each latent the node of its recognition factor q, in the order of the recognition program.
        factors: For each latent and for "x" the node of its generative factor p.
        stands_for: Nodes of `prior` and `decode` that stand for the value of a latent: node index to name.
        gates: For latents in the steps of a `Repeat` with a count, the node of whether their step is there, (rows, 1).
        counts: For these the counts that decide it, outer ones first, and the step that each must exceed.
        matched: The `Repeat`s whose labelled items are matched to steps.
        series: What users know of the latents, by the name that they use: one entry for all steps of a `Repeat`.
        axes: For each latent its axis, which is its place in the order.
        q_parents: For each latent the latents (and x) that its recognition factor is given, and the counts that its
            step must be below.
        p_parents: For each latent and for "x" what its generative factor is given.
        q_ancestors: For each latent the latents above it in the recognition program.
        data: The nodes of the data.
        constants: The nodes whose value never changes: parameters of priors that are given and not learned.
    """

    nodes: tuple[Node, ...]
    latents: Mapping[str, Node]
    factors: Mapping[str, Node]
    stands_for: Mapping[int, str]
    gates: Mapping[str, Node] = field(default_factory=dict)
    counts: Mapping[str, tuple[tuple[str, int], ...]] = field(default_factory=dict)
    matched: frozenset[str] = frozenset()
    series: Mapping[str, Series] = field(init=False)
    axes: Mapping[str, int] = field(init=False)
    q_parents: Mapping[str, tuple[str, ...]] = field(init=False)
    p_parents: Mapping[str, tuple[str, ...]] = field(init=False)
    q_ancestors: Mapping[str, frozenset[str]] = field(init=False)
    data: tuple[Node, ...] = field(init=False)
    constants: tuple[Node, ...] = field(init=False)

    def __post_init__(self) -> None:
        def put(name: str, value: Mapping[str, Any] | tuple[Node, ...]) -> None:
            object.__setattr__(self, name, value)

        put("series", series_of(self.latents))
        put("axes", {name: i for i, name in enumerate(self.latents)})
        put("q_parents", {name: self._parents(node, name) for name, node in self.latents.items()})
        put("p_parents", {name: self._parents(node) for name, node in self.factors.items()})
        ancestors: dict[str, frozenset[str]] = {}
        for name, parents in self.q_parents.items():
            direct = frozenset(parents) - {"x"}
            ancestors[name] = direct.union(*(ancestors[parent] for parent in direct))
        put("q_ancestors", ancestors)
        put("data", tuple(node for node in self.nodes if isinstance(node.operation, Data)))
        put(
            "constants",
            tuple(node for node in self.nodes if isinstance(node.operation, Layer) and node.operation.constant),
        )

    @property
    def likelihood(self) -> Node:
        """The node of p(x | latents)."""
        return self.factors["x"]

    def node(self, ref: Ref) -> Node:
        """Returns the node that an argument refers to."""
        return self.nodes[ref.index]

    def descendants(self, name: str) -> frozenset[str]:
        """Returns the latents that have this latent among their ancestors in q."""
        return frozenset(other for other, above in self.q_ancestors.items() if name in above)

    def generated_from(self, name: str) -> frozenset[str]:
        """Returns the latents that follow a latent in p; not those whose factor needs x."""
        below: set[str] = set()
        for other in self.generative_order():
            parents = set(self.p_parents[other])
            if other != name and "x" not in parents and parents & (below | {name}):
                below.add(other)
        return frozenset(below)

    def generative_order(self) -> tuple[str, ...]:
        """Returns the latents that x depends on, in an order in which p can be sampled: parents first."""
        order: list[str] = []

        def visit(name: str) -> None:
            for parent in self.p_parents[name]:
                if parent not in order:
                    visit(parent)
            order.append(name)

        visit("x")
        return tuple(order[:-1])

    def _parents(self, node: Node, counted: str = "") -> tuple[str, ...]:
        """Returns the random variables (and x) from which a factor's parameters are computed, in program order.

        Args:
            node: The factor.
            counted: The latent whose counts are to be among them.
        """
        found: dict[str, None] = {count: None for count, _ in self.counts.get(counted, ())}
        pending = list(refs_in(node.kwargs))
        seen: set[int] = set()
        while pending:
            ref = pending.pop(0)
            if ref.index in seen:
                continue
            seen.add(ref.index)
            parent = self.nodes[ref.index]
            if parent.index in self.stands_for:
                found[self.stands_for[parent.index]] = None
            elif isinstance(parent.operation, Data | Draw):
                found[parent.name] = None
            else:
                pending += refs_in((parent.args, parent.kwargs))
        order = ["x", *self.latents]
        return tuple(sorted(found, key=order.index))


def refs_in(value: Any) -> Iterator[Ref]:
    """Yields the references inside nested arguments."""
    if isinstance(value, Ref):
        yield value
    elif isinstance(value, (tuple, list)):
        for part in value:
            yield from refs_in(part)
    elif isinstance(value, Mapping):
        yield from refs_in(tuple(value.values()))


def substitute(value: Any, replace: Callable[[Any], Any]) -> Any:
    """Rebuilds nested arguments with every leaf replaced by `replace(leaf)`."""
    if isinstance(value, tuple):
        return tuple(substitute(part, replace) for part in value)
    if isinstance(value, list):
        return [substitute(part, replace) for part in value]
    if isinstance(value, Mapping):
        return {key: substitute(part, replace) for key, part in value.items()}
    return replace(value)


def factorisation(parents: Mapping[str, Iterable[str]], density: str) -> str:
    """Writes a factorisation in maths: ``q(digit | x) q(style | x, digit)``; the steps of a `Repeat` once."""
    factors = []
    for name, above in written_once(parents).items():
        given = ", ".join(above)
        factors.append(f"{density}({name} | {given})" if given else f"{density}({name})")
    return " ".join(factors)
