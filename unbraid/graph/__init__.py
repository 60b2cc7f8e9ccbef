"""The graph of a program: tracing it, checking it, running it."""

from unbraid.graph.frame import Frame
from unbraid.graph.graph import Graph, Node, factorisation
from unbraid.graph.spread import SAMPLES, Spread
from unbraid.graph.symbol import Symbol

__all__ = ["SAMPLES", "Frame", "Graph", "Node", "Spread", "Symbol", "factorisation"]
