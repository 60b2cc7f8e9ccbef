"""A walk through the style of fixed factors (the paper's Figure 4b)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from unbraid.data.row_tensor import RowsLike
from unbraid.figures.mosaic import Mosaic, is_inverted, mosaic, show
from unbraid.figures.style import INK, SOFT, TEXT_SIZE
from unbraid.figures.subject import (
    Subject,
    checked_images,
    choose,
    chosen_values,
    factors_of,
    is_real,
    is_repeated,
    styles_of,
)
from unbraid.model import Model
from unbraid.variables import Normal

_EDGE = 0.05  # the walk spans the quantiles from this to one minus this


@dataclass(frozen=True, slots=True)
class Plane:
    """A plane (or line) in the space of a style, with its unit of length along each direction.

    Args:
        centre: (size,) a point.
        directions: (1 or 2, size) each as long as one standard deviation along it.
        meaning: what the directions are, for the caption.
    """

    centre: Tensor
    directions: Tensor
    meaning: str


def traversal(
    model: Subject,
    images: RowsLike,
    *,
    style: str | None = None,
    factor: str | None = None,
    values: Sequence[int] | None = None,
    steps: int = 9,
    dark_on_white: bool | None = None,
) -> Figure:
    """Draws a grid of images over two directions of a real-valued latent, for each of a few values of a factor.

    The grid has equal steps of probability, from the 5 % to the 95 % quantile of a Gaussian. A style of one or two
    dimensions is walked along its own axes under its normal prior; a longer one, or one whose prior is another or
    depends on other latents, along the leading principal directions of the means inferred from the images. What else is
    latent stays at its mean or most common value, or, where a mean may be no value, as of directions, at the inferred
    value nearest to it. The items of a `Repeat` stay those of the image that has most of them.

    References:
        Siddharth et al., "Learning disentangled representations in deep generative models", Figure 4 (b).

    Args:
        model: the model.
        images: (rows, *data_shape): rows whose inferred latents give the centre and the directions.
        style: the real-valued latent to walk in; None: the first.
        factor: the discrete latent to fix; None: the first, if the model has any.
        values: its values, one grid each; None: three of them.
        steps: images along each direction.
        dark_on_white: see `unbraid.figures.mosaic.mosaic`.

    Raises:
        ModelError: the model has no latent of the kind, or not the named one, or a value is out of range.
        DataError: the images are not of the model's shape.
    """
    images = checked_images(model, images)
    style = choose(style, styles_of(model), "real-valued vector")
    inferred = {name: value.cpu() for name, value in model.predict(images).items()}
    plane = _plane(model, inferred[style], style)
    fixed = {name: value for name, value in _typical(model, inferred).items() if name != style}
    walk = _points(plane, steps)
    settings: list[dict[str, Tensor]] = [fixed]
    names = [""]
    if factor is not None or factors_of(model):
        factor = choose(factor, factors_of(model), "discrete")
        shown = chosen_values(model, factor, values, most=3)
        settings = [{**fixed, factor: torch.tensor(value)} for value in shown]
        names = [f"{factor} {value}" for value in shown]
    blocks = [_grid(model, setting, style, walk, steps) for setting in settings]
    return _draw(blocks, names, plane, style, is_inverted(dark_on_white, images))


def _plane(model: Subject, means: Tensor, style: str) -> Plane:
    """Returns the axes of a short style under its prior, or the leading principal directions of the inferred means."""
    size = means.shape[1]
    if size <= 2 and (prior := _normal_prior(model, style, size)) is not None:
        meaning = f"the two axes of {style}" if size == 2 else f"the axis of {style}"
        return Plane(prior[0], prior[1].diag(), meaning)
    centre = means.mean(0)
    _, lengths, directions = torch.linalg.svd(means - centre, full_matrices=False)
    spread = lengths[:2, None] / max(1, len(means) - 1) ** 0.5
    which = "two leading principal directions" if size > 1 else "direction"
    return Plane(centre, directions[:2] * spread, f"the {which} of the inferred {style}")


def _normal_prior(model: Subject, style: str, size: int) -> tuple[Tensor, Tensor] | None:
    """Returns mean and standard deviation (size,) of p(style); None where it depends on latents or is not normal.

    A subject that is no `unbraid.Model` has a standard normal prior.
    """
    if not isinstance(model, Model):
        return torch.zeros(size), torch.ones(size)
    factor = model.graph.factors[style]
    if model.graph.p_parents[style] or not isinstance(factor.family, Normal):
        return None
    with torch.no_grad():
        parameters = model.frame(None).parameters(factor)
    loc, scale = (parameters[name].tensor.expand(1, size)[0].cpu() for name in ("loc", "scale"))
    return loc, scale


def _points(plane: Plane, steps: int) -> Tensor:
    """Returns (points, size): the walk, from the top left to the bottom right."""
    probability = torch.linspace(_EDGE, 1 - _EDGE, steps, dtype=torch.float64)
    along: Tensor = torch.special.ndtri(probability).float()
    if len(plane.directions) == 1:
        line: Tensor = plane.centre + along[:, None] * plane.directions[0]
        return line
    across = along[None, :, None] * plane.directions[0]
    up = along.flip(0)[:, None, None] * plane.directions[1]
    grid: Tensor = plane.centre + up + across
    return grid.flatten(0, 1)


def _typical(model: Subject, inferred: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Returns a value of each latent: the middle one over rows, and the items of the row that has most of them."""
    items = {name: value for name, value in inferred.items() if is_repeated(model, name)}
    fullest = _fullest(items.values())
    return {
        name: value[fullest] if name in items else _middle(value, model.latents[name])
        for name, value in inferred.items()
    }


