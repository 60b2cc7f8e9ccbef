"""Convolutions with normalised features, as recognisers of several experiments have them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import torch
from torch import nn


def normalised(channels: int, *layers: tuple[int, int, int]) -> Iterator[nn.Module]:
    """Yields convolutions over images of so many channels.

    Group normalisation (Wu & He 2018) looks at one row at a time, as models here must.

    Args:
        channels: Of the images.
        *layers: How many channels come out of each, its side in pixels, and its step.
    """
    for (into, *_), (out, side, step) in pairwise(((channels, 0, 0), *layers)):
        yield from (nn.Conv2d(into, out, side, step, side // 2, bias=False), nn.GroupNorm(4, out), nn.ReLU())


def halvings(width: int) -> nn.Sequential:
    """Returns three convolutions over grey images, each of which halves height and width."""
    return nn.Sequential(*normalised(1, (width, 3, 2), (2 * width, 3, 2), (4 * width, 3, 2)), nn.Flatten())


def features(width: int, channels: int) -> nn.Sequential:
    """Returns five convolutions over images of so many channels, which halve height and width three times."""
    w, x, y = width, 2 * width, 4 * width
    network = nn.Sequential(*normalised(channels, (w, 5, 2), (x, 3, 1), (x, 3, 2), (y, 3, 1), (y, 3, 2)), nn.Flatten())
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # quicker on processors
    return network
