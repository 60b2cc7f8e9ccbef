"""The layout of small graphs."""

from __future__ import annotations

from itertools import combinations

import pytest

from unbraid.figures.layout import lay_out

GRAPHS: dict[str, tuple[dict[str, list[str]], bool]] = {
    "digits q": ({"x": [], "digit": ["x"], "style": ["digit", "x"]}, True),
    "digits p": ({"digit": [], "style": [], "x": ["digit", "style"]}, False),
    "faces q": ({"x": [], "id": ["x"], "light": ["x"], "shade": ["id", "light"], "reflect": ["x"]}, True),
    "adgm q": ({"x": [], "a": ["x"], "digit": ["a", "x"], "style": ["a", "digit", "x"]}, True),
    "adgm p": ({"digit": [], "style": [], "x": ["digit", "style"], "a": ["digit", "style", "x"]}, False),
    "alone": ({"x": []}, True),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_edges_run_one_way_and_nodes_keep_their_distance(name: str) -> None:
    parents, upwards = GRAPHS[name]
    layout = lay_out(parents, upwards=upwards)
    assert set(layout.nodes) == set(parents)
    assert set(layout.edges) == {(parent, child) for child, names in parents.items() for parent in names}
    for (parent, child), route in layout.edges.items():
        heights = [height for _, height in route]
        assert heights == sorted(heights, reverse=not upwards)
        assert (route[0], route[-1]) == (layout.nodes[parent], layout.nodes[child])
    for one, two in combinations(layout.nodes.values(), 2):
        assert one[1] != two[1] or abs(one[0] - two[0]) >= 1 - 1e-9


@pytest.mark.parametrize("name", GRAPHS)
def test_long_edges_pass_beside_the_nodes(name: str) -> None:
    parents, upwards = GRAPHS[name]
    layout = lay_out(parents, upwards=upwards)
    for route in layout.edges.values():
        for bend in route[1:-1]:
            assert all(node[1] != bend[1] or abs(node[0] - bend[0]) >= 0.75 - 1e-9 for node in layout.nodes.values())


def test_layers_are_longest_paths_from_the_bottom() -> None:
    nodes = lay_out(*GRAPHS["adgm q"][:1], upwards=True).nodes
    assert [nodes[name][1] for name in ("x", "a", "digit", "style")] == [0, 1, 2, 3]


def test_crossings_that_can_be_avoided_are() -> None:
    parents = {"a": [], "b": [], "c": [], "d": ["c"], "e": ["b"], "f": ["a"]}
    nodes = lay_out(parents, upwards=True).nodes
    assert [nodes[low][0] < nodes[other][0] for low, other in (("a", "b"), ("b", "c"))] == [
        nodes[high][0] < nodes[other][0] for high, other in (("f", "e"), ("e", "d"))
    ]
