"""Grey pixels drawn as black or white."""

from __future__ import annotations

import torch
from torch import Tensor

LEVELS = 2**16


def binarised(x: Tensor, generator: torch.Generator | None) -> Tensor:
    """Draws every pixel as 1 with its grey value as the probability, else as 0 (Salakhutdinov & Murray 2008).

    A draw takes 16 random bits, four draws from one random number of 64, which is several times as fast as a float for
    each. So a probability is rounded up to a multiple of 1/65,536; 0 and 1 stay certain.

    Args:
        x: Grey values from 0 to 1, any shape.
        generator: Where noise is drawn from; torch's global generator if None.

    Returns:
        Zeros and ones, the shape and type of `x`.

    Example:
        >>> binarised(torch.tensor([0.0, 1.0]), None)
        tensor([0., 1.])
    """
    whole = torch.randint(-(2**63), 2**63 - 1, ((x.numel() + 3) // 4,), generator=generator, device=x.device)
    level = whole.view(torch.int16)[: x.numel()].view(x.shape).to(torch.promote_types(x.dtype, torch.float32))
    return level.add_(LEVELS // 2).lt_(x * LEVELS).to(x.dtype)
