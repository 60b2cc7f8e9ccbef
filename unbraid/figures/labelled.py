"""The labelled rows themselves: all that the model was told of a factor."""

from __future__ import annotations

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import ArrayLike
from torch import Tensor

from unbraid.data.row_tensor import RowsLike, row_tensor
from unbraid.errors import DataError
from unbraid.evaluation.error import whole_numbers
from unbraid.figures.mosaic import is_inverted, mosaic, name_rows, show
from unbraid.figures.subject import is_picture


def labelled(
    images: RowsLike, labels: ArrayLike | Tensor, name: str, *, most: int = 20, dark_on_white: bool | None = None
) -> Figure:
    """Draws the rows that have a label, by their label.

    Args:
        images: (rows, [channels,] height, width).
        labels: (rows,) integers, -1 where missing: such a row is not drawn.
        name: the discrete variable.
        most: at most so many images of one value, the first ones.
        dark_on_white: see `unbraid.figures.mosaic.mosaic`.

    Raises:
        DataError: the rows are no images, there is not one label a row, or none is labelled.
    """
    images = row_tensor(images)
    values = whole_numbers(labels, f"labels of '{name}'")
    if not is_picture(images.shape[1:]) or len(values) != len(images):
        raise DataError(
            f"'{name}' has {len(values)} labels for images of the shape {tuple(images.shape)}: one a row is needed"
        )
    rows = {int(value): np.flatnonzero(values == value)[:most] for value in np.unique(values[values >= 0])}
    if not rows:
        raise DataError(f"no row has a label of '{name}': all {len(values)} are -1")
    inverted = is_inverted(dark_on_white, images[np.concatenate(list(rows.values()))])
    columns = max(map(len, rows.values()))
    one_channel = images[0].ndim == 2 or images.shape[1] == 1
    empty = 0.0 if inverted and one_channel else 1.0  # drawn white
    grid = torch.full((len(rows), columns, *images.shape[1:]), empty)
    for place, chosen in enumerate(rows.values()):
        grid[place, : len(chosen)] = images[torch.from_numpy(chosen)].cpu()
    drawn = sum(map(len, rows.values()))
    hidden = int((values >= 0).sum()) - drawn
    caption = (
        f"The labelled rows: these {drawn} images, each in the row of its label, are all that the model was told "
        f"of {name}" + (f", but for {hidden} more that are not drawn." if hidden else ".")
    )
    picture = mosaic(grid, dark_on_white=inverted)
    figure, axes = show(picture, caption, tile=0.32, margins=(0.1 + 0.085 * (2 + len(str(max(rows)))), 0.1, 0.1, 0.1))
    name_rows(axes, picture, [str(value) for value in rows])
    return figure
