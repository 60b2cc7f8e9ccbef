"""Scenes superposed: more labelled images of several things, made of nothing but the labelled ones there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Images = NDArray[np.float32]
Labels = Mapping[str, NDArray[Any]]

PARTS: dict[int, tuple[tuple[int, ...], ...]] = {0: ((),), 1: ((1,),), 2: ((1, 1),), 3: ((1, 2), (1, 1, 1))}
"""By count: the counts of the images that are superposed for it; what needs a count that is not there is left out."""
SHARED = 0.03
"""Of two images' ink, the largest share of the lesser one that may fall on the other's."""
TRIES = 100
"""After so many draws the last one is taken, as it is."""
INK = 0.05
"""From which value on a pixel belongs to a thing."""


def superposed(images: Images, labels: Labels, rows: int, seed: int) -> tuple[Images, Labels]:
    """Moves labelled images at random, and superposes them where their ink does not meet: counts add up.

    Args:
        images: The labelled ones, (labelled, 1, height, width), in which 0 is paper; some of them of a single thing.
        labels: `count` (labelled,), `digit` (labelled, steps) and `place` (labelled, steps, 3), as `multi_mnist` has
            them; digits go from left to right.
        rows: How many to make, with as many of each count from 0 to 3 as can be.
        seed: Of the draw.

    Returns:
        Images and labels of the same form.
    """
    generator = np.random.default_rng((seed, len(images)))
    by_count = {each: np.flatnonzero(labels["count"] == each) for each in range(4)}
    choices = {
        count: [parts for parts in PARTS[count] if all(len(by_count[part]) for part in parts)] for count in PARTS
    }
    nowhere = np.full_like(labels["digit"][0], -1)
    nothing = np.zeros_like(images[0]), np.full_like(labels["place"][0], np.nan)
    boxes = [_box(image[0]) for image in images]
    made: list[tuple[Images, NDArray[np.int64], NDArray[np.float32]]] = []
    count = np.arange(rows) % 4
    for each in count:
        for _ in range(TRIES):
            chosen = [generator.choice(by_count[part]) for part in choices[each][generator.integers(len(choices[each]))]]
            parts = [_moved(images[row], labels["place"][row], boxes[row], generator) for row in chosen]
            if all(_apart(one[0], other[0]) for i, one in enumerate(parts) for other in parts[:i]):
                break
        made.append(_together([nothing, *parts], [nowhere, *labels["digit"][chosen]]))
    drawn, digits, places = (np.stack(each) for each in zip(*made, strict=True))
    return drawn, {"count": count, "digit": digits, "place": places}


def _box(image: Images) -> tuple[int, int, int, int]:
    """Returns the first row with ink and the one after the last, and so for columns; the whole image where there is none."""
    across, down = (np.flatnonzero((image > INK).any(axis)) for axis in (0, 1))
    if not len(across):
        return 0, image.shape[0], 0, image.shape[1]
    return down[0], down[-1] + 1, across[0], across[-1] + 1


def _moved(
    image: Images, place: NDArray[np.float32], box: tuple[int, int, int, int], generator: np.random.Generator
) -> tuple[Images, NDArray[np.float32]]:
    """Moves an image's ink, and the places of its things, by whole pixels to anywhere on the canvas."""
    top, bottom, left, right = box
    height, width = image.shape[1:]
    y, x = generator.integers(height - (bottom - top) + 1), generator.integers(width - (right - left) + 1)
    moved = np.zeros_like(image)
    moved[:, y : y + bottom - top, x : x + right - left] = image[:, top:bottom, left:right]
    shift = np.array([0, 2 * (x - left) / width, 2 * (y - top) / height], np.float32)
    return moved, np.clip(place + shift, [0, -0.98, -0.98], [1, 0.98, 0.98]).astype(np.float32)


def _apart(one: Images, other: Images) -> bool:
    return bool(np.minimum(one, other).sum() <= SHARED * min(one.sum(), other.sum()))


def _together(
    parts: Sequence[tuple[Images, NDArray[np.float32]]], digits: Sequence[NDArray[np.int64]]
) -> tuple[Images, NDArray[np.int64], NDArray[np.float32]]:
    """Superposes images, and lists their things from left to right."""
    steps = len(digits[0])
    image = np.maximum.reduce([part for part, _ in parts])
    places, named = np.concatenate([place for _, place in parts]), np.concatenate(digits)
    order = np.argsort(places[:, 1], kind="stable")[:steps]  # NaN, which is no thing, comes last
    return image, named[order], places[order]
