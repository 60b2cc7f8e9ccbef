"""The picture of a model, and its text for Mermaid."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib.patches as shapes
import numpy as np
import pytest

import unbraid as ub
from unbraid.figures import caption_in, draw_graph, draw_model

Q = [("digit", ["x"]), ("style", ["digit", "x"])]
P = [("digit", []), ("style", []), ("x", ["digit", "style"])]


class Digits(ub.Model):
    def encode(self, x: Any) -> dict[str, Any]:
        h = ub.mlp(4)(x)
        digit = ub.Categorical(3)(h)
        return {"digit": digit, "style": ub.Normal(2)(digit, h)}

    def decode(self, digit: Any, style: Any) -> Any:
        return ub.Bernoulli(1, 2, 2)(ub.mlp(4)(digit, style))


def test_has_a_circle_for_each_variable_and_an_arrow_for_each_edge() -> None:
    generative, recognition, key = draw_graph(Q, P, {"x"}, {"digit"}, {"digit"}).axes
    for axes, edges in ((generative, 2), (recognition, 3)):
        assert sorted(text.get_text() for text in axes.texts) == ["digit", "style", "x"]
        assert sum(isinstance(patch, shapes.FancyArrowPatch) for patch in axes.patches) == edges
        assert sum(isinstance(patch, shapes.Wedge) for patch in axes.patches) == 1
        assert sum(isinstance(patch, shapes.Circle) for patch in axes.patches) == 2 * 3 + 1
    assert [text.get_text() for text in key.texts] == ["observed", "labelled in some rows", "discrete"]


def test_arrows_end_outside_their_nodes() -> None:
    for axes in draw_graph(Q, P).axes[:2]:
        patches: list[Any] = list(axes.patches)
        centres = [np.array(patch.get_center()) for patch in patches if isinstance(patch, shapes.Circle)]
        arrows = [patch for patch in patches if isinstance(patch, shapes.FancyArrowPatch)]
        for arrow in arrows:
            tip = arrow._path_original.vertices[-1]  # type: ignore[attr-defined]
            assert all(np.linalg.norm(tip - centre) > 0.36 for centre in centres)


def test_writes_the_factorisations() -> None:
    words = " ".join(text.get_text() for text in draw_graph(Q, P).texts).replace("\u00a0", " ").replace("\n", " ")
    assert words == (
        "Generative model p(digit) p(style) p(x | digit, style) Recognition model q(digit | x) q(style | digit, x)"
    )


def test_the_key_explains_only_what_occurs() -> None:
    assert [text.get_text() for text in draw_graph(Q, P).axes[2].texts] == ["observed"]


@pytest.mark.parametrize("names", [["a"], ["an_extraordinarily_long_name", "b", "c", "d", "e"]])
def test_any_names_can_be_drawn(names: list[str]) -> None:
    figure = draw_graph([(name, ["x"]) for name in names], [*((name, []) for name in names), ("x", names)])
    figure.draw_without_rendering()


def test_draws_and_saves_a_model(tmp_path: Path) -> None:
    figure = draw_model(Digits(), tmp_path / "graph.png", partly=["digit"])
    assert [text.get_text() for text in figure.axes[2].texts] == ["observed", "labelled in some rows", "discrete"]
    assert caption_in(tmp_path / "graph.png").startswith("The model: arrows go from parents to children")
