"""Layouts: which digits stand where in images of several, drawn before anything is rendered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from unbraid.errors import DataError

Order = Literal["left_to_right", "top_to_bottom", "largest_first", "drawn"]

TRIES = 100
"""How often the places of an image's digits are drawn before the digits shrink."""
SHRINK = 0.9
"""By what digits shrink that do not fit, down to the smallest scale."""


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """What stands where in every image.

    Attributes:
        count: (rows,), how many digits there are.
        source: (rows, steps), which image each digit is; -1 past the count.
        place: (rows, steps, 3) float32, its scale, x and y on the canvas; NaN past the count.
    """

    count: NDArray[np.int64]
    source: NDArray[np.int64]
    place: NDArray[np.float32]


def deal(
    classes: NDArray[np.int64], rows: int, counts: tuple[int, ...], steps: int, generator: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Deals counts to rows and digit images to their steps, all equally often.

    Counts come equally often to within one row, the classes within each count equally often to within one digit, and
    the images of a class equally often to within one.

    Args:
        classes: (images,), the class of each image.
        rows: How many rows.
        counts: The counts to deal.
        steps: How many steps a row has; at least the largest count.
        generator: Of the draw.

    Returns:
        The counts (rows,), and the images (rows, steps) with -1 past the count.
    """
    count = generator.permutation(np.resize(np.array(counts, np.int64), rows))
    source = np.full((rows, steps), -1, np.int64)
    known, dealt = np.unique(classes), np.zeros((rows, steps), np.int64)
    present = np.arange(steps) < count[:, None]
    for each in sorted(set(counts)):
        slots = present & (count == each)[:, None]
        dealt[slots] = generator.permutation(np.resize(generator.permutation(known), slots.sum()))
    for each in known:
        images, slots = np.flatnonzero(classes == each), present & (dealt == each)
        rounds = -(-int(slots.sum()) // len(images))
        decks = [generator.permutation(images) for _ in range(rounds)]
        source[slots] = np.concatenate([*decks, images[:0]])[: slots.sum()]
    return count, source


def spread_out(
    boxes: NDArray[np.float64],
    scales: tuple[float, float],
    max_overlap: float,
    generator: np.random.Generator,
) -> NDArray[np.float64]:
    """Draws places on a canvas such that no two digits of an image overlap by more than a share.

    Scales are uniform in their range, centres wherever the digit's frame is inside the canvas. The centres of a row are
    drawn together until they fit, so they are uniform over all that fit; after 100 draws the row's digits shrink.

    Args:
        boxes: (rows, steps, 4), left, top, right and bottom of the ink of each digit, -1 to 1 across its frame; NaN
            where there is no digit.
        scales: The smallest and the largest scale: shares of the canvas's side.
        max_overlap: The largest share of the smaller box that two boxes may have in common.
        generator: Of the draw.

    Returns:
        (rows, steps, 3): scale, x and y; NaN where there is no digit.

    Raises:
        DataError: Some rows' digits do not fit even at the smallest scale.
    """
    rows, steps, _ = boxes.shape
    place = np.full((rows, steps, 3), np.nan)
    scale = generator.uniform(*scales, (rows, steps))
    pending = np.arange(rows)
    while True:
        for _ in range(TRIES):
            room = 1 - scale[pending, :, None]
            centre = generator.uniform(-1, 1, (len(pending), steps, 2)) * room
            place[pending] = np.concatenate([scale[pending, :, None], centre], 2)
            pending = pending[largest_overlap(boxes[pending], place[pending]) > max_overlap]
            if not len(pending):
                return np.where(np.isnan(boxes[..., :1]), np.nan, place)
        if np.all(scale[pending] <= scales[0]):
            most = int((~np.isnan(boxes[pending, :, 0])).sum(1).max())
            raise DataError(
                f"{most} digits of scale {scales[0]:g} do not fit in {len(pending)} of {rows} images after {TRIES} "
                f"tries with max_overlap={max_overlap:g}: allow smaller scales or more overlap, or ask for fewer digits"
            )
        scale[pending] = np.maximum(scale[pending] * SHRINK, scales[0])


def largest_overlap(boxes: NDArray[np.float64], place: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns the largest share of a smaller box that two digits of an image have in common.

    Args:
        boxes: (rows, steps, 4), the ink of each digit in its frame; NaN where there is no digit.
        place: (rows, steps, 3), where the frames are.

    Returns:
        (rows,); 0 where there are less than two digits.
    """
    centre, scale = np.tile(place[..., 1:], 2), place[..., :1]
    low, high = np.split(centre + scale * boxes, 2, axis=-1)
    area = np.prod(high - low, axis=-1)
    largest = np.zeros(len(boxes))
    for one in range(boxes.shape[1]):
        for other in range(one):
            sides = np.minimum(high[:, one], high[:, other]) - np.maximum(low[:, one], low[:, other])
            shared = np.prod(np.maximum(sides, 0), axis=-1) / np.minimum(area[:, one], area[:, other])
            largest = np.fmax(largest, shared)  # which passes over the NaN of digits that are not there
    return largest


def ordered(
    source: NDArray[np.int64], place: NDArray[np.float64], order: Order
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Puts the digits of every image in an order; those that are not there stay last.

    Args:
        source: (rows, steps).
        place: (rows, steps, 3), NaN where there is no digit.
        order: See `Scenes`.
    """
    scale, x, y = np.moveaxis(place, -1, 0)
    match order:
        case "left_to_right":
            keys = (y, x)
        case "top_to_bottom":
            keys = (x, y)
        case "largest_first":
            keys = (x, -scale)
        case "drawn":
            return source, place
    index = np.lexsort(keys, axis=-1)  # NaN comes last
    return np.take_along_axis(source, index, 1), np.take_along_axis(place, index[..., None], 1)
