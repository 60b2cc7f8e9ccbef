"""The Mermaid text: exact for the paper's model, and its rules for every one."""

import re
from typing import Any

import pytest

import unbraid as ub
from unbraid.figures.mermaid import mermaid

DIGITS = """\
flowchart LR
  subgraph p ["Generative model p"]
    direction TB
    p_digit((("digit")))
    p_style(("style"))
    p_x(("x"))
    p_digit --> p_x
    p_style --> p_x
  end
  subgraph q ["Recognition model q"]
    direction BT
    q_x(("x"))
    q_digit((("digit")))
    q_style(("style"))
    q_x --> q_digit
    q_x --> q_style
    q_digit --> q_style
  end
  classDef observed fill:#d4d9df,color:#222222
  class p_x,q_x observed"""


class Digits(ub.Model):
    def encode(self, x: Any) -> Any:
        digit = ub.Categorical(10)(x)
        return {"digit": digit, "style": ub.Normal(2)(digit, x)}

    def decode(self, digit: Any, style: Any) -> Any:
        return ub.Bernoulli(6)(digit, style)


class Words(ub.Model):
    """Latents called like words of Mermaid's own, and ones that need escaping; p has structure, and scores from x."""

    def encode(self, x: Any) -> Any:
        end = ub.Categorical(3)(x)
        return {"end": end, "graph": ub.Normal(2)(end), "größe": ub.Normal(1)(x), "größer": ub.Normal(1)(x)}

    def prior(self, end: Any) -> Any:
        return {"graph": ub.Normal(2)(end)}

    def decode(self, x: Any, graph: Any, größe: Any) -> Any:
        return {"x": ub.Normal(6)(graph, größe), "größer": ub.Normal(1)(x)}


def test_the_text_of_the_papers_model() -> None:
    assert mermaid(Digits().graph) == DIGITS
    assert Digits().mermaid() == DIGITS


@pytest.mark.parametrize("model", [Digits(), Words()], ids=["digits", "words"])
def test_each_part_has_a_node_for_each_variable_and_an_arrow_for_each_parent(model: ub.Model) -> None:
    graph, text = model.graph, mermaid(model.graph)
    nodes = dict(re.findall(r'^    (\w+)\({2,3}"(\w+)"\){2,3}$', text, re.MULTILINE))
    arrows = re.findall(r"^    (\w+) --> (\w+)$", text, re.MULTILINE)
    assert len(nodes) == 2 * (len(graph.latents) + 1)
    assert all(key.isascii() for key in nodes)
    expected = [("p", parent, name) for name, above in graph.p_parents.items() for parent in above]
    expected += [("q", parent, name) for name, above in graph.q_parents.items() for parent in above]
    assert [(start[0], nodes[start], nodes[end]) for start, end in arrows] == expected
    assert all(start[0] == end[0] for start, end in arrows)


def test_discrete_variables_have_a_double_circle() -> None:
    text = mermaid(Words().graph)
    assert '    q_end((("end")))' in text.splitlines()
    assert '    q_graph(("graph"))' in text.splitlines()


def test_no_key_is_a_word_of_mermaids_own() -> None:
    words = {"end", "graph", "subgraph", "class", "style", "click", "default"}
    keys = re.findall(r'^    (\w+)\(\("', mermaid(Words().graph), re.MULTILINE)
    assert keys
    assert not words & set(keys)
