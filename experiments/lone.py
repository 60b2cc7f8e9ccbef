"""Swap tests of items: the digit of images that hold a single one, set by hand."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

import unbraid as ub
from unbraid.data import Rows


@dataclass(frozen=True, slots=True)
class Lone:
    """A model of images of several digits, as one of the digit of those that hold one.

    Attributes:
        model: With a `Repeat` of items that have a digit.
    """

    model: ub.Model

    def analogy(self, x: Tensor, **factor: Iterable[Any]) -> Tensor:
        """Sets the digit of the first step of each row to each of several values: (rows, values, *data_shape)."""
        found = self.model.predict(x)["items.digit"]
        first = torch.arange(found.shape[1]) == 0
        return self.model.analogy(x, **{"items.digit": [found.masked_fill(first, int(v)) for v in factor["digit"]]})


def lone(rows: Rows) -> Rows:
    """Returns the images of a single digit, and which it is."""
    alone = np.flatnonzero(rows.labels["count"] == 1)
    return Rows(rows.images[alone], {"digit": rows.labels["items.digit"][alone, 0]}, rows.name)
