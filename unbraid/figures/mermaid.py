"""A model's picture as text, in the language of Mermaid, which many pages and editors draw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from unbraid.graph.graph import Graph


def mermaid(graph: Graph) -> str:
    """Writes the generative model p and the recognition model q as two parts of a flowchart.

    A circle is a variable, a double circle a discrete one; what is shaded is observed. x is at the bottom.

    Args:
        graph: of the model.

    Returns:
        The text, without a fence around it.
    """
    discrete = {name for name, node in graph.latents.items() if node.family.cardinality is not None}
    lines = ["flowchart LR"]
    lines += _part("p", "Generative model p", graph.p_parents, discrete, "TB")
    lines += _part("q", "Recognition model q", {"x": (), **graph.q_parents}, discrete, "BT")
    return "\n".join([*lines, "  classDef observed fill:#d4d9df,color:#222222", "  class p_x,q_x observed"])


def _part(
    letter: str, title: str, parents: Mapping[str, Sequence[str]], discrete: set[str], direction: str
) -> list[str]:
    """Returns the lines of one factorisation; the names of its nodes start with its letter."""
    key = {name: f"{letter}_{name.replace('.', '_')}" for name in parents}
    nodes = [f'{key[name]}((("{name}")))' if name in discrete else f'{key[name]}(("{name}"))' for name in parents]
    arrows = [f"{key[parent]} --> {key[name]}" for name, above in parents.items() for parent in above]
    body = [f"direction {direction}", *nodes, *arrows]
    return [f'  subgraph {letter} ["{title}"]', *(f"    {line}" for line in body), "  end"]
