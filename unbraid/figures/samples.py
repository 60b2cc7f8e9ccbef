"""Samples of each value of a discrete factor."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from matplotlib.figure import Figure

from unbraid.errors import DataError
from unbraid.figures.mosaic import mosaic, name_rows, show
from unbraid.figures.subject import Subject, choose, chosen_values, factors_of, is_picture


def samples(
    model: Subject,
    *,
    draws: int = 12,
    factor: str | None = None,
    values: Sequence[int] | None = None,
    generator: torch.Generator | None = None,
    dark_on_white: bool | None = None,
) -> Figure:
    """Draws images from the generative model: a row for each value of a discrete factor.

    A model without a discrete latent gives one grid of draws with nothing set.

    Args:
        model: the model.
        draws: images a row; all latents but the factor are drawn anew for each.
        factor: the discrete latent to set; None: the first.
        values: its values; None: all, or ten of them where there are more.
        generator: what the draws come from, on the device of the model; None: torch's default.
        dark_on_white: see `unbraid.figures.mosaic.mosaic`.

    Raises:
        ModelError: the model has not the named latent, or a value is out of range.
        DataError: the model's data are no images.
    """
    shape = tuple(model.data_shape)
    if not is_picture(shape):
        raise DataError(f"rows of the shape {shape} are no images, so samples of them cannot be drawn")
    if factor is None and not factors_of(model):
        free = model.sample(6 * draws, generator).reshape(6, draws, *shape)
        return show(mosaic(free, dark_on_white=dark_on_white), "Samples: every latent is drawn from its prior.")[0]
    factor = choose(factor, factors_of(model), "discrete")
    shown = chosen_values(model, factor, values, most=10)
    drawn = model.sample(len(shown) * draws, generator, **{factor: torch.tensor(shown).repeat_interleave(draws)})
    picture = mosaic(drawn.reshape(len(shown), draws, *shape), dark_on_white=dark_on_white)
    caption = (
        f"Samples: in each row {factor} is set to the value at the left; every other latent is drawn from its prior."
    )
    figure, axes = show(picture, caption, margins=(0.1 + 0.085 * (2 + len(str(max(shown)))), 0.1, 0.1, 0.1))
    name_rows(axes, picture, [str(value) for value in shown])
    return figure
