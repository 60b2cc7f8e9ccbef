"""Random whole numbers of 16 bits: draws with a given probability, several times as fast as from floats."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

LEVELS = 2**16
"""How many levels there are."""


def random_levels(
    shape: Sequence[int], dtype: torch.dtype, device: torch.device, generator: torch.Generator | None = None
) -> Tensor:
    """Draws whole numbers from 0 to 65,535, all alike probable: level < 65,536 p comes true with probability p.

    One random number of 64 bits gives four, where torch takes one of 32 or 64 for each float. So a probability is
    rounded up to a multiple of 1/65,536; 0 and 1 stay certain.

    Args:
        shape: How many.
        dtype: Their type; one of less than 24 bits of precision gives single precision instead.
        device: Where they are made.
        generator: Where noise is drawn from; torch's global generator if None.

    Example:
        >>> bool((random_levels((2, 3), torch.float32, torch.device("cpu")) < LEVELS).all())
        True
    """
    count = 1
    for size in shape:
        count *= size
    whole = torch.randint(-(2**63), 2**63 - 1, ((count + 3) // 4,), generator=generator, device=device)
    levels = whole.view(torch.int16)[:count].view(tuple(shape)).to(torch.promote_types(dtype, torch.float32))
    return levels.add_(LEVELS // 2)
