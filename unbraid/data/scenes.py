"""Scenes: several digits in one image, with how many there are, which, and where as labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypedDict, Unpack, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from unbraid.data.layout import Layout, Order, deal, ordered, spread_out
from unbraid.data.rows import Rows
from unbraid.data.seeds import seeded
from unbraid.errors import DataError, OptionError, did_you_mean
from unbraid.resampling import place_onto

INK = 0.1
"""From which value on a pixel counts as ink."""
_AT_ONCE = 500  # rows that are rendered together: 16 MB of canvases


class SceneOptions(TypedDict, total=False):
    """The options of `Scenes`, which `compose_digits` and `multi_mnist` take too."""

    counts: Sequence[int]
    size: int
    scales: tuple[float, float]
    max_overlap: float
    order: Order
    at_most: int | None
    seed: int
    name: str


class Scenes(Dataset[Tensor]):
    """Images of several digits, rendered when they are asked for.

    Which digits stand where is drawn at once, from the seed; an image is then a function of its row number alone. So
    `scenes[7]` is the same image always, and `ub.fit(model, scenes, scenes.labels)` needs no memory for images.

    Counts come equally often, and so do the digits. Pixels are the largest value of the digits there, and as in MNIST
    one of 256 levels. The box of a digit is the smallest rectangle that holds its ink (pixels of 0.1 and more); its
    place is that of its whole image, margin and all, as `ub.place` takes it.

    Args:
        digits: Images of single digits with labels "digit".
        rows: How many images to compose.
        counts: How many digits may be in an image.
        size: The side of the square images, in pixels.
        scales: The smallest and the largest side of a digit's image, as a share of `size`.
        max_overlap: Of two digits' boxes, the largest share of the smaller one that may lie in the other. Digits of
            images where this cannot be met in 100 draws are shrunk, down to the smallest scale.
        order: The order of an image's digits in the labels, by their centres: "left_to_right", "top_to_bottom",
            "largest_first", or "drawn" for none. A network that infers one digit after the other can learn the first
            three, since they can be seen in the image.
        at_most: How many steps the labels have; the largest count where it is not given.
        seed: The same seed gives the same images.
        name: What the images are, as figures and reports call them.

    Attributes:
        labels: ``count`` (rows,) int64; ``digit`` (rows, steps) int64, -1 past the count; ``place`` (rows, steps, 3)
            float32, scale, x and y of each digit, NaN past the count.

    Raises:
        DataError: The counts, scales or the size are impossible, or the digits do not fit.
        OptionError: The order is unknown.

    References:
        Eslami et al., "Attend, infer, repeat", NIPS 2016, section 4.1: up to two digits of MNIST on 50 x 50 pixels.

    Example:
        >>> from unbraid.data import tiny_digits
        >>> scenes = Scenes(tiny_digits(), rows=8, counts=(1, 3))
        >>> len(scenes), scenes[0].shape, scenes.labels["digit"].shape
        (8, torch.Size([1, 50, 50]), (8, 3))
    """

    def __init__(
        self,
        digits: Rows,
        rows: int,
        *,
        counts: Sequence[int] = (0, 1, 2, 3),
        size: int = 50,
        scales: tuple[float, float] = (0.35, 0.6),
        max_overlap: float = 0.2,
        order: Order = "left_to_right",
        at_most: int | None = None,
        seed: int = 0,
        name: str | None = None,
    ) -> None:
        steps = _checked_steps(counts, at_most)
        _check(digits, rows, size, scales, max_overlap, order)
        self.digits, self.size, self.name = digits, size, name or f"several {digits.name}"
        generator = seeded(seed)
        classes = digits.labels["digit"].astype(np.int64)
        count, source = deal(classes, rows, tuple(counts), steps, generator)
        boxes = np.where((source < 0)[..., None], np.nan, ink_boxes(digits.images)[source])
        source, place = ordered(source, spread_out(boxes, scales, max_overlap, generator), order)
        self.layout = Layout(count, source, place.astype(np.float32))
        shown = np.where(source < 0, -1, classes[source])
        self.labels: dict[str, NDArray[Any]] = {"count": count, "digit": shown, "place": self.layout.place}

    def __len__(self) -> int:
        return len(self.layout.count)

    def __getitem__(self, row: int) -> Tensor:
        return self.render(np.arange(len(self))[[row]])[0]

    def __getitems__(self, rows: Sequence[int]) -> list[Tensor]:
        """Renders several images at once, as torch's loaders and `ub.fit` ask for them."""
        return list(self.render(np.arange(len(self))[list(rows)]))

    def render(self, rows: NDArray[np.int64]) -> Tensor:
        """Renders images by their row numbers (n,): (n, channels, size, size), float32 in [0, 1]."""
        source = torch.from_numpy(self.layout.source[rows])
        canvas = torch.zeros(len(rows), self.digits.images.shape[1], self.size, self.size)
        for step in range(source.shape[1]):
            there = (source[:, step] >= 0).nonzero().squeeze(1)
            where = torch.from_numpy(self.layout.place[rows, step])[there]
            items = place_onto(self.digits.images[source[there, step]], where, (self.size, self.size))
            canvas[there] = torch.maximum(canvas[there], items)
        return canvas.mul_(255).round_().div_(255)

    def compose(self) -> Rows:
        """Renders all images."""
        numbers = np.arange(len(self))
        images = torch.empty(len(self), self.digits.images.shape[1], self.size, self.size)
        for start in range(0, len(self), _AT_ONCE):
            images[start : start + _AT_ONCE] = self.render(numbers[start : start + _AT_ONCE])
        return Rows(images, self.labels, self.name)


