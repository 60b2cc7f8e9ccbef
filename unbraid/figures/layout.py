"""Where to draw the nodes of a small directed graph: layers, their order, and coordinates.

The method is that of Sugiyama, Tagawa and Toda, "Methods for visual understanding of hierarchical system structures",
1981: longest-path layers; a bend wherever an edge passes a layer; barycentre sweeps to order the layers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

Point = tuple[float, float]
Layers = list[list[str]]
Link = tuple[str, str]  # lower and higher end

_SWEEPS = 8
_BEND = "\0"  # starts the names of bends, which no variable can have
_ROOM_OF_BEND = 0.5  # of the room that a node takes in its layer


@dataclass(frozen=True, slots=True)
class Layout:
    """Positions in units of the distance between neighbours; layer 0 is at the bottom.

    Args:
        nodes: the position of each node.
        edges: by (parent, child): the points that the edge passes, from parent to child, both included.
    """

    nodes: dict[str, Point]
    edges: dict[tuple[str, str], list[Point]]


def lay_out(parents: Mapping[str, Sequence[str]], *, upwards: bool) -> Layout:
    """Places the nodes of a directed acyclic graph.

    Args:
        parents: the parents of each node; every parent is a node too.
        upwards: whether edges go up, from sources at the bottom (a recognition model above x), or down, to sinks at
            the bottom (a generative model above x).
    """
    edges = [(parent, child) for child, names in parents.items() for parent in names]
    below: dict[str, list[str]] = {node: [] for node in parents}
    for parent, child in edges:
        low, high = (parent, child) if upwards else (child, parent)
        below[high].append(low)
    level = {node: _height(node, below) for node in below}
    chains = {(low, high): _chain(low, high, level) for high, lows in below.items() for low in lows}
    layers, links = _with_bends(level, chains)
    positions = _coordinates(_ordered(layers, links), links)
    routes = {}
    for parent, child in edges:
        chain = chains[(parent, child) if upwards else (child, parent)]
        points = [positions[name] for name in chain]
        routes[parent, child] = points if upwards else points[::-1]
    return Layout({node: positions[node] for node in parents}, routes)


def _height(node: str, below: Mapping[str, Sequence[str]]) -> int:
    """Returns the number of edges on the longest way down."""
    return 1 + max((_height(low, below) for low in below[node]), default=-1)


def _chain(low: str, high: str, level: Mapping[str, int]) -> list[str]:
    """Returns an edge as its lower node, a bend in each layer that it passes, and its higher node."""
    return [low, *(f"{_BEND}{low}{_BEND}{high}{_BEND}{at}" for at in range(level[low] + 1, level[high])), high]


def _with_bends(level: Mapping[str, int], chains: Mapping[tuple[str, str], list[str]]) -> tuple[Layers, list[Link]]:
    """Returns the layers with their nodes and bends, and the links between neighbouring layers, lower end first."""
    layers: Layers = [[] for _ in range(1 + max(level.values(), default=-1))]
    for node, at in level.items():
        layers[at].append(node)
    for (low, _), chain in chains.items():
        for step, bend in enumerate(chain[1:-1], 1):
            layers[level[low] + step].append(bend)
    return layers, [link for chain in chains.values() for link in pairwise(chain)]


def _ordered(layers: Layers, links: Sequence[Link]) -> Layers:
    """Orders each layer by the barycentres of its neighbours, up and down in turn, and keeps the fewest crossings."""
    neighbours: dict[str, list[str]] = {name: [] for layer in layers for name in layer}
    for low, high in links:
        neighbours[low].append(high)
        neighbours[high].append(low)
    best = current = layers
    for sweep in range(_SWEEPS):
        current = _sweep(current, neighbours, upwards=sweep % 2 == 0)
        if _crossings(current, links) < _crossings(best, links):
            best = current
    return best


def _sweep(layers: Layers, neighbours: Mapping[str, Sequence[str]], *, upwards: bool) -> Layers:
    """Sorts each layer by the mean place of its neighbours in the layer that was sorted before it."""
    places: dict[str, float] = {}
    sorted_layers: Layers = []
    for layer in layers if upwards else layers[::-1]:
        middle = {name: (index + 0.5) / len(layer) for index, name in enumerate(layer)}
        wanted = {name: [places[other] for other in neighbours[name] if other in places] for name in layer}
        ranked = sorted(layer, key=lambda name: np.mean(wanted[name]) if wanted[name] else middle[name])
        places |= {name: (index + 0.5) / len(ranked) for index, name in enumerate(ranked)}
        sorted_layers.append(ranked)
    return sorted_layers if upwards else sorted_layers[::-1]


def _crossings(layers: Layers, links: Sequence[Link]) -> int:
    """Counts the pairs of links that cross."""
    place = {name: (at, index) for at, layer in enumerate(layers) for index, name in enumerate(layer)}
    ends = [(place[low], place[high]) for low, high in links]
    return sum(
        a[0][0] == b[0][0] and (a[0][1] - b[0][1]) * (a[1][1] - b[1][1]) < 0
        for i, a in enumerate(ends)
        for b in ends[:i]
    )


def _coordinates(layers: Layers, links: Sequence[Link]) -> dict[str, Point]:
    """Moves each layer towards the mean of its neighbours, as far as the room that each name needs allows."""
    across = {name: index - (len(layer) - 1) / 2 for layer in layers for index, name in enumerate(layer)}
    neighbours: dict[str, list[str]] = {name: [] for name in across}
    for low, high in links:
        neighbours[low].append(high)
        neighbours[high].append(low)
    for sweep in range(4 * _SWEEPS):
        for layer in layers if sweep % 2 == 0 else layers[::-1]:
            wanted = [float(np.mean([across[other] for other in neighbours[name]] or [across[name]])) for name in layer]
            across |= dict(zip(layer, _apart(wanted, [_room(name) for name in layer]), strict=True))
    return {name: (across[name], float(at)) for at, layer in enumerate(layers) for name in layer}


def _room(name: str) -> float:
    """Returns half the width that a node or a bend needs."""
    return _ROOM_OF_BEND / 2 if name.startswith(_BEND) else 0.5


def _apart(wanted: Sequence[float], rooms: Sequence[float]) -> list[float]:
    """Returns the places nearest to the wanted ones (least squares) that keep their order and their distances.

    Less the distances, the places only have to be in order: isotonic regression, by pooling neighbours that are not.
    """
    offsets = np.cumsum([0.0, *(a + b for a, b in pairwise(rooms))])[: len(wanted)]
    blocks: list[tuple[float, int]] = []  # mean, size
    for value in np.asarray(wanted) - offsets:
        mean, size = float(value), 1
        while blocks and blocks[-1][0] > mean:
            other, count = blocks.pop()
            mean, size = (mean * size + other * count) / (size + count), size + count
        blocks.append((mean, size))
    pooled = np.concatenate([np.full(size, mean) for mean, size in blocks]) if blocks else np.zeros(0)
    return [float(place) for place in pooled + offsets]
