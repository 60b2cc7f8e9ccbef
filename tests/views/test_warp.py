"""Warps keep the form and the range of images, and move what they show by no more than they may."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import Tensor

import unbraid as ub
from unbraid.errors import DataError
from unbraid.views import View, Warp

STILL = Warp(rotation=0.0, scale=0.0, shear=0.0, shift=0.0, elastic=0.0)
SHAPES = [(5, 1, 28, 28), (3, 3, 20, 32), (2, 2, 7, 5), (1, 1, 28, 28), (0, 1, 8, 8)]


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def centre(images: Tensor) -> Tensor:
    """The centre of mass of each image, (rows, 2): down and across, in pixels."""
    mass = images.sum(1)
    down = torch.arange(mass.shape[1], dtype=mass.dtype)[:, None]
    across = torch.arange(mass.shape[2], dtype=mass.dtype)
    return torch.stack([(mass * down).sum((1, 2)), (mass * across).sum((1, 2))], 1) / mass.sum((1, 2))[:, None]


def spot(rows: int, height: int, width: int, down: int, across: int) -> Tensor:
    """Images of one round spot."""
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return torch.exp(-((y - down) ** 2 + (x - across) ** 2) / 4.0).expand(rows, 1, height, width)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_form_and_the_range_are_kept(shape: tuple[int, ...]) -> None:
    images = torch.rand(shape, generator=seeded())
    view = Warp()(images, seeded(1))
    assert (view.shape, view.dtype) == (images.shape, images.dtype)
    assert bool(((view >= 0) & (view <= 1)).all())
    assert shape[0] == 0 or not torch.allclose(view, images, atol=0.1)


def test_double_precision_is_kept() -> None:
    assert Warp()(torch.rand(2, 1, 8, 8, dtype=torch.float64), seeded()).dtype == torch.float64


@pytest.mark.parametrize("shape", SHAPES)
def test_nothing_moves_where_nothing_may(shape: tuple[int, ...]) -> None:
    images = torch.rand(shape, generator=seeded())
    assert torch.allclose(STILL(images, seeded(1)), images, atol=1e-4)


def test_the_generator_decides() -> None:
    images = torch.rand(4, 1, 28, 28, generator=seeded())
    before = torch.random.get_rng_state()
    one, again, other = (Warp()(images, seeded(seed)) for seed in (1, 1, 2))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    assert torch.equal(before, torch.random.get_rng_state())


def test_every_row_moves_in_its_own_way() -> None:
    views = Warp()(torch.rand(1, 1, 28, 28, generator=seeded()).expand(4, 1, 28, 28), seeded(1))
    assert all(not torch.equal(views[0], views[row]) for row in (1, 2, 3))


@pytest.mark.parametrize(("height", "width"), [(28, 28), (20, 36)])
def test_a_shift_is_no_larger_than_asked_and_as_large(height: int, width: int) -> None:
    images = spot(400, height, width, height // 2, width // 2)
    moved = centre(dataclasses.replace(STILL, shift=3.0)(images, seeded())) - centre(images)
    assert moved.abs().max() <= 3.05
    assert (moved.abs().amax(0) > 2.8).all()  # of 400 draws, in both directions, in pixels
    assert moved.mean(0).abs().max() < 0.5  # the standard error is 3 / sqrt(3 * 400) = 0.09


def test_a_rotation_is_about_the_centre() -> None:
    images = spot(400, 29, 29, 14, 22)  # 8 pixels from the centre
    turned = centre(dataclasses.replace(STILL, rotation=30.0)(images, seeded())) - 14.0
    radius, angle = turned.norm(dim=1), torch.rad2deg(torch.atan2(turned[:, 0], turned[:, 1]))
    assert torch.allclose(radius, torch.tensor(8.0), atol=0.2)
    assert 28 < angle.abs().max() <= 30.5


def test_a_scale_is_within_its_range() -> None:
    images = spot(400, 29, 29, 14, 22)
    away = centre(dataclasses.replace(STILL, scale=0.2)(images, seeded())) - 14.0
    factor = (away[:, 1] / 8.0).log()
    assert 0.17 < factor.abs().max() <= 0.22
    assert away[:, 0].abs().max() < 0.05


def test_elastic_displacement_is_of_the_size_asked() -> None:
    images = spot(400, 28, 28, 14, 14)
    moved = centre(dataclasses.replace(STILL, elastic=1.0)(images, seeded())) - centre(images)
    assert 0.1 < moved.std() < 1.0  # a smooth field of control points, of which several act on a spot
    assert moved.abs().max() < 4.0


def test_what_a_digit_is_stays_recognisable() -> None:
    rows = ub.data.tiny_digits(60, seed=0)
    view = Warp(rotation=5.0, scale=0.05, shear=0.05, shift=1.0, elastic=0.3)(rows.images, seeded())
    near = torch.cdist(view.flatten(1), rows.images.flatten(1)).argmin(1)
    assert (rows.labels["digit"][near.numpy()] == rows.labels["digit"]).mean() > 0.7


def test_what_is_no_image_is_refused() -> None:
    with pytest.raises(DataError, match=r"Warp takes images \(rows, channels, height, width\), got the shape \(3, 8\)"):
        Warp()(torch.rand(3, 8))


def test_a_warp_is_a_view() -> None:
    assert isinstance(Warp(), View)


@pytest.mark.parametrize(("height", "width"), [(40, 40), (20, 80), (80, 20)])
def test_a_rotation_is_one_whatever_the_sides(height: int, width: int) -> None:
    """A line across the middle is turned by no more than was said, and by nearly as much in some images."""
    images = torch.zeros(200, 1, height, width)
    images[:, :, :, width // 2 - 1 : width // 2 + 1] = 1
    turned = dataclasses.replace(STILL, rotation=20.0)(images, seeded(1))
    lines = [height // 2 - 5, height // 2 + 4]
    columns = torch.arange(width, dtype=torch.float32)
    places = [(turned[:, 0, line] * columns).sum(1) / turned[:, 0, line].sum(1) for line in lines]
    angles = torch.rad2deg(torch.atan((places[1] - places[0]) / 9)).abs()
    assert 18 < angles.max() < 21
