"""Images as tensors: grey or colour, all of one size."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image, ImageOps
from torch import Tensor

from unbraid.data.area import area_average
from unbraid.errors import DataError, OptionError

Colour = Literal["auto", "grey", "rgb"]
_GREY = (0.299, 0.587, 0.114)  # the luma of ITU-R BT.601, as pillow has it


BROKEN = (OSError, ValueError, SyntaxError, Image.DecompressionBombError)
"""What pillow raises for a file that is damaged, or is no image."""


def pixels_of(image: Image.Image, where: str) -> Float[Tensor, "channels height width"]:
    """Returns an image as one channel where it is grey, else as red, green and blue; transparency is dropped.

    Args:
        image: as pillow opened it; it is turned as the camera's orientation tag says.
        where: the image came from, for messages.

    Returns:
        (1 or 3, height, width) in [0, 1].

    Raises:
        DataError: the numbers of the image do not say what is white.
        OSError: the image is broken; and whatever else pillow raises.
    """
    sixteen = image.format == "PPM" and image.mode == "I"  # pillow makes 65535 of the white of such a file
    image = ImageOps.exif_transpose(image)
    if sixteen or image.mode.startswith("I;16"):
        wide = torch.from_numpy(np.asarray(image).astype(np.float32)) / 65535
        return wide[None]
    if image.mode in ("I", "F"):
        raise DataError(f"{where}: 32-bit images do not say what is white: save it with 8 or 16 bits a pixel")
    if image.mode in ("1", "L", "LA", "La"):
        return _bytes(image.convert("L"))[None]
    if image.mode in ("P", "PA"):
        image = image.convert("RGBA")  # transparent colours of a palette are no plain RGB
    return _bytes(image.convert("RGB")).permute(2, 0, 1)


def stack(
    images: Iterable[tuple[str, Float[Tensor, "channels height width"]]],
    size: tuple[int, int] | None,
    colour: Colour = "auto",
) -> Float[Tensor, "rows channels height width"]:
    """Makes one tensor of images.

    Args:
        images: with what messages call each.
        size: height and width to average them down to; None where they have one size already.
        colour: "grey" (one channel), "rgb" (three), or "auto": three if any has three.

    Raises:
        DataError: there is no image, one has neither one channel nor three, or two differ in size, and no size is
            given.
        OptionError: there is no such colour.
    """
    if colour not in ("auto", "grey", "rgb"):
        raise OptionError(f"colour must be 'auto', 'grey' or 'rgb', got {colour!r}")
    held: list[Tensor] = []
    first = ""
    for where, image in images:
        first = first or where
        if len(image) not in (1, 3):
            raise DataError(
                f"{where}: the image has {len(image)} channels, expected 1 (grey) or 3 (colour): leave others, such "
                "as transparency, out"
            )
        resized = image if size is None else area_average(image, size)
        if held and resized.shape[1:] != held[0].shape[1:]:
            (height, width), expected = image.shape[1:], tuple(held[0].shape[1:])
            raise DataError(
                f"{where}: the image has the size {(height, width)}, but {first} has {expected}: give "
                "size=(height, width), to which all are then resized"
            )
        held.append(_grey(resized) if colour == "grey" else resized)
    if not held:
        raise DataError("there is no image: the data have no rows")
    channels = 3 if colour == "rgb" or any(len(each) == 3 for each in held) else 1
    return torch.stack([each.expand(channels, -1, -1) for each in held])


def _bytes(image: Image.Image) -> Tensor:
    """Returns the bytes of an image in [0, 1]."""
    return torch.from_numpy(np.array(image, dtype=np.float32)) / 255


def _grey(image: Tensor) -> Tensor:
    """Returns an image of one channel."""
    if len(image) == 1:
        return image
    return torch.einsum("c,chw->hw", image.new_tensor(_GREY), image).clamp(0, 1)[None]
