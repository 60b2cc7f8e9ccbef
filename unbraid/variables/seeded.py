"""Seeded draws: torch's functions that take no generator, made to draw from one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def seeded(generator: torch.Generator | None, device: torch.device) -> Iterator[None]:
    """Lets what is drawn inside be a function of a generator, and leaves torch's global one as it was.

    One number is taken from the generator, as a seed.

    Args:
        generator: Where noise is drawn from; None for the global generator, which then is not left alone.
        device: Where the draws are made.

    Example:
        >>> generator = torch.Generator().manual_seed(0)
        >>> with seeded(generator, torch.device("cpu")):
        ...     first = torch.rand(2)
        >>> with seeded(generator.manual_seed(0), torch.device("cpu")):
        ...     print(torch.equal(torch.rand(2), first))
        True
    """
    if generator is None:
        yield
        return
    seed = int(torch.randint(2**62, (), generator=generator, device=generator.device))
    on_cuda = device.type == "cuda"
    with torch.random.fork_rng(devices=[device] if on_cuda else []):
        torch.default_generator.manual_seed(seed)
        if on_cuda:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        yield
