"""Pictures of faces: the light moved with the person kept, the person changed with the light kept (Figures 1 and 7)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

import unbraid as ub
from experiments.record import Cell
from unbraid.data import Rows, light_direction
from unbraid.figures import draw_model, reconstructions
from unbraid.figures.mosaic import mosaic, name_columns, show

LIGHTS = tuple((azimuth, 0) for azimuth in (-80, -50, -25, 0, 25, 50, 80))  # azimuth and elevation, in degrees
PEOPLE = (0, 5, 10, 20, 30)
SHOWN = 6


def faces_of(cell: Cell, trained: ub.Model, test: Rows) -> Mapping[str, Figure]:
    """Draws the figures of a trained model of faces."""
    bright = test.images.flatten(1).mean(1)
    images = test.images[bright > bright.median()][:SHOWN]
    return {
        "graph": draw_model(trained),
        "lights": lights(trained, images),
        "people": people(trained, images),
        "reconstructions": reconstructions(trained, test.images[:24], dark_on_white=False),
    }


def lights(model: ub.Model, images: Tensor) -> Figure:
    """Draws each face under other lights; shading follows the light, all else is kept."""
    towards = torch.from_numpy(light_direction(*np.array(LIGHTS).T))
    caption = (
        "Light moved, person kept: the input, its reconstruction, and the same face with the light from the azimuth "
        "above the column, in degrees, as high as the camera."
    )
    relit = Relit(model).analogy(images, lighting=towards)
    return _drawn(model, images, relit, [f"{azimuth}°" for azimuth, _ in LIGHTS], caption)


def people(model: ub.Model, images: Tensor, shown: tuple[int, ...] = PEOPLE) -> Figure:
    """Draws other people under the light of each image."""
    caption = (
        "Person changed, light kept: the input, its reconstruction, and what the model makes of other people, numbered "
        "above the columns, under the light that it inferred."
    )
    others = Relit(model).analogy(images, identity=shown)
    return _drawn(model, images, others, [f"no. {each}" for each in shown], caption)


@dataclass(frozen=True, slots=True)
class Relit:
    """A model of faces whose shading follows what is set by hand: in q where it depends on it there, else in p."""

    model: ub.Model

    def analogy(self, x: Tensor, **factor: Iterable[Any]) -> Tensor:
        """Infers all latents, sets one to each of several values, and generates again: (rows, values, *data_shape)."""
        if self.model.fields["structure"] == "p":
            return self.model.analogy(x, **factor)
        ((name, values),) = factor.items()
        inferred = self.model.predict(x)
        kept = {other: value for other, value in inferred.items() if other not in ("shading", name)}
        return torch.stack([self._generated(x, kept | {name: self._all(value, len(x))}) for value in values], 1)

    def _generated(self, x: Tensor, known: Mapping[str, Tensor]) -> Tensor:
        return self.model.generate(self.model.predict(x, **known))

    def _all(self, value: Any, rows: int) -> Tensor:
        """Gives each row the same value."""
        one = torch.as_tensor(value)
        return one.expand(rows, *one.shape)


def _drawn(model: ub.Model, images: Tensor, columns: Tensor, names: list[str], caption: str) -> Figure:
    """Sets inputs, reconstructions and the columns side by side."""
    tiles = torch.cat([images[:, None], model.reconstruct(images)[:, None], columns], 1)
    picture = mosaic(tiles, dark_on_white=False, columns_apart={1})
    figure, axes = show(picture, caption, tile=0.6, margins=(0.1, 0.1, 0.3, 0.1))
    name_columns(axes, picture, ["input", "model", *names], soft={0, 1})
    return figure
