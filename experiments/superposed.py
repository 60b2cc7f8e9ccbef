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

Labels = Mapping[str, NDArray[Any]]

PARTS: dict[int, tuple[tuple[int, ...], ...]] = {0: ((),), 1: ((1,),), 2: ((1, 1),), 3: ((1, 2), (1, 1, 1))}
"""By count: the counts of the images that are superposed for it; what needs a count that is not there is left out."""
MOST = 3
TURN, ZOOM = math.radians(15), 0.2
"""How far images are turned at most, and by how much the logarithm of their size is changed."""
SHARED = 0.03
"""Of two images' ink, the largest share of the lesser one that may fall on the other's."""
TRIES = 50
"""After so many draws the last one is taken, as it is."""
INK = 0.05
"""From which value on a pixel belongs to a thing."""


def superposed(images: Tensor, labels: Labels, rows: int, seed: int) -> tuple[Tensor, Labels]:
    """Moves, turns and resizes labelled images, and superposes them where their ink does not meet: counts add up.

    Args:
        images: The labelled ones, (labelled, 1, side, side), in which 0 is paper; some of them of a single thing.
        labels: `count` (labelled,), `digit` (labelled, steps) and `place` (labelled, steps, 3), as `multi_mnist` has
            them; digits go from left to right.
        rows: How many to make, with as many of each count from 0 to 3 as can be.
        seed: Of the draw.

    Returns:
        Images and labels of the same form.
    """
    random, generator = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    count, low, high = np.arange(rows) % (MOST + 1), *_boxes(images[:, 0] > INK)
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
            moved = moves.of_images(images[parts]) * there[:, :, None, None, None]
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
    """How images are moved: from a point (rows, parts, 2) to another, -1 to 1 across the image, by a matrix.

    Attributes:
        of: The middle of what is moved.
        to: Where it goes.
        zoom: How much larger it becomes, (rows, parts).
        back: From what is seen there to what is moved, (rows, parts, 2, 2).
    """

    of: Tensor
    to: Tensor
    zoom: Tensor
    back: Tensor

    @classmethod
    def drawn(cls, low: Tensor, high: Tensor, side: int, generator: torch.Generator) -> Self:
        """Draws moves of boxes, whose least and largest x and y are given in pixels, that stay within the image."""
        rows, parts, _ = low.shape
        turn, size, x, y = torch.rand(4, rows, parts, generator=generator)
        angle, zoom = (2 * turn - 1) * TURN, ((2 * size - 1) * ZOOM).exp()
        cos, sin, half = angle.cos(), angle.sin(), (high - low) / side
        reach = half * cos[..., None] + half.flip(-1) * sin[..., None].abs()  # of a box that holds the turned one
        reach = (reach * zoom[..., None]).clamp_max(1)
        to = (2 * torch.stack([x, y], -1) - 1) * (1 - reach)
        back = torch.stack([cos, -sin, sin, cos], -1).view(rows, parts, 2, 2) / zoom[..., None, None]
        return cls((low + high) / side - 1, to, zoom, back)

    def of_images(self, images: Tensor) -> Tensor:
        """Moves images (rows, parts, channels, side, side)."""
        affine = torch.cat([self.back, self.of[..., None] - self.back @ self.to[..., None]], -1)
        grid = functional.affine_grid(affine.flatten(0, 1), list(images.flatten(0, 1).shape), align_corners=False)
        return functional.grid_sample(images.flatten(0, 1), grid, align_corners=False).view_as(images)

    def of_places(self, places: Tensor) -> Tensor:
        """Moves places (rows, parts, steps, 3): scale, x and y."""
        forth = self.back.inverse()[:, :, None]
        points = (forth @ (places[..., 1:] - self.of[:, :, None])[..., None])[..., 0] + self.to[:, :, None]
        return torch.cat([places[..., :1] * self.zoom[..., None, None], points.clamp(-0.98, 0.98)], -1)


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
