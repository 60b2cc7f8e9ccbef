"""Groups of parameters: which of them q of the discrete variables, the rest of q, and p are computed from."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from torch import nn

from unbraid.graph.graph import Graph, Node, refs_in
from unbraid.graph.symbol import Data, Draw, Layer


def parameter_groups(graph: Graph, modules: nn.ModuleDict, discrete: Collection[str]) -> dict[str, list[nn.Parameter]]:
    """Divides the parameters of a model; one that several parts share goes to the first of them.

    Args:
        graph: The graph.
        modules: Its modules by name.
        discrete: The discrete latents.

    Returns:
        By "q(digit)" (of all discrete latents together), "rest of q" and "p", what of these there is.
    """
    parts: dict[str, Iterable[Node]] = {
        ", ".join(f"q({name})" for name in discrete): [graph.latents[name] for name in discrete],
        "rest of q": graph.latents.values(),
        "p": graph.factors.values(),
    }
    groups: dict[str, list[nn.Parameter]] = {}
    taken: set[int] = set()
    for part, nodes in parts.items():
        layers = _layers(graph, nodes)
        found = [each for layer in layers for each in modules[layer].parameters() if each.requires_grad]
        own = [each for each in dict.fromkeys(found) if id(each) not in taken]
        taken.update(map(id, own))
        if own:
            groups[part] = own
    return groups


def _layers(graph: Graph, nodes: Iterable[Node]) -> list[str]:
    """Returns the names of the layers that the parameters of random variables are computed with, from their parents."""
    found: list[str] = []
    pending = [ref for node in nodes for ref in refs_in(node.kwargs)]
    seen: set[int] = set()
    while pending:
        ref = pending.pop()
        node = graph.node(ref)
        if ref.index in seen or ref.index in graph.stands_for or isinstance(node.operation, Data | Draw):
            continue
        seen.add(ref.index)
        if isinstance(node.operation, Layer):
            found.append(node.name)
        pending += refs_in((node.args, node.kwargs))
    return found
