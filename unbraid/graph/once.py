"""Answers about a graph that are found once, and forgotten with the graph."""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from unbraid.graph.graph import Graph

Answer = TypeVar("Answer")
LIMIT = 1024
"""How many answers are remembered of one graph."""


def once(function: Callable[..., Answer]) -> Callable[..., Answer]:
    """Remembers what a function of a graph, and of what can be hashed, has returned.

    The graph is not kept alive by it: it holds the layers, and so all weights, of a model.

    Args:
        function: Takes the graph first.
    """
    known: WeakKeyDictionary[Graph, dict[Hashable, Any]] = WeakKeyDictionary()

    @functools.wraps(function)
    def remembered(graph: Graph, *asked: Hashable) -> Answer:
        answers = known.setdefault(graph, {})
        if asked not in answers:
            if len(answers) >= LIMIT:
                answers.clear()
            answers[asked] = function(graph, *asked)
        found: Answer = answers[asked]
        return found

    return remembered
