"""A model's picture: what generates what, and what is inferred from what (the paper's Figure 3)."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise
from typing import Any, Protocol, runtime_checkable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch, Wedge
from matplotlib.path import Path
from numpy.typing import NDArray

from unbraid.figures.layout import Layout, Point, lay_out
from unbraid.figures.save import save
from unbraid.figures.style import INK, SOFT, TEXT_SIZE, TITLE_SIZE, new_figure
from unbraid.graph.graph import Graph
from unbraid.graph.plates import plates

Factorisation = Sequence[tuple[str, Sequence[str]]]  # variable, its parents


@runtime_checkable
class Drawable(Protocol):
    """What the picture asks of a model."""

    @property
    def latents(self) -> Mapping[str, Any]:
        """The families of the latents, by name."""

    @property
    def graph(self) -> Graph:
        """The factorisations of q and p."""


_RADIUS = 0.36  # of a node, in inches, as all lengths here
_ACROSS, _UP = 1.06, 1.18  # between neighbours in a layer, and between layers
_TITLES = {"p": "Generative model", "q": "Recognition model"}
_SHADE = "#d4d9df"
_EDGE = 1.1  # line width, in points


def draw_graph(
    q: Factorisation,
    p: Factorisation,
    observed: Collection[str] = ("x",),
    partly: Collection[str] = (),
    discrete: Collection[str] = (),
) -> Figure:
    """Draws the generative model p beside the recognition model q.

    References:
        Siddharth et al., "Learning disentangled representations in deep generative models", Figure 3.

    Args:
        q: the latents with their parents, as the recognition model factorises.
        p: all variables with their parents, as the generative model factorises.
        observed: the variables known in every row: shaded.
        partly: the variables that are labelled in some rows: half shaded.
        discrete: the variables with finitely many values: a double outline.
    """
    looks = {"observed": set(observed), "partly": set(partly), "discrete": set(discrete)}
    panels = [("p", p, False), ("q", q, True)]
    layouts = [lay_out(_complete(factors), upwards=upwards) for _, factors, upwards in panels]
    sizes = [_size(layout) for layout in layouts]
    texts = [_lines(letter, factors, size[0]) for (letter, factors, _), size in zip(panels, sizes, strict=True)]
    head = 0.42 + 0.16 * max(map(len, texts))
    foot = 0.42
    widths = [max(width, 2.9, 0.068 * max(map(len, text)) + 0.2) for (width, _), text in zip(sizes, texts, strict=True)]
    figure = new_figure(sum(widths), head + max(height for _, height in sizes) + foot, _caption(looks))
    left = 0.0
    for (letter, _, _), layout, width, text in zip(panels, layouts, widths, texts, strict=True):
        axes = _panel(figure, left, width, foot, head)
        _draw(axes, layout, looks)
        _write_title(figure, left + width / 2, _TITLES[letter], text)
        left += width
    _draw_key(figure, looks)
    return figure


def draw_model(model: Drawable, path: str | os.PathLike[str] | None = None, *, partly: Collection[str] = ()) -> Figure:
    """Draws the graph of a model, see `draw_graph`.

    Args:
        model: the model.
        path: a PNG file to save the picture in; None: it is not saved.
        partly: the latents that are labelled in some rows.

    Raises:
        RunError: the file could not be written.
    """
    discrete = {name for name, family in model.latents.items() if family.discrete}
    q, p = plates(model.graph.q_parents), plates(model.graph.p_parents)
    figure = draw_graph(list(q.items()), list(p.items()), {"x"}, partly, discrete)
    if path is not None:
        save(figure, path)
    return figure


def _complete(factors: Factorisation) -> dict[str, list[str]]:
    """Returns the parents of each variable, those that are only parents (x in q) first and without parents."""
    own = {variable: list(dict.fromkeys(parents)) for variable, parents in factors}
    roots: dict[str, list[str]] = {parent: [] for parents in own.values() for parent in parents if parent not in own}
    return {**roots, **own}


def _lines(letter: str, factors: Factorisation, width: float) -> list[str]:
    """Returns the factorisation in lines for a panel of this width in inches, broken between factors only."""
    terms = [
        f"{letter}({name} | {', '.join(parents)})" if parents else f"{letter}({name})" for name, parents in factors
    ]
    text = " ".join(term.replace(" ", "\u00a0") for term in terms)
    return textwrap.wrap(text, max(30, int(14 * width)), break_long_words=False, break_on_hyphens=False)


def _size(layout: Layout) -> tuple[float, float]:
    """Returns the width and height that a layout needs, with a margin, in inches."""
    points = np.array([*layout.nodes.values(), *(point for route in layout.edges.values() for point in route)])
    across, up = np.ptp(points, axis=0) if len(points) else (0.0, 0.0)
    return float(across) * _ACROSS + 2 * _RADIUS + 0.6, float(up) * _UP + 2 * _RADIUS + 0.2


def _panel(figure: Figure, left: float, width: float, foot: float, head: float) -> Axes:
    """Returns axes in inches, with their origin at the centre of the lowest layer."""
    total_width, total_height = figure.get_size_inches()
    height = total_height - foot - head
    axes = figure.add_axes((left / total_width, foot / total_height, width / total_width, height / total_height))
    axes.set_xlim(-width / 2, width / 2)
    axes.set_ylim(-_RADIUS - 0.1, height - _RADIUS - 0.1)
    axes.set_axis_off()
    return axes


def _draw(axes: Axes, layout: Layout, looks: Mapping[str, set[str]]) -> None:
    """Draws the edges, then the nodes above them, centred in the panel and hanging from its top."""
    points = np.array([*layout.nodes.values(), *(point for route in layout.edges.values() for point in route)])
    middle = (points[:, 0].min() + points[:, 0].max()) / 2
    lift = (axes.get_ylim()[1] - _RADIUS - 0.1 - points[:, 1].max() * _UP) / 2

    def place(point: Point) -> Point:
        return (point[0] - middle) * _ACROSS, point[1] * _UP + lift

    for route in layout.edges.values():
        _draw_edge(axes, [place(point) for point in route])
    size = min(TITLE_SIZE, 0.62 * 72 / (0.56 * max(map(len, layout.nodes))))
    for name, point in layout.nodes.items():
        _draw_node(axes, place(point), _RADIUS, {look for look, names in looks.items() if name in names})
        axes.text(*place(point), name, ha="center", va="center_baseline", fontsize=size, color=INK, zorder=5)


def _draw_edge(axes: Axes, route: Sequence[Point]) -> None:
    """Draws an arrow along a smooth curve, from the outline of its first node to that of its last."""
    curve = _smooth(np.array(route))
    outside = (np.linalg.norm(curve - curve[0], axis=1) > _RADIUS) & (
        np.linalg.norm(curve - curve[-1], axis=1) > _RADIUS + 0.03
    )
    arrow = FancyArrowPatch(
        path=Path(curve[outside]), arrowstyle="-|>,head_length=4.5,head_width=2.2", mutation_scale=1.0, color=INK,
        linewidth=_EDGE, joinstyle="miter", zorder=1,
    )  # fmt: skip
    arrow.set_capstyle("butt")
    axes.add_patch(arrow)


def _smooth(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns a Catmull-Rom curve through points, finely divided."""
    tangents = np.gradient(points, axis=0)
    t = np.linspace(0, 1, 60, endpoint=False)[:, None]
    pieces = [
        (1 + 2 * t) * (1 - t) ** 2 * a
        + t * (1 - t) ** 2 * tangents[i]
        + t**2 * (3 - 2 * t) * b
        - t**2 * (1 - t) * tangents[i + 1]
        for i, (a, b) in enumerate(pairwise(points))
    ]
    return np.concatenate([*pieces, points[-1:]])


