"""Drawn sprites: each factor does what its label says, and nothing else."""

from __future__ import annotations

from math import pi
from typing import Any

import numpy as np
import pytest
import torch

from unbraid.data import SPRITE_SHAPES, Rows, sprites
from unbraid.errors import DataError, OptionError

GRID = sprites(None, scales=3, rotations=8, places=5)


def row(**factors: float) -> torch.Tensor:
    """The image of the grid's row with the given factors; the first value where one is not given."""
    wanted: dict[str, float] = {"shape": 0, "scale": 0.5, "rotation": 0.0, "x": 0.0, "y": 0.0} | factors
    near = [np.isclose(GRID.labels[name], value) for name, value in wanted.items()]
    (found,) = np.flatnonzero(np.logical_and.reduce(near))
    return GRID.images[found, 0]


def centre(image: torch.Tensor) -> tuple[float, float]:
    """The centre of mass, in pixels: (x, y)."""
    at = torch.arange(len(image)) + 0.5
    return float((image.sum(0) * at).sum() / image.sum()), float((image.sum(1) * at).sum() / image.sum())


def test_the_grid_holds_each_combination_once() -> None:
    table = np.stack([GRID.labels[name] for name in ("shape", "scale", "rotation", "x", "y")], axis=1)
    assert len(GRID) == len(np.unique(table, axis=0)) == 3 * 3 * 8 * 5 * 5
    assert GRID.labels["shape"].dtype == np.int64
    assert np.unique(GRID.labels["scale"]).tolist() == [0.5, 0.75, 1.0]
    assert np.unique(GRID.labels["rotation"]) == pytest.approx(np.arange(8) * pi / 4)
    assert np.unique(GRID.labels["x"]).tolist() == np.unique(GRID.labels["y"]).tolist() == [0, 0.25, 0.5, 0.75, 1]


@pytest.mark.parametrize("shape", range(3), ids=SPRITE_SHAPES)
def test_x_and_y_move_the_sprite(shape: int) -> None:
    start, end = centre(row(shape=shape)), centre(row(shape=shape, x=1.0, y=0.5))
    travel = 32 - 2 * (0.2 * 32 + 1.25)
    assert end[0] - start[0] == pytest.approx(travel, abs=0.15)
    assert end[1] - start[1] == pytest.approx(travel / 2, abs=0.15)


@pytest.mark.parametrize("size", [32, 64])
def test_the_areas_are_those_of_the_shapes(size: Any) -> None:
    """Anti-aliasing keeps the area: a square of diagonal 2, an ellipse of half-axes 1 and 0.5, a heart by its parts."""
    grid = sprites(None, size=size, scales=2, rotations=12, places=3)
    radius = 0.2 * size * grid.labels["scale"]
    areas = grid.images.sum(dim=(1, 2, 3)).numpy() / radius**2
    heart = (0.5 + pi / 8) / 0.675**2  # a square of side 1/sqrt(2), and two half-discs of that diameter
    for shape, area in enumerate((2.0, pi / 2, heart)):
        of = areas[grid.labels["shape"] == shape]
        assert of.mean() == pytest.approx(area, rel=0.02)
        assert of == pytest.approx(np.full(len(of), area), rel=0.06)


def test_rotation_is_counter_clockwise_and_symmetries_hold() -> None:
    turned = {shape: [row(shape=shape, rotation=k * pi / 4, x=0.5, y=0.5) for k in range(8)] for shape in range(3)}
    for shape in range(3):
        quarter = torch.rot90(turned[shape][0])
        assert torch.allclose(turned[shape][2], quarter, atol=1e-4)
    assert torch.allclose(turned[0][0], turned[0][2], atol=1e-4)
    assert torch.allclose(turned[1][0], turned[1][4], atol=1e-4)
    assert not torch.allclose(turned[1][0], turned[1][2], atol=0.1)
    assert not torch.allclose(turned[2][0], turned[2][4], atol=0.1)


def test_the_heart_stands_on_its_tip() -> None:
    image = row(shape=2, scale=1.0, x=0.5, y=0.5)
    rows = (image > 0.5).sum(1)
    filled = rows[rows > 0]
    assert filled[-1] <= 2
    assert filled.argmax() < len(filled) / 2
    assert torch.allclose(image, image.flip(1), atol=1e-4)
    assert image[:, 15:17].argmax(0).min() > image[:, 11:13].argmax(0).min()  # the dent


def test_no_sprite_is_cut_and_edges_are_smooth() -> None:
    assert torch.cat([GRID.images[..., [0, -1], :].flatten(), GRID.images[..., [0, -1]].flatten()]).max() == 0
    grey = ((GRID.images > 0.01) & (GRID.images < 0.99)).sum(dim=(1, 2, 3))
    assert GRID.images.amax(dim=(1, 2, 3)).min() == 1
    assert (grey > 0).float().mean() > 0.9


def test_random_rows_are_rows_of_the_grid_none_twice() -> None:
    some = sprites(300, scales=3, rotations=8, places=5)
    keys = _keys(some)
    assert len(set(keys)) == 300
    images = dict(zip(_keys(GRID), GRID.images, strict=True))
    assert all(torch.equal(images[key], image) for key, image in zip(keys, some.images, strict=True))


def _keys(rows: Rows) -> list[tuple[float, ...]]:
    return [tuple(values) for values in np.stack(list(rows.labels.values()), axis=1).tolist()]


def test_the_seed_fixes_the_rows() -> None:
    first, again, other = (sprites(40, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first.images, again.images)
    assert not torch.equal(first.images, other.images)


def test_a_factor_with_one_value() -> None:
    only = sprites(None, scales=1, rotations=1, places=1)
    assert len(only) == 3
    assert set(only.labels["scale"].tolist()) == {0.75}
    assert set(only.labels["x"].tolist()) == {0.5}


def test_the_number_of_rows() -> None:
    assert len(sprites(0)) == 0
    assert len(sprites(12, scales=1, rotations=1, places=2)) == 12
    with pytest.raises(DataError, match="n is 13, but the grid has 12 sprites"):
        sprites(13, scales=1, rotations=1, places=2)
    with pytest.raises(DataError, match="n is -1"):
        sprites(-1)


def test_options() -> None:
    size: Any = 28
    with pytest.raises(OptionError, match="size=32 or size=64 pixels, got 28"):
        sprites(5, size=size)
    with pytest.raises(OptionError, match="rotations is 0: each factor needs at least one value"):
        sprites(5, rotations=0)
