"""The area average: means of blocks where sizes divide, shares of pixels where they do not."""

from typing import Any

import numpy as np
import pytest
import torch

from unbraid.data import area_average
from unbraid.errors import DataError


def test_sizes_that_divide_give_means_of_blocks() -> None:
    images = torch.rand(3, 2, 6, 8, generator=torch.Generator().manual_seed(0))
    blocks = images.reshape(3, 2, 3, 2, 2, 4).mean((3, 5))
    torch.testing.assert_close(area_average(images, (3, 2)), blocks)
    assert area_average(images, (6, 8)) is images


@pytest.mark.parametrize("size", [(5, 3), (4, 7), (9, 11)])
def test_any_size_is_the_mean_of_what_each_pixel_covers(size: tuple[int, int]) -> None:
    images = torch.rand(2, 6, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    fine = np.kron(images.numpy(), np.ones((1, *size)))  # each old pixel as size[0] x size[1] equal ones
    blocks = fine.reshape(2, size[0], 6, size[1], 4).mean((2, 4))
    torch.testing.assert_close(area_average(images, size), torch.from_numpy(blocks), rtol=0, atol=1e-6)


def test_white_stays_white() -> None:
    assert area_average(torch.ones(1, 7, 7), (3, 5)).eq(1).all()


@pytest.mark.parametrize("size", [(0, 3), (3,), 5, (2.0, 2)], ids=str)
def test_what_is_no_size_is_refused(size: Any) -> None:
    with pytest.raises(DataError, match=r"a size of images is \(height, width\), two whole numbers above 0, got"):
        area_average(torch.ones(1, 7, 7), size)


def test_what_has_no_mean() -> None:
    with pytest.raises(DataError, match=r"images are torch\.uint8, and means are floats: .*bytes divided by 255"):
        area_average(torch.zeros(2, 1, 8, 8, dtype=torch.uint8), (4, 4))
    assert area_average(torch.zeros(0, 1, 8, 8), (4, 2)).shape == (0, 1, 4, 2)