def _draw_node(axes: Axes, centre: Point, radius: float, look: Collection[str]) -> None:
    """Draws a circle: shaded, half shaded or white; with a second outline where discrete."""
    fill = _SHADE if "observed" in look else "white"
    axes.add_patch(Circle(centre, radius, facecolor=fill, edgecolor="none", zorder=2))
    if "partly" in look and "observed" not in look:
        axes.add_patch(Wedge(centre, radius, 180, 360, facecolor=_SHADE, edgecolor="none", zorder=3))
    for ring in (radius, radius - 0.035)[: 2 if "discrete" in look else 1]:
        axes.add_patch(
            Circle(centre, ring, fill=False, edgecolor=INK, linewidth=_EDGE if ring == radius else 0.7, zorder=4)
        )


def _write_title(figure: Figure, middle: float, title: str, lines: Sequence[str]) -> None:
    """Writes the name of a panel and its factorisation above it."""
    width, height = figure.get_size_inches()
    figure.text(middle / width, 1 - 0.12 / height, title, ha="center", va="top", fontsize=TITLE_SIZE, color=INK)
    text = "\n".join(lines)
    figure.text(
        middle / width, 1 - 0.34 / height, text, ha="center", va="top", fontsize=TEXT_SIZE, color=SOFT, style="italic"
    )


def _draw_key(figure: Figure, looks: Mapping[str, set[str]]) -> None:
    """Explains the looks that occur, in one line at the foot."""
    words = {"observed": "observed", "partly": "labelled in some rows", "discrete": "discrete"}
    shown = {look: word for look, word in words.items() if looks[look]}
    width, height = figure.get_size_inches()
    axes = figure.add_axes((0, 0, 1, 0.36 / height))
    axes.set_xlim(0, width)
    axes.set_ylim(0, 0.36)
    axes.set_axis_off()
    lengths = [0.26 + 0.061 * len(word) + 0.24 for word in shown.values()]
    left = (width - sum(lengths)) / 2
    for (look, word), length in zip(shown.items(), lengths, strict=True):
        _draw_node(axes, (left + 0.1, 0.2), 0.085, {look})
        axes.text(left + 0.26, 0.2, word, va="center_baseline", fontsize=TEXT_SIZE - 0.5, color=SOFT)
        left += length


def _caption(looks: Mapping[str, set[str]]) -> str:
    """Returns how to read the picture."""
    partly = ", half shaded ones are labelled in some rows" if looks["partly"] else ""
    double = ", a double outline marks discrete ones" if looks["discrete"] else ""
    return f"The model: arrows go from parents to children; shaded variables are observed{partly}{double}."
