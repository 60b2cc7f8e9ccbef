"""A grid of images as one picture: thin white gaps, each pixel a whole number of dots."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from unbraid.figures.style import DPI, INK, SOFT, TEXT_SIZE, new_figure


@dataclass(frozen=True, slots=True)
class Mosaic:
    """A grid of images in one array, and where each image is in it.

    Args:
        pixels: (height, width, 3) in [0, 1]; the gaps are white.
        tops: (rows,) the first pixel row of each row of images.
        lefts: (columns,) the first pixel column of each column of images.
        tile: height and width of one image, in pixels.
    """

    pixels: NDArray[np.float64]
    tops: NDArray[np.int64]
    lefts: NDArray[np.int64]
    tile: tuple[int, int]

    @property
    def gap(self) -> int:
        """The width of a thin gap, in pixels."""
        return _gap(self.tile[1])

    @property
    def middles(self) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        """The centres of the rows (vertical) and of the columns (horizontal), in pixels."""
        height, width = self.tile
        return self.tops + (height - 1) / 2, self.lefts + (width - 1) / 2


def mosaic(
    images: Tensor,
    *,
    dark_on_white: bool | None = None,
    rows_apart: Collection[int] = (),
    columns_apart: Collection[int] = (),
) -> Mosaic:
    """Sets images side by side.

    Args:
        images: (rows, columns, [channels,] height, width) in [0, 1]; values outside are clipped.
        dark_on_white: draw one-channel images inverted; None: where they are mostly black, as digits are.
        rows_apart: the rows after which the gap is wider.
        columns_apart: the columns after which the gap is wider.
    """
    colours = _colours(images, dark_on_white)
    rows, columns, height, width, _ = colours.shape
    gap = _gap(width)
    tops = _starts(rows, height, gap, rows_apart)
    lefts = _starts(columns, width, gap, columns_apart)
    pixels = np.ones((tops[-1] + height, lefts[-1] + width, 3))
    for row, top in enumerate(tops):
        for column, left in enumerate(lefts):
            pixels[top : top + height, left : left + width] = colours[row, column]
    return Mosaic(pixels, tops, lefts, (height, width))


def show(
    picture: Mosaic,
    caption: str,
    *,
    tile: float = 0.42,
    margins: tuple[float, float, float, float] = (0.1, 0.1, 0.1, 0.1),
) -> tuple[Figure, Axes]:
    """Draws a mosaic into a figure of just its size; the axes are in pixels of the mosaic.

    Args:
        picture: the mosaic.
        caption: see `new_figure`.
        tile: the wanted width of one image in inches; rounded so that a pixel is a whole number of dots.
        margins: left, right, top and bottom, in inches.
    """
    dots = tile * DPI / picture.tile[1]
    scale = round(dots) if dots > 0.75 else dots
    height, width = (size * scale / DPI for size in picture.pixels.shape[:2])
    left, right, top, bottom = margins
    total = (left + width + right, bottom + height + top)
    figure = new_figure(*total, caption)
    axes = figure.add_axes((left / total[0], bottom / total[1], width / total[0], height / total[1]))
    axes.imshow(picture.pixels, vmin=0, vmax=1, aspect="auto")
    axes.set_axis_off()
    return figure, axes


def name_columns(axes: Axes, picture: Mosaic, names: Sequence[str], *, soft: Collection[int] = ()) -> None:
    """Writes a name above each column of images; those in `soft` in grey."""
    _, middles = picture.middles
    for column, (middle, name) in enumerate(zip(middles, names, strict=True)):
        _write(axes, (middle, 1.0), name, (0.0, 3.0), ("center", "bottom"), SOFT if column in soft else INK)


def name_rows(axes: Axes, picture: Mosaic, names: Sequence[str], *, soft: Collection[int] = ()) -> None:
    """Writes a name to the left of each row of images; those in `soft` in grey."""
    middles, _ = picture.middles
    height = len(picture.pixels)
    for row, (middle, name) in enumerate(zip(middles, names, strict=True)):
        where = (-0.5, 1 - (middle + 0.5) / height)
        _write(axes, where, name, (-4.0, 0.0), ("right", "center"), SOFT if row in soft else INK)


def _write(
    axes: Axes,
    where: tuple[float, float],
    text: str,
    offset: tuple[float, float],
    alignment: tuple[Literal["center", "right"], Literal["center", "bottom"]],
    colour: str,
) -> None:
    """Writes text at a pixel column and a fraction of the height, moved by an offset in points."""
    across, up = alignment
    axes.annotate(
        text, where, xytext=offset, xycoords=axes.get_xaxis_transform(), textcoords="offset points",
        ha=across, va=up, fontsize=TEXT_SIZE, color=colour, annotation_clip=False,
    )  # fmt: skip


def is_inverted(dark_on_white: bool | None, images: Tensor) -> bool:
    """Returns the choice, or what suits the images where there is none; inputs decide for outputs."""
    return is_mostly_black(images) if dark_on_white is None else dark_on_white


def is_mostly_black(images: Tensor) -> bool:
    """Says whether images are drawings in white on black, as digits are: most pixels are black."""
    return float((images < 0.1).float().mean()) > 0.6


def _colours(images: Tensor, dark_on_white: bool | None) -> NDArray[np.float64]:
    """Returns (rows, columns, height, width, 3) in [0, 1]."""
    values = images.detach().cpu().double().clamp(0, 1)
    if values.ndim == 4:
        values = values.unsqueeze(2)
    if values.shape[2] == 1:
        inverted = is_inverted(dark_on_white, values)
        values = (1 - values if inverted else values).expand(-1, -1, 3, -1, -1)
    colours: NDArray[np.float64] = values.movedim(2, -1).numpy()
    return colours


def _gap(width: int) -> int:
    """Returns the width of a thin gap between images of this width."""
    return max(1, round(width / 14))


def _starts(count: int, size: int, gap: int, apart: Collection[int]) -> NDArray[np.int64]:
    """Returns where each of `count` tiles starts; the gap is four times as wide after the tiles in `apart`."""
    gaps = [gap * (4 if index in apart else 1) for index in range(count - 1)]
    return np.concatenate([[0], np.cumsum([size + each for each in gaps])]).astype(np.int64)
