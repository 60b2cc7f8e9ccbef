"""Views of colour images and of faces: other light, other colours, a part covered."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from unbraid.views import View


@dataclass(frozen=True, slots=True)
class InTurn:
    """One view after another.

    Args:
        views: The first one first.
    """

    views: tuple[View, ...]

    def __call__(self, images: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Transforms images by all views."""
        for view in self.views:
            images = view(images, generator)
        return images


@dataclass(frozen=True, slots=True)
class Colour:
    """Another contrast and brightness, other weights of the channels, and at times the negative.

    Args:
        contrast: The largest change of the logarithm of the contrast.
        brightness: The largest change of brightness.
        tint: The largest change of the brightness of a single channel.
        negative: How often an image is turned into its negative, 0 to 1.
    """

    contrast: float = 0.5
    brightness: float = 0.2
    tint: float = 0.1
    negative: float = 0.5

    def __call__(self, images: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Changes images (rows, channels, height, width) in [0, 1]."""

        def uniform(*shape: int) -> Tensor:
            return torch.rand(len(images), *shape, 1, 1, generator=generator, device=images.device) * 2 - 1

        mean = images.mean((1, 2, 3), keepdim=True)
        added = self.brightness * uniform(1) + self.tint * uniform(images.shape[1])
        changed = (mean + (images - mean) * (self.contrast * uniform(1)).exp() + added).clamp(0, 1)
        return torch.where(uniform(1) < 2 * self.negative - 1, 1 - changed, changed)


@dataclass(frozen=True, slots=True)
class Blur:
    """Blurred and paler ink, as models draw it: for judges of what they draw.

    Args:
        side: Of the square whose mean a pixel is drawn towards, twice; odd.
        palest: What is left of the ink at least, 0 to 1.
    """

    side: int = 5
    palest: float = 0.4

    def __call__(self, images: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Blurs images (rows, channels, height, width) in [0, 1] on a ground of 0."""
        share, ink = torch.rand(2, len(images), 1, 1, 1, generator=generator, device=images.device)
        around = images
        for _ in range(2):
            around = functional.avg_pool2d(around, self.side, 1, self.side // 2)
        blurred: Tensor = (self.palest + (1 - self.palest) * ink) * (images + share * (around - images))
        return blurred


@dataclass(frozen=True, slots=True)
class Cover:
    """A grey square somewhere on every image (cutout, DeVries & Taylor 2017).

    Args:
        largest: The largest side, as a share of the image's.
    """

    largest: float = 0.4

    def __call__(self, images: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Covers a part of images (rows, channels, height, width)."""
        rows, (height, width) = len(images), images.shape[-2:]
        y, x, side = torch.rand(3, rows, 1, 1, 1, generator=generator, device=images.device)
        half = side * self.largest / 2
        down = (torch.arange(height, device=images.device) + 0.5).view(-1, 1) / height
        across = (torch.arange(width, device=images.device) + 0.5).view(1, -1) / width
        return torch.where(((down - y).abs() < half) & ((across - x).abs() < half), 0.5, images)


@dataclass(frozen=True, slots=True)
class Relight:
    """Another light: a gamma, a slope of brightness across the face, and at times its mirror image.

    It keeps who is seen, and changes where the light comes from.

    Args:
        gamma: The largest change of the logarithm of the exponent.
        slope: The largest change of the logarithm of brightness, from the middle to an edge.
        mirror: How often an image is mirrored, 0 to 1.
    """

    gamma: float = 0.5
    slope: float = 1.5
    mirror: float = 0.5

    def __call__(self, images: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Changes images (rows, channels, height, width) in [0, 1]."""
        rows, (height, width) = len(images), images.shape[-2:]
        turned = torch.rand(rows, 1, 1, 1, generator=generator, device=images.device) < self.mirror
        images = torch.where(turned, images.flip(-1), images)
        exponent, level, across, down = torch.rand(4, rows, 1, 1, 1, generator=generator, device=images.device) * 2 - 1
        x = torch.linspace(-1, 1, width, device=images.device).view(1, -1)
        y = torch.linspace(-1, 1, height, device=images.device).view(-1, 1)
        gain = (self.slope * (across * x + down * y + 0.5 * level)).exp()
        bent = torch.pow(images.clamp_min(1e-4), (self.gamma * exponent).exp())
        relit: Tensor = (bent * gain).clamp(0, 1)
        return relit
