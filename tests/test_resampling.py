"""Resampling: exact where nothing changes size, nothing lost where it is moved or shrunk, differentiable, safe."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from unbraid.errors import ModelError
from unbraid.resampling import SMALLEST, cut_from, place_onto


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def at(scale: float, x: float = 0.0, y: float = 0.0) -> Tensor:
    return torch.tensor([[scale, x, y]], dtype=torch.float64)


def interpolated(images: Tensor, where: Tensor, size: tuple[int, int]) -> Tensor:
    """Places images by the spatial transformer of torch, which interpolates linearly and never averages."""
    scale, x, y = where.unbind(-1)
    zero = torch.zeros_like(scale)
    maps = torch.stack([1 / scale, zero, -x / scale, zero, 1 / scale, -y / scale], -1).view(-1, 2, 3)
    grid = functional.affine_grid(maps, [len(images), images.shape[1], *size], align_corners=False)
    return functional.grid_sample(images, grid, align_corners=False)


@pytest.mark.parametrize("shape", [(28, 28), (5, 8), (1, 1)])
def test_an_item_as_large_as_the_canvas_is_the_canvas(shape: tuple[int, int]) -> None:
    item = random(3, 2, *shape).float()
    where = at(1.0).float()
    torch.testing.assert_close(place_onto(item, where, shape), item, rtol=0, atol=1e-6)
    torch.testing.assert_close(cut_from(item, where, shape), item, rtol=0, atol=1e-6)


@pytest.mark.parametrize(("right", "down"), [(0, 0), (7, 0), (-11, 11), (3, -9)])
def test_moved_by_whole_pixels_an_item_is_a_copy(right: int, down: int) -> None:
    item = random(1, 1, 28, 28)
    canvas = place_onto(item, at(0.56, right / 25, down / 25), (50, 50))
    top, left = 11 + down, 11 + right
    torch.testing.assert_close(canvas[..., top : top + 28, left : left + 28], item)
    torch.testing.assert_close(canvas.sum(), item.sum())


def test_x_is_to_the_right_and_y_down() -> None:
    dot = torch.ones(1, 1, 1, 1, dtype=torch.float64)
    canvas = place_onto(dot, at(0.2, 0.8, -0.4), (5, 5))[0, 0]
    torch.testing.assert_close(canvas.nonzero(), torch.tensor([[1, 4]]))


@pytest.mark.parametrize("scale", [0.57, 0.7, 1.0, 1.9])
def test_enlarged_items_are_interpolated_as_by_torch(scale: float) -> None:
    item, where = random(4, 2, 28, 28), torch.cat([torch.full((4, 1), scale), random(4, 2, seed=1) - 0.5], 1)
    torch.testing.assert_close(place_onto(item, where, (50, 50)), interpolated(item, where, (50, 50)))


@pytest.mark.parametrize("scale", [0.5, 0.31, 0.1, 0.03])
def test_shrunk_anywhere_an_item_keeps_its_ink(scale: float) -> None:
    """Each pixel is the mean over its square, and the squares tile the item: nothing falls between them."""
    item = random(20, 1, 28, 28)
    where = torch.cat([torch.full((20, 1), scale), (random(20, 2, seed=1) - 0.5) * 0.9], 1)
    ink = place_onto(item, where, (50, 50)).sum((1, 2, 3)) * (28 / (50 * scale)) ** 2
    torch.testing.assert_close(ink, item.sum((1, 2, 3)))


def test_a_shrunk_grating_is_grey_and_does_not_alias() -> None:
    grating = (torch.arange(56) % 2).double().expand(1, 1, 56, 56)
    where = at(0.25, 0.013)
    middle = (slice(None), slice(None), slice(22, 28), slice(22, 28))
    assert (place_onto(grating, where, (50, 50))[middle] - 0.5).abs().max() < 0.12
    assert (interpolated(grating, where, (50, 50))[middle] - 0.5).abs().max() > 0.3


def test_a_white_item_is_white_however_it_is_shrunk() -> None:
    canvas = place_onto(torch.ones(1, 1, 28, 28, dtype=torch.float64), at(0.37), (50, 50))
    torch.testing.assert_close(canvas[..., 18:32, 18:32], torch.ones(1, 1, 14, 14, dtype=torch.float64))
    assert canvas.max() < 1 + 1e-12


@pytest.mark.parametrize(("x", "y"), [(1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0), (1.0, -1.0)])
def test_half_of_an_item_on_an_edge_is_cut_off(x: float, y: float) -> None:
    """Compared with the middle of a canvas twice as large, whose border lies far away."""
    item = random(1, 1, 10, 10)
    canvas = place_onto(item, at(0.5, x, y), (20, 20))
    wide = place_onto(item, at(0.25, x / 2, y / 2), (40, 40))
    torch.testing.assert_close(canvas, wide[..., 10:30, 10:30])
    assert 0 < canvas.sum() < item.sum()


def test_off_the_canvas_there_is_nothing() -> None:
    assert place_onto(random(1, 1, 10, 10), at(0.5, 1.7, 0.0), (20, 20)).count_nonzero() == 0


@pytest.mark.parametrize("where", [(0.56, 0.2, -0.4), (0.56, 0.0, 0.0), (0.84, 0.1, 0.05)])
def test_a_glimpse_gives_back_what_was_placed(where: tuple[float, float, float]) -> None:
    x = torch.linspace(-1, 1, 28, dtype=torch.float64)
    blob = torch.exp(-4 * (x**2 + x[:, None] ** 2))[None, None]
    found = cut_from(place_onto(blob, at(*where), (50, 50)), at(*where), (28, 28))
    torch.testing.assert_close(found, blob, rtol=0, atol=0.02)


def test_rows_are_placed_one_by_one() -> None:
    items, where = random(6, 2, 9, 7), torch.cat([random(6, 1, seed=1) + 0.1, random(6, 2, seed=2) * 2 - 1], 1)
    for resample, size in ((place_onto, (12, 15)), (cut_from, (4, 5))):
        alone = torch.cat([resample(items[i : i + 1], where[i : i + 1], size) for i in range(6)])
        torch.testing.assert_close(resample(items, where, size), alone)
        steps = resample(items.view(2, 3, 2, 9, 7), where.view(2, 3, 3), size)
        torch.testing.assert_close(steps.flatten(0, 1), alone)
        same = resample(items, where[:1], size)
        torch.testing.assert_close(same, resample(items, where[:1].expand(6, 3), size))


@pytest.mark.parametrize("resample", [place_onto, cut_from], ids=["place_onto", "cut_from"])
@pytest.mark.parametrize("scale", [0.23, 0.41, 0.83, 1.7])
def test_gradients(resample: object, scale: float) -> None:
    item = random(2, 1, 6, 5).requires_grad_()
    where = torch.tensor([[scale, 0.137, -0.291], [scale * 1.1, -0.733, 0.519]], dtype=torch.float64).requires_grad_()
    assert callable(resample)
    assert torch.autograd.gradcheck(lambda i, w: resample(i, w, (9, 11)), (item, where))


EXTREME = [0.0, -1.0, 1e-30, 1e30, torch.inf, -torch.inf]


@pytest.mark.parametrize("resample", [place_onto, cut_from], ids=["place_onto", "cut_from"])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, torch.float64], ids=str)
def test_extreme_places_are_finite(resample: object, dtype: torch.dtype) -> None:
    where = torch.cartesian_prod(*[torch.tensor(EXTREME)] * 3).to(dtype).requires_grad_()
    item = random(len(where), 1, 6, 6).to(dtype).requires_grad_()
    assert callable(resample)
    result = resample(item, where, (10, 10))
    assert result.dtype == dtype
    for tensor in (result, *torch.autograd.grad(result.sum(), (item, where))):
        assert tensor.isfinite().all()
    assert result.max() <= 1


def test_too_small_a_scale_is_the_smallest() -> None:
    item = random(1, 1, 6, 6)
    torch.testing.assert_close(place_onto(item, at(0.0), (10, 10)), place_onto(item, at(SMALLEST), (10, 10)))


def test_half_precision_places_as_precisely_as_single() -> None:
    item, where = random(8, 1, 28, 28), torch.cat([random(8, 1, seed=1) * 0.5 + 0.3, random(8, 2, seed=2) - 0.5], 1)
    rough = place_onto(item.bfloat16(), where.float(), (50, 50))
    torch.testing.assert_close(rough.double(), place_onto(item, where, (50, 50)), rtol=0, atol=0.02)


@pytest.mark.parametrize(
    ("items", "where", "match"),
    [
        (torch.zeros(4, 28, 28), torch.zeros(4, 3), r"^takes items \(rows, channels, height, width\), got the shape"),
        (torch.zeros(4, 1, 28, 28), torch.zeros(4, 2), r"^takes places \(rows, 3\), each \(scale, x, y\), got.*4, 2"),
        (torch.zeros(4, 1, 28, 28), torch.tensor(1.0), r"^takes places \(rows, 3\)"),
        (torch.zeros(4, 1, 28, 28), torch.zeros(5, 3), r"one place for each of its items.*\(4, 1, 28, 28\).*\(5, 3\)"),
        (torch.zeros(4, 2, 1, 28, 28), torch.zeros(4, 3), r"one place for each of its items"),
        (torch.zeros(4, 1, 8, 8, dtype=torch.uint8), torch.zeros(4, 3), r"takes floats, got items of torch.uint8"),
    ],
)
def test_wrong_shapes_are_refused(items: Tensor, where: Tensor, match: str) -> None:
    place_onto(torch.zeros(4, 1, 28, 28), torch.zeros(4, 3), (50, 50))
    with pytest.raises(ModelError, match=match):
        place_onto(items, where, (50, 50))