def compose_digits(digits: Rows, rows: int, **options: Unpack[SceneOptions]) -> Rows:
    """Composes images of several digits: `Scenes`, rendered.

    Args:
        digits: Images of single digits with labels "digit".
        rows: How many images to compose.
        **options: Those of `Scenes`: counts, size, scales, max_overlap, order, at_most, seed, name.

    Returns:
        The images with the labels `count`, `digit` and `place`, as `Scenes` has them.

    Raises:
        DataError: The counts, scales or the size are impossible, or the digits do not fit.
        OptionError: The order is unknown.

    Example:
        >>> from unbraid.data import tiny_digits
        >>> compose_digits(tiny_digits(), 8)
        Rows(name='several tiny digits', images=(8, 1, 50, 50), labels=['count', 'digit', 'place'])
    """
    return Scenes(digits, rows, **options).compose()


def ink_boxes(images: Tensor) -> NDArray[np.float64]:
    """Returns the smallest rectangle that holds the ink of each image; the whole image where there is none.

    Args:
        images: (rows, channels, height, width).

    Returns:
        (rows, 4): left, top, right, bottom, -1 to 1 across the image.
    """
    ink = (images >= INK).any(1)
    sides = []
    for lines in (ink.any(1), ink.any(2)):  # which columns, which rows have ink
        marked, length = lines.int().numpy(), lines.shape[1]
        marked[~marked.any(1)] = 1
        sides.append((marked.argmax(1) / length * 2 - 1, 1 - marked[:, ::-1].argmax(1) / length * 2))
    (left, right), (top, bottom) = sides
    return np.stack([left, top, right, bottom], 1)


def _checked_steps(counts: Sequence[int], at_most: int | None) -> int:
    """Refuses counts that cannot be, and returns how many steps the labels have."""
    if not counts or not all(isinstance(count, (int, np.integer)) and count >= 0 for count in counts):
        raise DataError(f"counts are how many digits an image may have, whole numbers from 0 on, got {counts!r}")
    if at_most is not None and not max(counts) <= at_most:
        raise DataError(f"counts go up to {max(counts)}, more than at_most={at_most}: raise it or leave it out")
    return max(1, *counts) if at_most is None else max(1, at_most)


def _check(digits: Rows, rows: int, size: int, scales: tuple[float, float], max_overlap: float, order: Order) -> None:
    """Refuses what no image can be composed from."""
    if "digit" not in digits.labels or digits.labels["digit"].ndim != 1 or not len(digits):
        raise DataError(f"scenes are composed of single images with a label 'digit', and {digits!r} has none")
    if rows < 0:
        raise DataError(f"scenes are composed of rows images, and rows is {rows}: give 0 or more")
    side = max(digits.images.shape[2:])
    if size < side:
        raise DataError(f"size={size} is smaller than the images of single digits, {side} pixels: give {side} or more")
    if len(scales) != 2 or not 0 < scales[0] <= scales[1] <= 1:
        raise DataError(f"scales are shares of the image's side, 0 < smallest <= largest <= 1, got {scales}")
    if not 0 <= max_overlap <= 1:
        raise DataError(f"max_overlap is a share of a digit's box, 0 to 1, got {max_overlap}")
    if order not in get_args(Order):
        raise OptionError(f"order={order!r} is unknown.{did_you_mean(str(order), get_args(Order))}")
