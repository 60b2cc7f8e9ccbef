"""The networks that look at scenes of digits: what is in each cell, how much in all, and where to look next."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

import unbraid as ub

CELLS = 13
"""Into how many cells a side of the image is divided."""


@ub.capturable
class Standardised(nn.Conv2d):
    """A convolution whose filters have mean 0 and a norm of their own, so that features need not be normalised.

    Features normalised over the batch are others for views than for the images themselves; normalised by themselves,
    images would lose how much there is in them.

    Source: scaled weight standardisation, Brock et al. 2021, "Characterizing signal propagation to close the
    performance gap in unnormalized ResNets", Eq. 4, with their gain for a rectifier.
    """

    def __init__(self, into: int, out: int, step: int) -> None:
        super().__init__(into, out, 3, step, 1)
        self.gain = nn.Parameter(torch.full((out, 1, 1, 1), math.sqrt(2 / (1 - 1 / math.pi))))

    def forward(self, images: Tensor) -> Tensor:
        """Maps images (rows, channels, height, width) to features."""
        filters = self.weight.permute(0, 2, 3, 1).flatten(1)  # as they lie in memory
        centred = filters - filters.mean(1, keepdim=True)
        scale = self.gain.flatten(1) / torch.linalg.vector_norm(centred, dim=1, keepdim=True).clamp_min(0.01)
        weight = (centred * scale).unflatten(1, (3, 3, -1)).permute(0, 3, 1, 2)
        return functional.conv2d(images, weight, self.bias, self.stride, self.padding)


@ub.capturable
class Sum(nn.Module):
    """Adds up features over the image: what is there counts, and not where."""

    def forward(self, features: Tensor) -> Tensor:
        """Maps (rows, channels, height, width) to (rows, channels), as large as a single place's."""
        return features.sum((2, 3)) / math.sqrt(features.shape[2] * features.shape[3])


@ub.capturable
class Near(nn.Module):
    """Log-odds of counts near an amount, so that what is seen in a place adds to the count whatever else there is.

    A count that no label has can be told so; log-odds with weights of their own for each count never tell it.
    """

    count: Tensor

    def __init__(self, counts: int) -> None:
        super().__init__()
        self.register_buffer("count", torch.arange(float(counts)), persistent=False)
        self.log_precision = nn.Parameter(torch.tensor(1.0))

    def forward(self, amount: Tensor) -> Tensor:
        """Maps amounts (rows, 1) to (rows, counts)."""
        return -self.log_precision.exp() * (self.count - amount).square()


@ub.capturable
class Search(nn.Module):
    """Log-odds of the cells for the next digit, from what is seen in each of them and where digits were found."""

    def __init__(self, channels: int = 64) -> None:
        super().__init__()
        self.near, self.anywhere = nn.Conv2d(1, channels, 5, 1, 2), nn.Linear(CELLS**2, channels)
        self.odds = nn.Conv2d(channels, 1, 1)

    def forward(self, found: Tensor, visited: Tensor) -> Tensor:
        """Maps features (rows, channels, cells, cells) and cells (rows, cells * cells) to (rows, cells * cells)."""
        before = self.near(visited.reshape(-1, 1, CELLS, CELLS)) + self.anywhere(visited)[:, :, None, None]
        odds: Tensor = self.odds((found + before).relu())
        return odds.flatten(1)


@ub.capturable
class Nowhere(nn.Module):
    """No cell."""

    def forward(self, found: Tensor) -> Tensor:
        """Maps features (rows, channels, cells, cells) to (rows, cells * cells)."""
        return found.new_zeros(found.shape[0], CELLS**2)


@ub.capturable
class Attend(nn.Module):
    """What is seen in a cell, and where this is."""

    def forward(self, found: Tensor, cell: Tensor) -> Tensor:
        """Maps features (rows, channels, cells, cells) and cells' shares (rows, cells * cells) to (rows, channels)."""
        return torch.einsum("rcp,rp->rc", found.flatten(2), cell.to(found.dtype))


@ub.capturable
class WithCoordinates(nn.Module):
    """Adds x and y of the cells' centres, as latents of places have them, to what is seen in them."""

    def forward(self, seen: Tensor) -> Tensor:
        """Maps features (rows, channels, cells, cells) to (rows, channels + 2, cells, cells)."""
        across = (torch.arange(CELLS, device=seen.device, dtype=seen.dtype) + 0.5) / CELLS * 2 - 1
        where = torch.stack(torch.meshgrid(across.atanh(), across.atanh(), indexing="xy"))
        return torch.cat([seen, where.expand(seen.shape[0], -1, -1, -1)], 1)


@ub.capturable
class Jitter(nn.Module):
    """Moves places a little in training, as far as found ones are off: a reader learns to read what was found."""

    off: Tensor

    def __init__(self, scale: float = 0.04, shift: float = 0.06) -> None:
        super().__init__()
        self.register_buffer("off", torch.tensor([scale, shift, shift]), persistent=False)

    def forward(self, where: Tensor) -> Tensor:
        """Maps places (..., 3) to places."""
        return where + torch.randn_like(where) * self.off if self.training else where


def features() -> nn.Sequential:
    """Returns what all looks begin with: 48 features in each of the cells, of 26 by 26 pixels."""
    return nn.Sequential(nn.PixelUnshuffle(2), *convolutions((4, 16, 1), (16, 32, 2), (32, 48, 1), (48, 48, 1)))


def detector() -> nn.Sequential:
    """Returns the log-odds that a digit's centre is in a cell."""
    return nn.Sequential(*convolutions((48, 48, 1)), nn.Conv2d(48, 1, 1), nn.Flatten(1, 2))


def counter() -> nn.Sequential:
    """Returns how much of everything there is."""
    return nn.Sequential(*convolutions((48, 64, 2), (64, 96, 1)), Sum())


def finder() -> nn.Sequential:
    """Returns what is seen in each cell, to find things by."""
    look = (*convolutions((48, 64, 1)), Standardised(64, 64, 1))
    return nn.Sequential(*look, WithCoordinates(), nn.Conv2d(66, 64, 1))


def reader() -> nn.Sequential:
    """Returns convolutions over a glimpse."""
    return nn.Sequential(nn.PixelUnshuffle(2), *convolutions((4, 32, 1), (32, 64, 2), (64, 96, 2)), nn.Flatten())


def convolutions(*sizes: tuple[int, int, int]) -> Iterator[nn.Module]:
    """Yields convolutions, from so many channels to so many, with a step."""
    for size in sizes:
        convolution = Standardised(*size)
        yield from (convolution.to(memory_format=torch.channels_last), nn.ReLU())  # type: ignore[call-overload]
