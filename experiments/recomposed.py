"""Scenes composed anew: more labelled images of several digits, out of nothing but the labelled ones there are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy.ndimage
import torch
from numpy.typing import NDArray
from torch import Tensor

import unbraid as ub
from unbraid.data import Rows, compose_digits
from unbraid.errors import DataError

Labels = Mapping[str, NDArray[Any]]

SIDE, WRITTEN = 28, 20
"""The side of a digit's image, in pixels, and that of what is written on it."""
INK = 0.05
"""From which value on a pixel belongs to a stroke."""
WITHIN = 0.95
"""The share of a stroke that lies within the frame of the digit that it belongs to."""
PART = 0.2
"""The share of a stroke within a digit's frame from which on it may be written into it."""
BENT = ub.Warp(rotation=15.0, scale=0.15, shear=0.2, shift=0.0, elastic=1.0)
"""How digits are bent before they are put into other scenes."""
TIMES = 20
"""In how many ways each digit is bent."""
COUNTS = (0, 1, 2, 3, 1, 2, 3)
"""How many digits the new scenes have, one after the other; all empty ones look alike."""


def recomposed(images: Tensor, labels: Labels, rows: int, seed: int) -> Rows:
    """Cuts digits out of labelled scenes, bends them, and composes scenes of them.

    Args:
        images: The labelled scenes, (labelled, 1, side, side), in which 0 is paper.
        labels: `count` (labelled,), `digit` (labelled, steps) and `place` (labelled, steps, 3), as `multi_mnist` has
            them; the place of a digit that is alone need not be known.
        rows: How many scenes to compose.
        seed: Of the draw.

    Returns:
        Scenes with labels of the same form. All that is drawn in them stands in the labelled ones.

    Raises:
        DataError: No digit can be cut out.
    """
    digits = cut_out(images, labels)
    again = np.tile(np.arange(len(digits)), TIMES)
    bent = BENT(digits.images[again], torch.Generator().manual_seed(seed)).clamp(0, 1)
    bank = Rows(bent, {"digit": digits.labels["digit"][again]}, "bent digits")
    return compose_digits(
        bank, rows, counts=COUNTS, size=images.shape[-1], at_most=labels["digit"].shape[1], seed=seed, name="recomposed"
    )


def cut_out(images: Tensor, labels: Labels) -> Rows:
    """Cuts the digits out of labelled scenes, as far as nothing touches them: images (digits, 1, 28, 28) and classes.

    A stroke, which is ink that hangs together, belongs to the nearest digit whose frame holds it. Where none does, it
    is one of several digits that touch, and these are left out.
    """
    alone, places, classes = [], [], []
    for row in np.flatnonzero(labels["count"]):
        scene, place = images[row, 0].numpy(), labels["place"][row, : labels["count"][row]]
        if not np.isfinite(place).all():
            place = _framed(scene > INK)
        strokes, number = scipy.ndimage.label(scene > INK, np.ones((3, 3)))
        for step, own in enumerate(_owned(strokes, number, place)):
            if own.any():
                alone.append(np.where(own[strokes], scene, 0))
                places.append(place[step])
                classes.append(labels["digit"][row, step])
    if not alone:
        raise DataError(f"no digit stands by itself in {len(images)} labelled scenes: label some of a single digit.")
    where = torch.as_tensor(np.array(places, np.float32))
    cut = ub.glimpse(torch.as_tensor(np.array(alone))[:, None], where, size=(SIDE, SIDE))
    return Rows(cut.clamp(0, 1), {"digit": np.array(classes)}, "digits cut out")


def _owned(strokes: NDArray[np.int32], number: int, places: NDArray[Any]) -> NDArray[np.bool_]:
    """Says which strokes, 1 to `number` in an image, belong to which digits: (digits, number + 1); 0 is paper."""
    pixels = (np.arange(number + 1) == strokes[..., None]).astype(np.float32)
    size = pixels.sum((0, 1)).clip(1)
    middles = (np.arange(strokes.shape[-1]) + 0.5) / strokes.shape[-1] * 2 - 1
    scale, x, y = places.T[:, :, None]
    away = np.maximum((np.abs(middles - y) / scale)[:, :, None], (np.abs(middles - x) / scale)[:, None])  # 1: the frame
    held = np.einsum("dyx,yxs->ds", (away < 1).astype(np.float32), pixels) / size
    far = np.where(held < WITHIN, np.inf, np.einsum("dyx,yxs->ds", away, pixels) / size)
    owned: NDArray[np.bool_] = (np.arange(len(places))[:, None] == far.argmin(0)) & np.isfinite(far)
    owned[:, 0] = False
    orphans = ~owned.any(1)
    joined = ~owned.any(0) | (held[orphans] > PART).any(0)
    joined[0] = False
    owned[(held[:, joined] > PART).any(1)] = False
    return owned


def _framed(ink: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Returns the place of the only digit there is: its longer side is as long as it is written in MNIST."""
    (top, bottom), (left, right) = (np.flatnonzero(ink.any(axis))[[0, -1]] + (0, 1) for axis in (1, 0))
    side = ink.shape[-1]
    scale = max(bottom - top, right - left) / side * SIDE / WRITTEN
    return np.array([[scale, (left + right) / side - 1, (top + bottom) / side - 1]])
