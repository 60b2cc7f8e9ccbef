"""The area average: images made smaller without aliasing."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from unbraid.errors import DataError


def area_average(images: Float[Tensor, "*rows height width"], size: tuple[int, int]) -> Tensor:
    """Resizes images: each new pixel is the mean of the old ones under it, weighted by the area that it covers of each.

    out = R x Cᵀ, where R and C hold the share that an old row or column has of a new one. Where the new size divides
    the old one, these are plain means of blocks.

    Args:
        images: (..., height, width) floats.
        size: the new height and width, in pixels.

    Returns:
        (..., *size).

    Raises:
        DataError: the size is not two whole numbers above 0, or images are not floats.

    Example:
        >>> area_average(torch.tensor([[0.0, 0.3, 0.6]]), (1, 2))
        tensor([[0.1000, 0.5000]])
    """
    check_size(size)
    if not images.is_floating_point():
        raise DataError(f"images are {images.dtype}, and means are floats: give images.float(), bytes divided by 255")
    height, width = images.shape[-2:]
    if (height, width) == tuple(size):
        return images
    if not images.numel():
        return images.new_zeros(*images.shape[:-2], *size)
    rows, columns = (shares(old, new).to(images) for old, new in zip((height, width), size, strict=True))
    return (rows @ images @ columns.T).clamp(images.amin(), images.amax())  # a mean that rounding carries no further


def shares(old: int, new: int) -> Float[Tensor, "new old"]:
    """Returns which share each of `old` pixels in a line has of each of `new` pixels that cover the same length.

    Example:
        >>> shares(3, 2)
        tensor([[0.6667, 0.3333, 0.0000],
                [0.0000, 0.3333, 0.6667]])
    """
    ends = torch.arange(new + 1, dtype=torch.float64) * old / new
    pixels = torch.arange(old, dtype=torch.float64)
    first, last = ends[:-1, None].maximum(pixels), ends[1:, None].minimum(pixels + 1)
    return ((last - first).clamp(min=0) * new / old).float()


def check_size(size: object) -> None:
    """Refuses what is no size of an image.

    Raises:
        DataError: it is not two whole numbers above 0.
    """
    numbers = isinstance(size, tuple | list) and len(size) == 2 and all(type(each) is int for each in size)
    if not numbers or min(size) < 1:  # type: ignore[call-overload]
        raise DataError(f"a size of images is (height, width), two whole numbers above 0, got {size!r}")
