"""Values of a latent that is labelled in some rows."""

from __future__ import annotations

import torch
from torch import Tensor

from unbraid.graph.frame import Frame
from unbraid.graph.graph import Node
from unbraid.graph.spread import Spread
from unbraid.inference.probable import most_probable


def is_labelled(label: Tensor) -> Tensor:
    """Says which rows carry a label, shape (rows,): not -1, and not NaN."""
    if label.is_floating_point():
        return ~torch.isnan(label).flatten(1).any(1) if label.dim() > 1 else ~torch.isnan(label)
    return label >= 0


def label_or_guess(frame: Frame, node: Node, label: Tensor | None) -> Spread:
    """Returns the labels' values, and the most probable ones in rows without a label.

    Args:
        frame: Where the latent's parents are fixed.
        node: The latent.
        label: int64 (rows,) with -1, or floats (rows, *event) with NaN, where not labelled; None where nowhere.
    """
    guess = most_probable(frame, node)
    return guess if label is None else label_or(guess, node, label)


def label_or(guess: Spread, node: Node, label: Tensor) -> Spread:
    """Returns the labels' values, and the guessed ones in rows without a label."""
    known = is_labelled(label)
    filled = torch.where(_like(known, label), label, torch.zeros_like(label))
    value = node.family.value_of(filled).to(guess.tensor.dtype)
    return Spread(torch.where(_like(known, value), value, guess.tensor))


def _like(mask: Tensor, value: Tensor) -> Tensor:
    """Gives a mask of rows the dimensions of a value."""
    return mask.view(-1, *(1,) * (value.dim() - 1))
