"""Scenes composed anew: their labels are right, and they are made of labelled scenes alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import unbraid as ub
from experiments import multimnist
from experiments.recomposed import COUNTS, cut_out, recomposed
from unbraid.data import Rows, compose_digits, tiny_digits
from unbraid.errors import DataError


@pytest.fixture(scope="module")
def scenes() -> Rows:
    return compose_digits(tiny_digits(), 40, order="left_to_right")


def test_a_digit_that_is_alone_is_cut_out_whole(scenes: Rows) -> None:
    single = np.flatnonzero(scenes.labels["count"] == 1)
    digits = cut_out(scenes.images[single], _of(scenes, single))
    assert digits.labels["digit"].tolist() == scenes.labels["digit"][single, 0].tolist()
    seen = _glimpses(scenes.images[single], scenes.labels["place"][single, 0])
    assert (digits.images - seen).abs().max() < 0.1  # ink fainter than a stroke is left behind


def test_neighbours_are_not_cut_out_with_a_digit(scenes: Rows) -> None:
    """What is cut out of scenes of several is some digit of its class, and no more ink than that."""
    several = np.flatnonzero(scenes.labels["count"] > 1)
    digits = cut_out(scenes.images[several], _of(scenes, several))
    known = tiny_digits()
    for image, digit in zip(digits.images, digits.labels["digit"], strict=True):
        same = known.images[known.labels["digit"] == digit]
        assert ((same - image) ** 2).sum((1, 2, 3)).min() < 0.2 * (same**2).sum((1, 2, 3)).max()


def test_digits_that_touch_are_left_out() -> None:
    scene = torch.zeros(1, 1, 50, 50)
    scene[0, 0, 20:30, 5:15] = scene[0, 0, 20:30, 15:25] = scene[0, 0, 20:30, 35:45] = 1
    places = np.array([[[0.28, -0.6, 0.0], [0.28, -0.2, 0.0], [0.28, 0.6, 0.0]]], np.float32)
    labels = {"count": np.array([3]), "digit": np.array([[1, 2, 3]]), "place": places}
    assert cut_out(scene, labels).labels["digit"].tolist() == [3]


def test_scenes_without_a_digit_to_cut_out_are_refused(scenes: Rows) -> None:
    empty = np.flatnonzero(scenes.labels["count"] == 0)
    with pytest.raises(DataError, match="no digit"):
        recomposed(scenes.images[empty], _of(scenes, empty), 4, seed=0)


def test_the_place_of_a_digit_that_is_alone_need_not_be_known(scenes: Rows) -> None:
    single = np.flatnonzero(scenes.labels["count"] == 1)
    labels = _of(scenes, single) | {"place": np.full((len(single), 3, 3), np.nan)}
    digits = cut_out(scenes.images[single], labels).images[:, 0] > 0.3
    sides = torch.stack([digits.any(1).sum(1), digits.any(2).sum(1)])
    assert ((sides.amax(0) >= 18) & (sides.amax(0) <= 22)).all()


def test_labels_are_those_of_the_scenes(scenes: Rows) -> None:
    made = recomposed(scenes.images, scenes.labels, 70, seed=0)
    count, digit, place = (made.labels[name] for name in ("count", "digit", "place"))
    assert made.images.shape == (70, *scenes.images.shape[1:])
    assert np.bincount(count).tolist() == [10 * COUNTS.count(each) for each in range(4)]
    assert ((digit >= 0).sum(1) == count).all()
    assert (np.isfinite(place).all(2).sum(1) == count).all()
    cells = multimnist.centres(place)
    assert (cells.sum((1, 2)) == count).mean() > 0.9  # two centres seldom are in one cell


def test_a_seed_gives_the_same_and_another_one_does_not(scenes: Rows) -> None:
    one, again, other = (recomposed(scenes.images, scenes.labels, 12, seed).images for seed in (0, 0, 1))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def _of(scenes: Rows, rows: np.ndarray) -> dict[str, Any]:
    return {name: each[rows] for name, each in scenes.labels.items()}


def _glimpses(images: torch.Tensor, places: np.ndarray) -> torch.Tensor:
    return ub.glimpse(images, torch.as_tensor(places), size=(28, 28))
