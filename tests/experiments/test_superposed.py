"""Superposed scenes: their labels are right, and they are made of labelled images alone."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import unbraid as ub
from experiments import multimnist
from experiments.superposed import SHARED, ZOOM, superposed
from unbraid.data import Rows, compose_digits, tiny_digits


@pytest.fixture(scope="module")
def scenes() -> Rows:
    return compose_digits(tiny_digits(), 40, order="left_to_right")


def test_counts_add_up_and_ink_hardly_meets(scenes: Rows) -> None:
    images, labels = superposed(scenes.images, scenes.labels, 80, seed=0)
    assert images.shape == (80, *scenes.images.shape[1:])
    assert np.bincount(labels["count"]).tolist() == [0, 16, 32, 32]
    assert ((labels["digit"] >= 0).sum(1) == labels["count"]).all()
    assert (np.isfinite(labels["place"]).all(2).sum(1) == labels["count"]).all()
    single = scenes.labels["count"] == 1
    least = scenes.images[single].sum((1, 2, 3)).min()
    assert images[labels["count"] == 2].sum((1, 2, 3)).min() > 2 * least * math.exp(-2 * ZOOM) * (1 - SHARED) * 0.9


def test_a_digit_is_where_its_label_says(scenes: Rows) -> None:
    """Its ink is seen in a glimpse at its place, and is most like that of labelled digits of its class."""
    images, labels = superposed(scenes.images, scenes.labels, 100, seed=1)
    singles = np.flatnonzero(scenes.labels["count"] == 1)
    known = _glimpses(scenes.images[singles], scenes.labels["place"][singles, 0])
    rows = np.flatnonzero(labels["count"] == 1)
    places = labels["place"][rows, 0]
    seen = _glimpses(images[rows], places)
    pixels = torch.as_tensor((places[:, 0] * images.shape[-1] / 28) ** 2)
    assert (seen.sum((1, 2, 3)) * pixels / images[rows].sum((1, 2, 3)) > 0.9).all()
    nearest = [int(((known - each) ** 2).sum((1, 2, 3)).argmin()) for each in seen]
    assert (scenes.labels["digit"][singles[nearest], 0] == labels["digit"][rows, 0]).mean() > 0.8


def _glimpses(images: torch.Tensor, places: np.ndarray) -> torch.Tensor:
    return ub.glimpse(images, torch.as_tensor(places), size=(28, 28))


def test_digits_go_from_left_to_right(scenes: Rows) -> None:
    _, labels = superposed(scenes.images, scenes.labels, 80, seed=2)
    x = labels["place"][..., 1]
    assert (np.diff(x, axis=1)[np.isfinite(np.diff(x, axis=1))] >= 0).all()


def test_a_seed_gives_the_same_and_another_one_does_not(scenes: Rows) -> None:
    one, again, other = (superposed(scenes.images, scenes.labels, 12, seed)[0] for seed in (0, 0, 1))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_scenes_that_never_come_apart_end_too(scenes: Rows) -> None:
    full = torch.ones_like(scenes.images)
    images, labels = superposed(full, scenes.labels, 8, seed=0)
    assert len(images) == len(labels["count"]) == 8


def test_no_label_of_another_row_takes_part() -> None:
    scenes = compose_digits(tiny_digits(), 80)
    train = multimnist._with_latents(scenes)
    labels = ub.data.few_labels(train.labels, 5, 0, of="count")
    hidden = labels["count"] < 0
    more, found = multimnist.enriched({}, train, labels, 0)
    assert len(more) == 80 + 2 * 20 * multimnist.SUPERPOSED
    assert torch.equal(more.images[:80], train.images)
    assert (found["count"][:80] == labels["count"]).all()
    blank = train.images.clone()
    blank[torch.from_numpy(hidden)] = 0
    without, again = multimnist.enriched({}, Rows(blank, labels, "blank"), labels, 0)
    assert torch.equal(without.images[80:], more.images[80:])
    for name, values in found.items():
        np.testing.assert_array_equal(again[name], values)


def test_nothing_is_superposed_without_labels() -> None:
    train = multimnist._with_latents(compose_digits(tiny_digits(), 8))
    assert multimnist.enriched({}, train, {}, 0) == (train, {})
