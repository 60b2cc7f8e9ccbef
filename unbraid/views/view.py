"""What a view is."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor


@runtime_checkable
class View(Protocol):
    """Transforms every row at random in a way that keeps its labels."""

    def __call__(self, images: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Transforms rows (rows, *event) and returns rows of the same shape."""
