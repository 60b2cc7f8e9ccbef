"""The most probable value of a random variable."""

from __future__ import annotations

from unbraid.graph.frame import Frame
from unbraid.graph.graph import Node
from unbraid.graph.spread import Spread, union


def most_probable(frame: Frame, node: Node) -> Spread:
    """Returns the most probable value of a random variable, as its children see it."""
    parameters = frame.parameters(node)
    axes = union(parameters.values())
    return Spread(node.family.most_probable({name: value.align(axes) for name, value in parameters.items()}), axes)
