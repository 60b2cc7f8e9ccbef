"""The immutable graph: parents, ancestors and orders."""

from __future__ import annotations

from tests.models import Auxiliary, Faces, Mixture, TwoDiscrete, WholePrior
from unbraid.graph import factorisation


def test_parents_are_random_variables() -> None:
    graph = Faces().graph
    assert graph.q_parents["shading"] == ("identity", "lighting")
    assert graph.q_parents["identity"] == ("x",)
    assert graph.p_parents["x"] == ("identity", "lighting", "shading", "reflectance")
    assert graph.p_parents["shading"] == ()


def test_ancestors_and_descendants() -> None:
    graph = TwoDiscrete().graph
    assert graph.q_ancestors == {"kind": set(), "sort": {"kind"}, "style": {"kind", "sort"}}
    assert graph.descendants("kind") == {"sort", "style"}
    assert graph.axes == {"kind": 0, "sort": 1, "style": 2}


def test_the_factorisations_of_q_and_p_need_not_match() -> None:
    assert str(TwoDiscrete()).splitlines()[1] == "p(kind) p(sort) p(style | kind) p(x | kind, sort, style)"
    assert str(WholePrior()).splitlines() == [
        "q(style | x) q(digit | x, style)",
        "p(style | digit) p(digit) p(x | style, digit)",
    ]
    assert str(Auxiliary()).splitlines()[1] == "p(a | x, digit, style) p(digit) p(style) p(x | digit, style)"


def test_p_is_sampled_parents_first_and_only_what_x_needs() -> None:
    assert WholePrior().graph.generative_order() == ("digit", "style")
    assert Mixture().graph.generative_order() == ("digit", "style")
    assert Auxiliary().graph.generative_order() == ("digit", "style")


def test_nodes_come_after_their_arguments() -> None:
    for model in (Faces(), Auxiliary(), WholePrior()):
        assert [node.index for node in model.graph.nodes] == list(range(len(model.graph.nodes)))
        assert {node.part for node in model.graph.nodes} == {"encode", "prior", "decode"}


def test_a_factorisation_is_written_in_maths() -> None:
    assert factorisation({"a": (), "b": ("x", "a")}, "q") == "q(a) q(b | x, a)"
