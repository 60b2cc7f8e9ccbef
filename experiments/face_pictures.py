"""Pictures of faces: the light moved with the person kept, the person changed with the light kept (Figures 1 and 7)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

import unbraid as ub
from experiments.record import Cell
from unbraid.data import Rows, light_direction
from unbraid.figures import reconstructions
from unbraid.figures.mosaic import mosaic, name_columns, show

LIGHTS = tuple((azimuth, 0) for azimuth in (-80, -50, -25, 0, 25, 50, 80))  # azimuth and elevation, in degrees
SHOWN = 6


def faces_of(cell: Cell, trained: ub.Model, test: Rows) -> Mapping[str, Figure]:
    """Draws the three figures of a trained model of faces."""
    bright = test.images.flatten(1).mean(1)
    images = test.images[bright > bright.median()][:SHOWN]
    return {
        "lights": lights(trained, images),
        "people": people(trained, images),
        "reconstructions": reconstructions(trained, test.images[:24], dark_on_white=False),
    }


def lights(model: ub.Model, images: Tensor) -> Figure:
    """Draws each face under other lights; shading follows the light, all else is kept."""
    towards = torch.from_numpy(light_direction(*np.array(LIGHTS).T))
    columns = [relit(model, images, lighting=each.expand(len(images), 3)) for each in towards]
    caption = (
        "Light moved, person kept: the input, its reconstruction, and the same face with the light from the azimuth "
        "above the column, in degrees, as high as the camera."
    )
    return _drawn(model, images, columns, [f"{azimuth}°" for azimuth, _ in LIGHTS], caption)


def people(model: ub.Model, images: Tensor, shown: tuple[int, ...] = (0, 5, 10, 20, 30)) -> Figure:
    """Draws other people under the light of each image."""
    columns = [relit(model, images, identity=torch.full((len(images),), each)) for each in shown]
    caption = (
        "Person changed, light kept: the input, its reconstruction, and what the model makes of other people, numbered "
        "above the columns, under the light that it inferred."
    )
    return _drawn(model, images, columns, [f"no. {each}" for each in shown], caption)


def relit(model: ub.Model, images: Tensor, **known: Tensor) -> Tensor:
    """Returns what is generated of inferred latents, some of them set; what follows them in q is inferred anew."""
    kept = {name: value for name, value in model.predict(images).items() if name not in ("shading", *known)}
    return model.generate(model.predict(images, **{**kept, **known}))


def _drawn(model: ub.Model, images: Tensor, columns: list[Tensor], names: list[str], caption: str) -> Figure:
    """Sets inputs, reconstructions and the columns side by side."""
    tiles = torch.stack([images, model.reconstruct(images), *columns], 1)
    picture = mosaic(tiles, dark_on_white=False, columns_apart={1})
    figure, axes = show(picture, caption, tile=0.6, margins=(0.1, 0.1, 0.3, 0.1))
    name_columns(axes, picture, ["input", "model", *names], soft={0, 1})
    return figure
