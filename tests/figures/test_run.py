"""All figures of a run."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import unbraid as ub
from tests.models import LearnedPriors, rows_of
from unbraid.errors import DataError
from unbraid.figures import caption_of, figures_for_run, png_bytes, traversal


class Digits(ub.Model):
    def encode(self, x: Any) -> dict[str, Any]:
        digit = ub.Categorical(3)(x)
        return {"digit": digit, "style": ub.Normal(2)(digit, x)}

    def decode(self, digit: Any, style: Any) -> Any:
        return ub.Bernoulli(1, 6, 8)(digit, style)


class Families(ub.Model):
    """A vector of every family comes before the style."""

    def encode(self, x: Any) -> dict[str, Any]:
        return {
            "light": ub.Direction(3)(x),
            "share": ub.Beta(2)(x),
            "wait": ub.Gamma(2)(x),
            "size": ub.LogNormal(2)(x),
            "bits": ub.Bernoulli(3)(x),
            "turn": ub.Angle()(x),
            "kind": ub.Categorical(3)(x),
            "style": ub.Normal(3)(x),
        }

    def decode(self, light: Any, share: Any, wait: Any, size: Any, bits: Any, turn: Any, kind: Any, style: Any) -> Any:
        return ub.Bernoulli(1, 6, 8)(light, share, wait, size, bits, turn, kind, style)


class Lights(ub.Model):
    def encode(self, x: Any) -> dict[str, Any]:
        return {"light": ub.Direction(3)(x)}

    def decode(self, light: Any) -> Any:
        return ub.Bernoulli(1, 6, 8)(light)


class Item(ub.Submodel):
    def encode(self, x: Any) -> dict[str, Any]:
        return {"kind": ub.Categorical(3, estimator="plug_in")(x), "place": ub.Normal(2)(x)}

    def decode(self, kind: Any, place: Any) -> Any:
        return ub.dense(48)(kind, place)


class Items(ub.Model):
    """Things of variable number before a background."""

    def encode(self, x: Any) -> dict[str, Any]:
        count = ub.Categorical(4)(x)
        return {"count": count, "items": ub.Repeat(Item(), at_most=3)(x, count), "back": ub.Normal(2)(x)}

    def decode(self, items: Any, back: Any) -> Any:
        return ub.Bernoulli(1, 6, 8)(items.decode().sum(1), back)


class Conditional(ub.Model):
    """A style whose prior depends on a kind."""

    def encode(self, x: Any) -> dict[str, Any]:
        return {"kind": ub.Categorical(3)(x), "style": ub.Normal(2)(x)}

    def prior(self, kind: Any) -> dict[str, Any]:
        return {"style": ub.Normal(2)(kind)}

    def decode(self, kind: Any, style: Any) -> Any:
        return ub.Bernoulli(4, 4)(kind, style)


class Pairs(ub.Model):
    """Two things, and nothing else."""

    def encode(self, x: Any) -> dict[str, Any]:
        return {"items": ub.Repeat(Item())(x, 2)}

    def decode(self, items: Any) -> Any:
        return ub.Bernoulli(1, 6, 8)(items.decode().sum(1))


def test_makes_all_that_apply(make_painter: Any, history: list[dict[str, Any]]) -> None:
    painter = make_painter(digits=8)
    images, labels = painter.images(), np.arange(30) % 4
    figures = figures_for_run(painter, images, {"digit": labels}, history, shown=(images, {"digit": labels}))
    expected = ["labelled", "curves", "analogies", "traversal", "samples", "reconstructions", "confusion_digit"]
    assert list(figures) == expected
    assert all(caption_of(figure).endswith(".") for figure in figures.values())


def test_labels_of_any_form_draw_the_same(make_painter: Any) -> None:
    model, digits = make_painter(digits=8), [each % 4 for each in range(30)]
    images, known = model.images(), [None if row % 7 == 3 else digit for row, digit in enumerate(digits)]
    forms: list[Any] = [
        [-1 if each is None else each for each in known],
        known,
        np.ma.masked_array(digits, [each is None for each in known]),
        [np.nan if each is None else each for each in known],
        torch.tensor([-1 if each is None else each for each in known]),
    ]
    drawn = [figures_for_run(model, images, {"digit": each}, shown=(images, {"digit": each})) for each in forms]
    for name in ("labelled", "analogies", "confusion_digit"):
        assert len({png_bytes(each[name]) for each in drawn}) == 1
    nothing: Any = [None] * 30
    assert "confusion_digit" not in figures_for_run(model, images, {"digit": nothing})


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


def test_a_walk_keeps_to_real_vectors(painter: Any) -> None:
    """Other vectors stay at a value that they can have: a mean of directions is none."""
    figures = figures_for_run(Families(), painter.images())
    assert list(figures) == ["graph", "analogies", "traversal", "samples", "reconstructions"]
    assert caption_of(figures["traversal"]).startswith("Walk in style: within each grid kind is fixed")
    assert list(figures_for_run(Lights(), painter.images())) == ["graph", "samples", "reconstructions"]


def test_a_walk_is_under_the_prior_that_was_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    model = LearnedPriors(seed=0)
    images, seen = rows_of(model, 9), []

    def watched(values: Any) -> Any:
        seen.append(values["style"])
        return torch.zeros(9, 2, 3)

    monkeypatch.setattr(model, "generate", watched)
    figure = traversal(model, images, values=[1], steps=3)
    z = 1.5 * 1.6448536  # the prior has the mean 0.5 and the standard deviation 1.5
    torch.testing.assert_close(seen[0][0], torch.tensor([0.5 - z, 0.5 + z]), atol=1e-5, rtol=0.0)
    torch.testing.assert_close(seen[0][4], torch.tensor([0.5, 0.5]), atol=1e-5, rtol=0.0)
    assert "along the two axes of style" in caption_of(figure)


def test_a_walk_whose_prior_depends_on_others_goes_where_rows_are() -> None:
    model, images = Conditional(), torch.rand(30, 4, 4, generator=torch.Generator().manual_seed(0))
    assert "along the two leading principal directions of the inferred style" in caption_of(traversal(model, images))


def test_things_of_variable_number_are_left_out_or_kept(painter: Any) -> None:
    images, count = painter.images(), np.arange(30) % 4
    labels = {"count": count, "items.kind": np.where(np.arange(3) < count[:, None], 1, -1)}
    figures = figures_for_run(Items(), images, labels, shown=(images, labels))
    names = ["graph", "labelled", "analogies", "traversal", "samples", "reconstructions", "confusion_count"]
    assert list(figures) == names
    assert caption_of(figures["traversal"]).startswith("Walk in back: within each grid count is fixed")

    kinds = {"items.kind": np.ones((30, 2), np.int64)}
    figures = figures_for_run(Pairs(), images, kinds, shown=(images, kinds))
    assert list(figures) == ["graph", "samples", "reconstructions"]


def test_a_walk_with_things_shows_those_of_the_row_that_has_most(painter: Any) -> None:
    model, images = Items(), painter.images()
    inferred, seen = model.predict(images), []
    generate = model.generate

    def watched(values: Any) -> Any:
        seen.append(values)
        return generate(values)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(model, "generate", watched)
        traversal(model, images, values=[3], steps=2)
    row = int(inferred["count"].argmax())
    for name in ("items.kind", "items.place"):
        shown, there = seen[0][name], inferred[name][row]
        assert shown.shape == (4, *there.shape)
        assert torch.equal(shown.nan_to_num(9), there.expand_as(shown).nan_to_num(9))
