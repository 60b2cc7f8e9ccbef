"""Inputs above their reconstructions."""

from __future__ import annotations

import torch
from matplotlib.figure import Figure

from unbraid.data.row_tensor import RowsLike
from unbraid.figures.mosaic import is_inverted, mosaic, name_rows, show
from unbraid.figures.subject import Subject, checked_images


def reconstructions(
    model: Subject, images: RowsLike, *, columns: int = 12, dark_on_white: bool | None = None
) -> Figure:
    """Draws images in bands: inputs above, the model's reconstructions below.

    Args:
        model: the model.
        images: (rows, *data_shape); what does not fill a band is left out, unless it is the only one.
        columns: pairs a band.
        dark_on_white: see `unbraid.figures.mosaic.mosaic`.

    Raises:
        DataError: the images are not of the model's shape.
    """
    images = checked_images(model, images)
    columns = min(columns, len(images))
    bands = len(images) // columns
    inputs = images[: bands * columns]
    pairs = torch.stack(
        [part.cpu().reshape(bands, columns, *inputs.shape[1:]) for part in (inputs, model.reconstruct(inputs))], 1
    )
    picture = mosaic(
        pairs.flatten(0, 1), dark_on_white=is_inverted(dark_on_white, images), rows_apart=set(range(1, 2 * bands, 2))
    )
    caption = "Reconstructions: in each pair the input is above; below is what the model makes of what it inferred."
    figure, axes = show(picture, caption, margins=(0.62, 0.1, 0.1, 0.1))
    name_rows(axes, picture, ["input", "model"] * bands, soft=range(2 * bands))
    return figure
