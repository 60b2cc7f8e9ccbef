"""Scenes superposed: more labelled images of several things, made of nothing but the labelled ones there are."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

import unbraid as ub

Labels = Mapping[str, NDArray[Any]]

PARTS: dict[int, tuple[tuple[int, ...], ...]] = {1: ((1,),), 2: ((1, 1),), 3: ((1, 2), (1, 1, 1))}
"""By count: the counts of the images that are superposed for it; what needs a count that is not there is left out."""
COUNTS = (1, 2, 3, 2, 3)
"""How many things there are, one image after the other: what is hard to count comes more often."""
MOST = 3
"""The largest count, and of how many images one is superposed at most."""
TURN, ZOOM, SHEAR = math.radians(15), 0.2, 0.15
"""How far images are turned at most, by how much the logarithms of width and height are changed, and how skewed."""
BENT = ub.Warp(rotation=0.0, scale=0.0, shear=0.0, shift=0.0, elastic=0.8)
"""What is done to their strokes."""
SHARED = 0.03
"""Of two images' ink, the largest share of the lesser one that may fall on the other's."""
TRIES = 50
"""After so many draws the last one is taken, as it is."""
INK = 0.05
"""From which value on a pixel belongs to a thing."""


def superposed(images: Tensor, labels: Labels, rows: int, seed: int) -> tuple[Tensor, Labels]:
    """Moves, turns and bends labelled images, and superposes them where their ink does not meet: counts add up.

    Args:
        images: The labelled ones, (labelled, 1, side, side), in which 0 is paper; some of them of a single thing.
        labels: `count` (labelled,), `digit` (labelled, steps) and `place` (labelled, steps, 3), as `multi_mnist` has
            them; digits go from left to right.
        rows: How many to make.
        seed: Of the draw.

    Returns:
        Images and labels of the same form.
    """
    random, generator = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    count, (low, high) = np.resize(COUNTS, rows), _boxes(images[:, 0] > INK)
    made = images.new_zeros(rows, *images.shape[1:])
    digits = np.full((rows, labels["digit"].shape[1]), -1)
    places = np.full((*digits.shape, 3), np.nan, np.float32)
    for some in np.array_split(np.arange(rows), -(-rows // 1000)):  # so many fit into the memory at once
        for attempt in range(TRIES):
            if not len(some):
                break
            parts = _parts(labels["count"], count[some], random)
            moves = Moves.drawn(low[parts], high[parts], images.shape[-1], generator)
            there = torch.from_numpy(parts >= 0)
            bent = BENT(images[parts].flatten(0, 1), generator).unflatten(0, parts.shape)
            moved = moves.of_images(bent) * there[:, :, None, None, None]
            done = (_shared(moved) <= SHARED).numpy() | (attempt == TRIES - 1)
            made[some[done]] = moved[done].amax(1)
            found = moves.of_places(torch.as_tensor(labels["place"][parts])).numpy()
            found[parts < 0], named = np.nan, np.where(parts[:, :, None] < 0, -1, labels["digit"][parts])
            digits[some[done]], places[some[done]] = _in_order(named[done], found[done])
            some = some[~done]
    return made, {"count": count, "digit": digits, "place": places}


def _parts(known: NDArray[np.int64], counts: NDArray[np.int64], random: np.random.Generator) -> NDArray[np.int64]:
    """Draws which images are superposed for counts (rows,): (rows, 3), with -1 for none."""
    of = {count: np.flatnonzero(known == count) for count in range(1, MOST + 1)}
    choices = {count: [each for each in ways if all(len(of[part]) for part in each)] for count, ways in PARTS.items()}
    parts = np.full((len(counts), MOST), -1)
    for row, count in enumerate(counts):
        way = choices[count][random.integers(len(choices[count]))]
        parts[row, : len(way)] = [random.choice(of[part]) for part in way]
    return parts


@dataclass(frozen=True, slots=True)
class Moves:
    """How images are moved, turned, resized and sheared.

    Attributes:
        of: The middle of what is moved, (rows, parts, 2): x and y, -1 to 1 across the image.
        to: Where it goes.
        forth: What becomes of what is around it, (rows, parts, 2, 2).
    """

    of: Tensor
    to: Tensor
    forth: Tensor

    @classmethod
    def drawn(cls, low: Tensor, high: Tensor, side: int, generator: torch.Generator) -> Self:
        """Draws moves of boxes, whose least and largest x and y are given in pixels, that stay within the image."""
        rows, parts, _ = low.shape
        turn, shear, across, down, x, y = 2 * torch.rand(6, rows, parts, generator=generator) - 1
        angle, wide, tall = turn * TURN, (across * ZOOM).exp(), (down * ZOOM).exp()
        turned = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()], -1).view(rows, parts, 2, 2)
        resized = torch.stack([wide, shear * SHEAR, torch.zeros_like(wide), tall], -1).view(rows, parts, 2, 2)
        forth = turned @ resized
        reach = (forth.abs() @ ((high - low) / side)[..., None])[..., 0].clamp_max(1)
        return cls((low + high) / side - 1, torch.stack([x, y], -1) * (1 - reach), forth)

    def of_images(self, images: Tensor) -> Tensor:
        """Moves images (rows, parts, channels, side, side)."""
        back = self.forth.inverse()
        affine = torch.cat([back, self.of[..., None] - back @ self.to[..., None]], -1)
        grid = functional.affine_grid(affine.flatten(0, 1), list(images.flatten(0, 1).shape), align_corners=False)
        return functional.grid_sample(images.flatten(0, 1), grid, align_corners=False).view_as(images)

    def of_places(self, places: Tensor) -> Tensor:
        """Moves places (rows, parts, steps, 3): scale, x and y; centres stay on the canvas."""
        around = (places[..., 1:] - self.of[:, :, None])[..., None]
        points = (self.forth[:, :, None] @ around)[..., 0] + self.to[:, :, None]
        zoom = self.forth.det().sqrt()[..., None, None]
        return torch.cat([places[..., :1] * zoom, points.clamp(-0.98, 0.98)], -1)


def _boxes(ink: Tensor) -> tuple[Tensor, Tensor]:
    """Returns the least and the largest x and y of ink (rows, height, width), in pixels; all where there is none."""
    low, high = [], []
    for lines in (ink.any(1), ink.any(2)):
        at = torch.arange(lines.shape[1])
        low.append(torch.where(lines, at, lines.shape[1]).amin(1) * lines.any(1))
        high.append(torch.where(lines | ~lines.any(1, keepdim=True), at + 1, 0).amax(1))
    return torch.stack(low, 1).float(), torch.stack(high, 1).float()


def _shared(parts: Tensor) -> Tensor:
    """Returns the largest share of a part's ink that falls on another's, (rows,), for parts (rows, parts, ...)."""
    parts = parts.flatten(2)
    ink, worst = parts.sum(2), parts.new_zeros(len(parts))
    for one in range(parts.shape[1]):
        for other in range(one):
            least = torch.minimum(ink[:, one], ink[:, other]).clamp_min(1e-6)
            worst = worst.maximum(torch.minimum(parts[:, one], parts[:, other]).sum(1) / least)
    return worst


def _in_order(digits: NDArray[Any], places: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Lists the things of several parts, (rows, parts, steps, ...), from left to right: (rows, steps, ...)."""
    steps = digits.shape[2]
    all_steps = digits.shape[1] * steps
    digits, places = digits.reshape(-1, all_steps), places.reshape(-1, all_steps, 3)
    order = np.argsort(places[..., 1], 1, kind="stable")[:, :steps]  # NaN, which is no thing, comes last
    return np.take_along_axis(digits, order, 1), np.take_along_axis(places, order[..., None], 1)
