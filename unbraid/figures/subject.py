"""What a figure asks of a model, and which of its latents it shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from unbraid.data.row_tensor import RowsLike, dtype_of, row_tensor
from unbraid.errors import DataError, ModelError, did_you_mean
from unbraid.model import Model


@runtime_checkable
class Family(Protocol):
    """The kind of values of a latent."""

    @property
    def cardinality(self) -> int | None:
        """The number of values of a discrete latent; None for a real-valued one."""

    @property
    def event_shape(self) -> Sequence[int]:
        """The shape of one value: () for a discrete latent."""


@runtime_checkable
class Subject(Protocol):
    """What the figures ask of a model; `unbraid.Model` has all of it."""

    @property
    def data_shape(self) -> Sequence[int]:
        """The shape of one row."""

    @property
    def latents(self) -> Mapping[str, Any]:
        """The families of the latents, by name (see `Family`)."""

    def predict(self, x: Tensor, /) -> dict[str, Tensor]:
        """Returns the most probable value of each latent in each row."""

    def generate(self, values: dict[str, Tensor], /) -> Tensor:
        """Returns the mean of x, (rows, *data_shape), given a value of every latent."""

    def sample(self, n: int, generator: torch.Generator | None = None, **factors: Any) -> Tensor:
        """Returns (n, *data_shape): means of x with the latents drawn from p, but for the factors set by hand."""

    def reconstruct(self, x: Tensor, /) -> Tensor:
        """Returns (rows, *data_shape): means of x given its own inferred latents."""

    def analogy(self, x: Tensor, **factor: Any) -> Tensor:
        """Returns (rows, values, *data_shape): each row with one factor set to each of the values."""


def factors_of(model: Subject) -> list[str]:
    """Returns the names of the discrete latents outside of any `Repeat`, in the model's order."""
    names = [name for name, family in model.latents.items() if family.cardinality is not None]
    return [name for name in names if not is_repeated(model, name)]


def styles_of(model: Subject) -> list[str]:
    """Returns the names of the latents outside of any `Repeat` that are vectors of any real numbers, in their order."""
    names = [name for name, family in model.latents.items() if _is_style(family)]
    return [name for name in names if not is_repeated(model, name)]


def is_repeated(model: Subject, name: str) -> bool:
    """Says whether a latent is one in every step of a `Repeat`, so that its values have a step axis."""
    return isinstance(model, Model) and bool(model.graph.series[name].steps)


def is_real(family: Any) -> bool:
    """Says whether a latent's values are any real numbers: no directions, shares or positive numbers."""
    return family.cardinality is None and getattr(family, "support", "real") == "real"


def _is_style(family: Any) -> bool:
    """Says whether a latent's values are vectors of any real numbers, labelled as their children see them."""
    event = tuple(family.event_shape)
    return is_real(family) and len(event) == 1 and tuple(getattr(family, "label_shape", event)) == event


def choose(name: str | None, names: Sequence[str], kind: str) -> str:
    """Returns the latent that a figure is asked to show, or the first of its kind.

    Raises:
        ModelError: the model has none of the kind, or the name is another's.
    """
    if name is None and not names:
        raise ModelError(f"the model has no {kind} latent, so there is nothing that this figure could show")
    if name is not None and name not in names:
        raise ModelError(f"'{name}' is no {kind} latent of the model.{did_you_mean(name, names)}")
    return names[0] if name is None else name


def chosen_values(model: Subject, factor: str, values: Sequence[int] | None, most: int) -> list[int]:
    """Returns the values of a discrete latent to show: those asked for, or at most `most`, evenly spaced.

    Raises:
        ModelError: a value is out of range.
    """
    cardinality = int(model.latents[factor].cardinality)
    if values is None:
        return [round(place) for place in np.linspace(0, cardinality - 1, min(cardinality, most)).tolist()]
    for value in values:
        if not 0 <= value < cardinality:
            raise ModelError(f"'{factor}' has the values 0 to {cardinality - 1}, got {value}")
    return list(values)


def is_picture(shape: Sequence[int]) -> bool:
    """Says whether rows of this shape are images: (height, width), or (1 or 3 channels, height, width)."""
    return len(shape) == 2 or (len(shape) == 3 and shape[0] in (1, 3))


def checked_images(model: Subject, given: RowsLike) -> Tensor:
    """Makes a tensor of rows, and refuses those that cannot be drawn or are not the model's.

    Raises:
        DataError: there is no row, or rows are of another shape than the model's, or are no images.
    """
    images = row_tensor(given, dtype_of(model))
    shape, expected = tuple(images.shape[1:]), tuple(model.data_shape)
    if not is_picture(expected):
        raise DataError(
            f"rows of the shape {expected} are no images: (1 or 3, height, width) or (height, width) is needed"
        )
    if len(images) == 0 or shape != expected:
        raise DataError(
            f"the figure needs images of the shape (rows, {', '.join(map(str, expected))}), got {tuple(images.shape)}"
        )
    return images
