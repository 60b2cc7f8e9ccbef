"""Images on their way to the page and back."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Sequence
from io import BytesIO

import torch
from PIL import Image
from torch import Tensor

from unbraid.data.area import area_average
from unbraid.data.pixels import BROKEN, pixels_of, stack
from unbraid.errors import DataError
from unbraid.figures.mosaic import is_mostly_black, mosaic


def data_url(image: Tensor, dark_on_white: bool) -> str:
    """Returns an image ([1 or 3,] height, width) in [0, 1] as a PNG file inside a URL.

    Args:
        image: values outside are clipped.
        dark_on_white: whether an image of one channel is drawn inverted.
    """
    pixels = mosaic(image[None, None], dark_on_white=dark_on_white).pixels
    file = BytesIO()
    Image.fromarray((pixels * 255).round().astype("uint8")).save(file, "PNG")
    return f"data:image/png;base64,{b64encode(file.getvalue()).decode()}"


def small(image: Tensor, side: int) -> Tensor:
    """Returns an image ([1 or 3,] height, width) whose longer side is at most `side` pixels."""
    height, width = image.shape[-2:]
    if max(height, width) <= side:
        return image
    sized = area_average(image.reshape(-1, height, width), _within(height, width, side))
    return sized.reshape(*image.shape[:-2], *sized.shape[-2:])


def _within(height: int, width: int, side: int) -> tuple[int, int]:
    """Returns the size of the same proportions that fits into a square."""
    scale = side / max(height, width)
    return max(1, round(height * scale)), max(1, round(width * scale))


def opened(content: str, shape: Sequence[int], dark_on_white: bool) -> Tensor:
    """Opens an image file of a user's as a row: cut to the rows' proportions, averaged to their size.

    Args:
        content: of the file, in base64.
        shape: ([1 or 3,] height, width) of a row.
        dark_on_white: whether rows are white on black; an image that is not is inverted then.

    Returns:
        (1, *shape), in [0, 1].

    Raises:
        DataError: it is no image.
    """
    try:
        with Image.open(BytesIO(b64decode(content, validate=True))) as image:
            pixels = pixels_of(image, "the image")
    except BROKEN as error:
        raise DataError(f"this file cannot be read as an image ({error}): open a PNG or JPEG file") from error
    height, width = shape[-2:]
    channels = shape[0] if len(shape) == 3 else 1
    sized = area_average(_cut(pixels, height / width), (height, width))
    row = stack([("the image", sized)], None, "grey" if channels == 1 else "rgb").reshape(1, *shape)
    return 1 - row if dark_on_white and is_mostly_black(1 - row) else row


def _cut(image: Tensor, proportion: float) -> Tensor:
    """Returns the middle of an image (channels, height, width) whose height is `proportion` times its width."""
    height, width = image.shape[1:]
    tall = min(height, max(1, round(width * proportion)))
    wide = min(width, max(1, round(height / proportion)))
    top, left = (height - tall) // 2, (width - wide) // 2
    return torch.narrow(torch.narrow(image, 1, top, tall), 2, left, wide)
