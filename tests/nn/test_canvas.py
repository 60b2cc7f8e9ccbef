"""The canvas in a program: traced, sized, trained through, and the same on plain tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import unbraid as ub
from unbraid.errors import DataError, ModelError
from unbraid.resampling import cut_from, place_onto


class Spot(ub.Model):
    """One of two dots, which both networks look at through a window."""

    def encode(self, x: Any) -> Any:
        place = ub.Normal(3)(ub.mlp(8)(x))
        window = ub.glimpse(x, ub.to_place(place), size=(6, 6))
        return {"place": place, "dot": ub.Categorical(2)(ub.mlp(8)(window))}

    def decode(self, place: Any, dot: Any) -> Any:
        item = ub.deconv(4, to=(1, 6, 6))(dot).sigmoid()
        canvas = ub.compose(ub.place(item, ub.to_place(place), size=(12, 12))[:, None])
        return ub.Normal(1, 12, 12)(loc=canvas, scale=0.3)


def decoding(make: Any) -> ub.Model:
    """Makes a model whose likelihood has what `make` returns for a latent (rows, 3) as its mean."""

    def encode(self: Any, x: Any) -> Any:
        return {"place": ub.Normal(3)(x)}

    def decode(self: Any, place: Any) -> Any:
        return ub.Normal(1, 12, 12)(loc=make(place), scale=1.0)

    program: type[ub.Model] = type("Program", (ub.Model,), {"encode": encode, "decode": decode})
    return program()


def test_a_program_is_the_same_in_tensors() -> None:
    latent, dot = torch.randn(3, 3), torch.ones(1, 1, 4, 4)
    model = decoding(lambda place: ub.place(dot, ub.to_place(place), size=(12, 12)))
    expected = place_onto(dot.expand(3, 1, 4, 4), ub.to_place(latent), (12, 12))
    torch.testing.assert_close(ub.place(dot, ub.to_place(latent), size=(12, 12)), expected)
    torch.testing.assert_close(model.generate({"place": latent}), expected)
    image = torch.rand(3, 1, 12, 12)
    torch.testing.assert_close(ub.glimpse(image, latent, size=(4, 5)), cut_from(image, latent, (4, 5)))


def test_a_dot_that_is_summed_out_is_placed_as_each_of_its_values() -> None:
    """The expectation of log p(x) under q(dot | x, place) is that of two passes with the dot fixed."""
    model = Spot(seed=0).double()
    x, place = torch.rand(5, 1, 12, 12, dtype=torch.float64), torch.randn(5, 3, dtype=torch.float64)

    def scored(**labels: Any) -> torch.Tensor:
        found = model.objective(x, {"place": place, **labels}, estimators={"dot": "enumerate"})
        return found.terms["log p(x)"].values.detach()

    of_each = torch.stack([scored(dot=torch.full((5,), dot)) for dot in (0, 1)], 1)
    assert not torch.allclose(of_each[:, 0], of_each[:, 1])
    q: Any = model.infer(x, place=place)["dot"]
    torch.testing.assert_close(scored(), (q.probs.detach() * of_each).sum(1))


@pytest.mark.parametrize("estimator", ["enumerate", "plug_in", "gumbel", "reinforce"])
def test_every_weight_learns_through_the_canvas(estimator: str) -> None:
    model = Spot(seed=0)
    x = torch.rand(16, 1, 12, 12, generator=torch.Generator().manual_seed(0))
    model.objective(x, {}, estimators={"dot": estimator}, generator=torch.Generator().manual_seed(1)).loss.backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.count_nonzero() > 0, name


def test_a_place_is_found_by_its_gradient() -> None:
    """A square is moved and scaled onto a target by plain gradient descent."""
    square, target = torch.ones(1, 1, 6, 6), torch.tensor([[0.4, 0.5, -0.3]])
    picture, latent = ub.place(square, target, size=(20, 20)), torch.zeros(1, 3, requires_grad=True)
    optimiser = torch.optim.Adam([latent], lr=0.1)
    for _ in range(100):
        optimiser.zero_grad()
        (ub.place(square, ub.to_place(latent), size=(20, 20)) - picture).square().sum().backward()
        optimiser.step()
    torch.testing.assert_close(ub.to_place(latent).detach(), target, rtol=0, atol=0.01)


def test_shapes_that_do_not_fit_are_named_with_their_line() -> None:
    with pytest.raises(
        ModelError, match=r"Program.decode \(test_canvas.py, line \d+\): place takes items \(rows, channels, height"
    ):
        decoding(lambda place: ub.place(place, place, size=(12, 12)))
    with pytest.raises(ModelError, match=r"Program.decode .*: compose takes items \(rows, steps, channels"):
        decoding(lambda place: ub.compose(place))
    with pytest.raises(ModelError, match=r"Program.decode .*: to_place takes three numbers, for scale, x and y, got"):
        decoding(lambda place: ub.place(torch.ones(1, 1, 4, 4), ub.to_place(place[:, :2]), size=(12, 12)))
    with pytest.raises(ModelError, match=r"^ub.glimpse takes places \(rows, 3\)"):
        ub.glimpse(torch.zeros(1, 1, 4, 4), torch.zeros(1, 2))


@pytest.mark.parametrize("size", [50, (50,), (50, 0), (50.0, 50.0), (1, 50, 50)])
def test_a_size_is_a_height_and_a_width(size: Any) -> None:
    for layer in (ub.place, ub.glimpse):
        layer(torch.zeros(1, 1, 4, 4), torch.zeros(1, 3), size=(5, 4))
        with pytest.raises(ModelError, match=r"test_canvas.py, line \d+: the size of (place|glimpse) is its height"):
            layer(torch.zeros(1, 1, 4, 4), torch.zeros(1, 3), size=size)


def test_places_and_latents_are_each_others_inverse() -> None:
    latent = torch.randn(20, 2, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    place = ub.to_place(latent, scales=(0.3, 0.7))
    assert place[..., 0].min() > 0.3
    assert place[..., 0].max() < 0.7
    assert place[..., 1:].abs().max() < 1
    torch.testing.assert_close(ub.from_place(place, scales=(0.3, 0.7)), latent)
    torch.testing.assert_close(ub.from_place(place.numpy(), scales=(0.3, 0.7)), latent)


def test_labels_of_places_may_be_missing_and_lie_on_the_edge() -> None:
    labels = np.array([[0.2, -1, 1], [0.8, 1, 0], [np.nan] * 3], np.float32)
    latent = ub.from_place(labels)
    assert latent[:2].isfinite().all()
    assert latent[2].isnan().all()
    torch.testing.assert_close(ub.to_place(latent[:2]), torch.from_numpy(labels[:2]), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("place", "match"),
    [
        ([0.9, 0.0, 0.0], r"the place of row 1 is \[0.899.*\]: scales=\(0.2, 0.8\) do not hold the scale"),
        ([0.5, 0.0, 1.5], r"the place of row 1 is \[0.5, 0.0, 1.5\]: x or y is not in -1..1"),
    ],
)
def test_places_off_the_canvas_are_refused(place: list[float], match: str) -> None:
    good = [0.5, 0.0, 0.0]
    ub.from_place([good, good])
    with pytest.raises(DataError, match=match):
        ub.from_place([good, place])
    with pytest.raises(DataError, match=match.replace("row 1", "row 0, step 1")):
        ub.from_place([[good, place]])


def test_wrong_scales_and_shapes_are_refused() -> None:
    with pytest.raises(DataError, match=r"places \(rows, ..., 3\), got the shape \(2,\)"):
        ub.from_place([0.5, 0.0])
    for scales in ((0.0, 1.0), (0.5, 0.5), (0.8, 0.2)):
        with pytest.raises(ModelError, match="scales are the smallest and the largest, 0 < low < high"):
            ub.to_place(torch.zeros(1, 3), scales=scales)


@pytest.mark.parametrize("scales", [(0.45, 0.6), (0.3, 0.7), (0.2, 0.8), (0.01, 0.03)])
def test_the_ends_of_a_range_of_scales_belong_to_it(scales: tuple[float, float]) -> None:
    for scale in scales:
        assert ub.from_place(torch.tensor([[scale, 0.0, 0.0]]), scales).isfinite().all()
    extreme = torch.tensor([[30.0, 0.0, 0.0], [-30.0, 0.0, 0.0]])
    assert ub.from_place(ub.to_place(extreme, scales), scales).isfinite().all()
