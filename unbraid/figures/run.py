"""All figures that apply to a trained model."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import ArrayLike
from torch import Tensor

from unbraid.data.label_values import as_array, missing
from unbraid.data.row_tensor import RowsLike, dtype_of, row_tensor
from unbraid.evaluation.confusion import confusion_matrix
from unbraid.figures.analogies import analogies
from unbraid.figures.confusion import confusion
from unbraid.figures.curves import curves
from unbraid.figures.graph import draw_model
from unbraid.figures.labelled import labelled
from unbraid.figures.mosaic import is_mostly_black
from unbraid.figures.reconstructions import reconstructions
from unbraid.figures.samples import samples
from unbraid.figures.subject import Subject, checked_images, factors_of, is_picture, styles_of
from unbraid.figures.traversal import traversal
from unbraid.model import Model

Labels = Mapping[str, ArrayLike | Tensor]
Drawings = dict[str, Callable[[], Figure]]
"""Figures by name, each as what draws it."""

_ROWS = 10  # of analogies
_PAIRS = 24  # of reconstructions
_INFERRED = 2000  # rows that give the directions of a traversal
_SEED = 0


def figures_for_run(
    model: Subject,
    images: RowsLike,
    labels: Labels | None = None,
    history: Sequence[Mapping[str, Any]] = (),
    *,
    shown: tuple[Tensor, Labels] | None = None,
) -> dict[str, Figure]:
    """Draws every figure that applies to a model; the same arguments always give the same figures.

    Args:
        model: the model; an `unbraid.Model` also gives the picture of its graph.
        images: (rows, *data_shape): rows that were not trained on.
        labels: of these rows: -1 or NaN where missing.
        history: of the training, see `unbraid.figures.curves`.
        shown: the training rows and the labels that training was shown: -1 where hidden. They are drawn.

    Returns:
        Of "graph", "labelled", "curves", "analogies", "traversal", "samples", "reconstructions" and
        "confusion_<variable>" those that apply, in this order. Rows that are no images give no pictures of rows.

    Raises:
        DataError: the images are not of the model's shape.
    """
    return {name: draw() for name, draw in drawings(model, images, labels, history, shown=shown).items()}


def drawings(
    model: Subject,
    images: RowsLike,
    labels: Labels | None = None,
    history: Sequence[Mapping[str, Any]] = (),
    *,
    shown: tuple[Tensor, Labels] | None = None,
) -> Drawings:
    """Says which figures apply to a model, and draws none of them yet; see `figures_for_run`."""
    found, images = _graph(model, shown), row_tensor(images, dtype_of(model))
    if is_picture(model.data_shape):
        checked_images(model, images)
        dark_on_white = is_mostly_black(images[:_INFERRED])
        found |= _labelled(model, shown, dark_on_white)
    if history:
        found["curves"] = lambda: curves(history)
    if is_picture(model.data_shape):
        found |= _pictures(model, images, labels or {}, dark_on_white)
    return found | _confusions(model, images, labels or {})


def _graph(model: Subject, shown: tuple[Tensor, Labels] | None) -> Drawings:
    """Draws the graph, with the latents that are labelled in some rows half shaded."""
    if not isinstance(model, Model):
        return {}
    labels = shown[1] if shown else {}
    return {"graph": lambda: draw_model(model, partly=[name for name in labels if name in model.latents])}


def _labelled(model: Subject, shown: tuple[Tensor, Labels] | None, dark_on_white: bool) -> Drawings:
    """Draws the labelled rows of the first discrete variable that has any."""
    images, labels = shown or (torch.zeros(0), {})
    names = _labelled_factors(model, labels)
    return (
        {"labelled": lambda: labelled(images, labels[names[0]], names[0], dark_on_white=dark_on_white)} if names else {}
    )


def _labelled_factors(model: Subject, labels: Labels) -> list[str]:
    """Returns the discrete variables that have a label in any row."""
    return [name for name in factors_of(model) if name in labels and not missing(labels[name]).all()]


def _pictures(model: Subject, images: Tensor, labels: Labels, dark_on_white: bool) -> Drawings:
    """Draws the figures that show images."""
    order = np.random.default_rng(_SEED).permutation(len(images))
    factors = factors_of(model)

    def some(rows: int) -> Tensor:
        return images[torch.from_numpy(order[:rows])]

    found: Drawings = {}
    if factors:
        rows = _one_of_each(order, labels.get(factors[0]))
        found["analogies"] = lambda: analogies(model, images[rows], dark_on_white=dark_on_white)
    if styles_of(model):
        found["traversal"] = lambda: traversal(model, some(_INFERRED), dark_on_white=dark_on_white)
    generator = torch.Generator(_device(model)).manual_seed(_SEED)
    found["samples"] = lambda: samples(model, generator=generator, dark_on_white=dark_on_white)
    found["reconstructions"] = lambda: reconstructions(model, some(_PAIRS), dark_on_white=dark_on_white)
    return found


def _one_of_each(order: np.ndarray[Any, np.dtype[np.int64]], labels: ArrayLike | Tensor | None) -> Tensor:
    """Returns the first rows, in a random order, with a label each of its own; without labels simply the first."""
    if labels is None or missing(labels).all():
        return torch.from_numpy(order[:_ROWS])
    order = order[~missing(labels)[order]]
    first = np.unique(as_array(labels)[order], return_index=True)[1]
    return torch.from_numpy(order[first[:_ROWS]])


def _confusions(model: Subject, images: Tensor, labels: Labels) -> Drawings:
    """Draws the confusion matrix of each labelled discrete variable."""
    predicted = functools.cache(lambda: model.predict(images))

    def draw(name: str) -> Figure:
        cardinality = model.latents[name].cardinality
        return confusion(confusion_matrix(predicted()[name], labels[name], cardinality), name)

    return {f"confusion_{name}": functools.partial(draw, name) for name in _labelled_factors(model, labels)}


def _device(model: Subject) -> torch.device:
    """Returns the device that a model's draws come from."""
    parameters = model.parameters() if isinstance(model, torch.nn.Module) else iter(())
    return next((parameter.device for parameter in parameters), torch.device("cpu"))
