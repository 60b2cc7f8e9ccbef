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


def test_a_centre_is_marked_in_its_cell() -> None:
    places = np.array([[[0.4, -1.0, -1.0], [0.4, 0.0, 0.99], [np.nan, np.nan, np.nan]]], np.float32)
    last = multimnist.CELLS - 1
    assert np.argwhere(multimnist.centres(places)[0]).tolist() == [[0, 0], [last, last // 2]]


def test_no_label_of_another_row_takes_part() -> None:
    scenes = compose_digits(tiny_digits(), 80)
    train = multimnist._with_latents(scenes)
    labels = ub.data.few_labels(train.labels, 5, 0, of="count")
    hidden = labels["count"] < 0
    more, found = multimnist.enriched({}, train, labels, 0)
    assert len(more) == 80 + 2 * 20 * multimnist.COMPOSED
    assert torch.equal(more.images[:80], train.images)
    assert (found["count"][:80] == labels["count"]).all()
    blank = train.images.clone()
    blank[torch.from_numpy(hidden)] = 0
    without, again = multimnist.enriched({}, Rows(blank, labels, "blank"), labels, 0)
    assert torch.equal(without.images[80:], more.images[80:])
    for name, values in found.items():
        np.testing.assert_array_equal(again[name], values)


def test_isolated_digits_bring_no_label_of_a_scene() -> None:
    train = multimnist._with_latents(compose_digits(tiny_digits(), 40))
    _, labels = multimnist.enriched({"model": "isolated"}, train, {}, 0)
    assert set(labels) == {"centres", "count", "items.place"}
    assert (labels["count"][:40] == -1).all()
    assert np.isnan(labels["items.place"][:40]).all()
    assert np.isnan(labels["centres"][:40]).all()


def test_rarer_labelled_batches_are_larger_and_adam_remembers_as_many_of_them() -> None:
    often, rare = (multimnist.settings({"rate": rate}) for rate in (10, 1))
    assert rare.labelled_batch_size == 10 * often.labelled_batch_size
    assert rare.betas[1] ** 100 == pytest.approx(often.betas[1] ** 10)
    assert rare.learning_rate * 10**0.5 == pytest.approx(often.learning_rate)
    assert multimnist.settings({"rate": 0}).rate == 0


def test_nothing_is_composed_without_labels() -> None:
    train = multimnist._with_latents(compose_digits(tiny_digits(), 8))
    assert multimnist.enriched({}, train, {}, 0) == (train, {})


def _of(scenes: Rows, rows: np.ndarray) -> dict[str, Any]:
    return {name: each[rows] for name, each in scenes.labels.items()}


def _glimpses(images: torch.Tensor, places: np.ndarray) -> torch.Tensor:
    return ub.glimpse(images, torch.as_tensor(places), size=(28, 28))
