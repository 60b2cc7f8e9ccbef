"""Warps: small random deformations of images that keep what they show."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from unbraid.errors import DataError


@dataclass(frozen=True, slots=True)
class Warp:
    """A random affine map and a smooth random displacement of every image, in one resampling.

    Source: elastic deformations after Simard et al. 2003, section 2, here by a coarse grid of control points.

    Args:
        rotation: The largest rotation, in degrees.
        scale: The largest change of log-size, in each direction.
        shear: The largest shear.
        shift: The largest shift, in pixels.
        elastic: The largest standard deviation of the control points' displacement, in pixels: that of an image is
            this times the root of a number from 0 to 1.
        points: How many control points along a side.

    Example:
        >>> import torch
        >>> Warp(rotation=10.0)(torch.rand(5, 1, 28, 28), torch.Generator().manual_seed(0)).shape
        torch.Size([5, 1, 28, 28])
    """

    rotation: float = 20.0
    scale: float = 0.15
    shear: float = 0.25
    shift: float = 2.0
    elastic: float = 1.2
    points: int = 6

    def __call__(self, images: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Deforms images (rows, channels, height, width), each in its own way; what comes in from outside is 0."""
        if images.dim() != 4:
            raise DataError(f"Warp takes images (rows, channels, height, width), got the shape {tuple(images.shape)}.")
        rows, _, height, width = images.shape
        basis = _basis(self.points, height, width, images.device)
        coefficients = self._coefficients(rows, height, width, images.device, generator)
        grid = (
            (coefficients.view(2 * rows, 3 + self.points**2) @ basis).view(rows, 2, height, width).permute(0, 2, 3, 1)
        )
        return functional.grid_sample(images, grid.to(images.dtype), align_corners=False)

    def _coefficients(
        self, rows: int, height: int, width: int, device: torch.device, generator: torch.Generator | None
    ) -> Tensor:
        """Draws for every row and both coordinates the weights of x, y, 1 and the control points."""

        def uniform(largest: float) -> Tensor:
            return (torch.rand(rows, generator=generator, device=device) * 2 - 1) * largest

        turn, shear = uniform(math.radians(self.rotation)), uniform(self.shear)
        wide, high = uniform(self.scale).exp(), uniform(self.scale).exp()
        noise = torch.randn(rows, 2, 3 + self.points**2, generator=generator, device=device)
        noise *= torch.rand(rows, 1, 1, generator=generator, device=device).sqrt() * self.elastic
        noise *= torch.tensor([2 / width, 2 / height], device=device)[:, None]
        cos, sin = turn.cos(), turn.sin()
        noise[:, 0, 0], noise[:, 0, 1], noise[:, 0, 2] = (
            cos * wide,
            (cos * shear - sin) * wide * (height / width),  # both sides run from -1 to 1, whatever their lengths
            uniform(2 * self.shift / width),
        )
        noise[:, 1, 0], noise[:, 1, 1], noise[:, 1, 2] = (
            sin * high * (width / height),
            (sin * shear + cos) * high,
            uniform(2 * self.shift / height),
        )
        return noise


def _basis(points: int, height: int, width: int, device: torch.device) -> Tensor:
    """Returns the functions of a pixel's place that a map is made of: x, y, 1 and a bump at each control point."""
    down = (torch.arange(height, device=device) + 0.5) * 2 / height - 1
    across = (torch.arange(width, device=device) + 0.5) * 2 / width - 1
    y, x = torch.meshgrid(down, across, indexing="ij")
    corners = torch.eye(points**2, device=device).view(points**2, 1, points, points)
    bumps = functional.interpolate(corners, (height, width), mode="bicubic", align_corners=True)
    return torch.cat([torch.stack([x, y, torch.ones_like(x)]).flatten(1), bumps.flatten(1)])
