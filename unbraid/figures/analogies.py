"""Visual analogies: each row's style with every value of a discrete factor (the paper's Figure 4a)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from unbraid.data.row_tensor import RowsLike
from unbraid.figures.mosaic import Mosaic, is_inverted, mosaic, name_columns, show
from unbraid.figures.style import ACCENT
from unbraid.figures.subject import Subject, checked_images, choose, chosen_values, factors_of


def analogies(
    model: Subject,
    images: RowsLike,
    *,
    factor: str | None = None,
    values: Sequence[int] | None = None,
    dark_on_white: bool | None = None,
) -> Figure:
    """Draws input images, and each again with every value of a discrete factor while all else is kept.

    References:
        Siddharth et al., "Learning disentangled representations in deep generative models", Figure 4 (a), (c), (d).

    Args:
        model: the model.
        images: (rows, *data_shape): a row of the figure each.
        factor: the discrete latent to set; None: the first.
        values: its values; None: all, or ten of them where there are more.
        dark_on_white: see `unbraid.figures.mosaic.mosaic`.

    Raises:
        ModelError: the model has no discrete latent, or not the named one, or a value is out of range.
        DataError: the images are not of the model's shape.
    """
    images = checked_images(model, images)
    factor = choose(factor, factors_of(model), "discrete")
    shown = chosen_values(model, factor, values, most=10)
    changed = model.analogy(images, **{factor: shown}).cpu()
    picture = mosaic(
        torch.cat([images[:, None].cpu(), changed], 1),
        dark_on_white=is_inverted(dark_on_white, images),
        columns_apart={0},
    )
    caption = (
        f"Analogies: the left column holds input images; to the right of each, all that was inferred from it is kept, "
        f"only {factor} is set to the value above the column. The frame marks the value that the model inferred."
    )
    figure, axes = show(picture, caption, margins=(0.1, 0.1, 0.32, 0.1))
    name_columns(axes, picture, ["input", *map(str, shown)], soft={0})
    inferred = model.predict(images)[factor].tolist()
    for row, value in enumerate(inferred):
        if value in shown:
            axes.add_patch(_frame(picture, row, 1 + shown.index(value)))
    return figure


def _frame(picture: Mosaic, row: int, column: int) -> Rectangle:
    """Returns a frame in the gap around one image."""
    height, width = picture.tile
    out = picture.gap / 3
    corner = (picture.lefts[column] - 0.5 - out, picture.tops[row] - 0.5 - out)  # a pixel's centre is a whole number
    return Rectangle(
        corner, width + 2 * out, height + 2 * out, fill=False, edgecolor=ACCENT, linewidth=1.0, clip_on=False
    )
