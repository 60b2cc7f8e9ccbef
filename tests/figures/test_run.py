"""All figures of a run."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import unbraid as ub
from unbraid.errors import DataError
from unbraid.figures import caption_of, figures_for_run, png_bytes


class Digits(ub.Model):
    def encode(self, x: Any) -> dict[str, Any]:
        digit = ub.Categorical(3)(x)
        return {"digit": digit, "style": ub.Normal(2)(digit, x)}

    def decode(self, digit: Any, style: Any) -> Any:
        return ub.Bernoulli(1, 6, 8)(digit, style)


def test_makes_all_that_apply(make_painter: Any, history: list[dict[str, Any]]) -> None:
    painter = make_painter(digits=8)
    images, labels = painter.images(), np.arange(30) % 4
    figures = figures_for_run(painter, images, {"digit": labels}, history, shown=(images, {"digit": labels}))
    expected = ["labelled", "curves", "analogies", "traversal", "samples", "reconstructions", "confusion_digit"]
    assert list(figures) == expected
    assert all(caption_of(figure).endswith(".") for figure in figures.values())


def test_a_model_also_gives_its_graph(painter: Any) -> None:
    figures = figures_for_run(Digits(), painter.images(), {"digit": np.arange(30) % 3})
    assert list(figures) == ["graph", "analogies", "traversal", "samples", "reconstructions", "confusion_digit"]


def test_leaves_out_what_does_not_apply(make_painter: Any, history: list[dict[str, Any]]) -> None:
    free = make_painter(digits=None)
    assert list(figures_for_run(free, free.images())) == ["traversal", "samples", "reconstructions"]
    table = make_painter(shape=(5,), digits=5)
    assert list(figures_for_run(table, table.images(), {"digit": [0] * 30}, history)) == ["curves", "confusion_digit"]


def test_is_the_same_every_time(make_painter: Any) -> None:
    model = make_painter(digits=8)
    one, two = (figures_for_run(model, model.images()) for _ in range(2))
    assert all(png_bytes(one[name]) == png_bytes(two[name]) for name in one)


def test_refuses_other_rows(painter: Any) -> None:
    with pytest.raises(DataError, match="the figure needs images of the shape"):
        figures_for_run(painter, painter.images()[..., :3])