def _fullest(items: Iterable[Tensor]) -> int:
    """Returns the first of the rows that hold most items; the first row where there are none."""
    there = [~value.isnan() if value.is_floating_point() else value >= 0 for value in items]
    return int(sum((each.flatten(1).sum(1) for each in there), torch.zeros(1)).argmax())


def _middle(values: Tensor, family: Any) -> Tensor:
    """Returns the most common discrete value over rows, the mean of real ones, or the value nearest to the mean."""
    if not values.is_floating_point():
        return values.mode(0).values
    mean = values.mean(0)
    if is_real(family):
        return mean
    return values[(values - mean).reshape(len(values), -1).square().sum(1).argmin()]


def _grid(model: Subject, fixed: dict[str, Tensor], style: str, walk: Tensor, steps: int) -> Tensor:
    """Returns (up, across, *data_shape): the image at each point of the walk."""
    rows = {name: value.expand(len(walk), *value.shape) for name, value in fixed.items()}
    images = model.generate({**rows, style: walk}).cpu()
    return images.reshape(-1, steps, *images.shape[1:])


def _draw(blocks: list[Tensor], names: list[str], plane: Plane, style: str, dark_on_white: bool) -> Figure:
    """Sets the grids side by side, one under another where the walk is a line, and names what they are."""
    line = len(plane.directions) == 1
    steps = blocks[0].shape[1]
    apart = {} if line else {steps * block - 1 for block in range(1, len(blocks))}
    picture = mosaic(torch.cat(blocks, 0 if line else 1), dark_on_white=dark_on_white, columns_apart=apart)
    block = "line" if line else "grid"
    fixed = f"within each {block} {names[0].rsplit(' ', 1)[0]} is fixed, and " if names[0] else ""
    caption = (
        f"Walk in {style}: {fixed}only {style} changes, along {plane.meaning}, in equal steps of probability from the "
        "5 % to the 95 % quantile."
    )
    tile = 0.28 if len(blocks) > 1 and not line else 0.42
    figure, axes = show(picture, caption, tile=tile, margins=(0.75 if line else 0.3, 0.1, 0.3, 0.3))
    _name_blocks(axes, picture, names, steps, line)
    first, second = ("axis 1", "axis 2") if plane.meaning.startswith("the two axes") else ("direction 1", "direction 2")
    _name_direction(axes, 0.5, 0.0, f"{style}{'' if line else ', ' + first} →", 0)
    if not line:
        _name_direction(axes, 0.0, 0.5, f"{style}, {second} →", 90)
    return figure


def _name_blocks(axes: Axes, picture: Mosaic, names: list[str], steps: int, line: bool) -> None:
    """Writes the fixed value above each grid, or to the left of each line."""
    height, width = picture.pixels.shape[:2]
    rows, columns = picture.middles
    for block, name in enumerate(names):
        if line:
            where, offset, alignment = (0.0, 1 - (rows[block] + 0.5) / height), (-5, 0), ("right", "center")
        else:
            middle = columns[block * steps : (block + 1) * steps].mean()
            where, offset, alignment = ((middle + 0.5) / width, 1.0), (0, 4), ("center", "bottom")
        axes.annotate(
            name, where, xytext=offset, xycoords="axes fraction", textcoords="offset points", ha=alignment[0],
            va=alignment[1], fontsize=TEXT_SIZE, color=INK, annotation_clip=False,
        )  # fmt: skip


def _name_direction(axes: Axes, x: float, y: float, text: str, rotation: int) -> None:
    """Writes what changes along an edge of the picture."""
    offset, alignment = ((0, -5), ("center", "top")) if rotation == 0 else ((-5, 0), ("right", "center"))
    axes.annotate(
        text, (x, y), xytext=offset, xycoords="axes fraction", textcoords="offset points", ha=alignment[0],
        va=alignment[1], rotation=rotation, fontsize=TEXT_SIZE, color=SOFT, annotation_clip=False,
    )  # fmt: skip
