"""Grey pixels drawn as black or white."""

from __future__ import annotations

import torch
from torch import Tensor

from unbraid.random_levels import LEVELS, random_levels


def binarised(x: Tensor, generator: torch.Generator | None) -> Tensor:
    """Draws every pixel as 1 with its grey value as the probability, else as 0 (Salakhutdinov & Murray 2008).

    Args:
        x: Grey values from 0 to 1, any shape; taken as multiples of 1/65,536, rounded up.
        generator: Where noise is drawn from; torch's global generator if None.

    Returns:
        Zeros and ones, the shape and type of `x`.

    Example:
        >>> binarised(torch.tensor([0.0, 1.0]), None)
        tensor([0., 1.])
    """
    return (random_levels(x.shape, x.dtype, x.device, generator) < x * LEVELS).to(x.dtype)
