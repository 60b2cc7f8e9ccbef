"""A model's picture as text, in the language of Mermaid, which many pages and editors draw."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from unbraid.graph.graph import Graph
from unbraid.graph.plates import plates
from unbraid.graph.series import series_name


def mermaid(graph: Graph) -> str:
    """Writes the generative model p and the recognition model q as two parts of a flowchart.

    A circle is a variable, a double circle a discrete one; x, which is observed, is shaded and at the bottom of both.

    Args:
        graph: The graph of a model.

    Returns:
        The text, without a fence around it.
    """
    discrete = {series_name(name) for name, node in graph.latents.items() if node.family.discrete}
    lines = ["flowchart LR"]
    lines += _part("p", "Generative model p", plates(graph.p_parents), discrete, "TB")
    lines += _part("q", "Recognition model q", {"x": (), **plates(graph.q_parents)}, discrete, "BT")
    return "\n".join([*lines, "  classDef observed fill:#d4d9df,color:#222222", "  class p_x,q_x observed"])


def _part(
    letter: str, title: str, parents: Mapping[str, Sequence[str]], discrete: set[str], direction: str
) -> list[str]:
    """Returns the lines of one factorisation."""
    keys = {name: _key(letter, place, name) for place, name in enumerate(parents)}
    nodes = [f"{keys[name]}{_circle(name, name in discrete)}" for name in parents]
    arrows = [f"{keys[parent]} --> {keys[name]}" for name, above in parents.items() for parent in above]
    body = [f"direction {direction}", *nodes, *arrows]
    return [f'  subgraph {letter} ["{title}"]', *(f"    {line}" for line in body), "  end"]


def _key(letter: str, place: int, name: str) -> str:
    """Returns the key of a node, unique in the chart and no word of Mermaid's own.

    It is the name behind the part's letter; the place stands for a name with other than ASCII letters, digits and
    underscores. No name begins with a digit, so the two never meet.
    """
    return f"{letter}_{name if re.fullmatch(r'[A-Za-z_][A-Za-z0-9_]*', name) else place}"


def _circle(name: str, double: bool) -> str:
    return f'((("{name}")))' if double else f'(("{name}"))'
