"""Scenes: labelled truly, fixed by the seed, rendered alike one by one and together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

import unbraid as ub
from unbraid.data import Rows, Scenes, compose_digits, few_labels, tiny_digits
from unbraid.data.layout import largest_overlap
from unbraid.data.scenes import ink_boxes
from unbraid.errors import DataError, OptionError
from unbraid.training.source import source_of

DIGITS = tiny_digits(50)


def test_the_labels_say_what_is_in_the_images() -> None:
    rows = compose_digits(DIGITS, 40)
    count, digit, place = (rows.labels[name] for name in ("count", "digit", "place"))
    assert rows.images.shape == (40, 1, 50, 50)
    assert [values.dtype.name for values in (count, digit, place)] == ["int64", "int64", "float32"]
    assert (count.shape, digit.shape, place.shape) == ((40,), (40, 3), (40, 3, 3))
    assert np.bincount(count).tolist() == [10, 10, 10, 10]
    there = np.arange(3) < count[:, None]
    assert ((digit >= 0) == there).all()
    assert (np.isfinite(place).all(2) == there).all()
    assert rows.images[count == 0].count_nonzero() == 0
    assert (rows.images[count > 0].amax((1, 2, 3)) > 0.5).all()


def test_a_glimpse_at_a_labelled_place_shows_the_labelled_digit() -> None:
    scenes = Scenes(DIGITS, 60, counts=(2,), max_overlap=0.0, scales=(0.56, 0.56))
    images, where = scenes.compose().images, torch.from_numpy(scenes.labels["place"])
    for step in (0, 1):
        source = scenes.layout.source[:, step]
        assert scenes.labels["digit"][:, step].tolist() == DIGITS.labels["digit"][source].tolist()
        seen = ub.glimpse(images, where[:, step]).flatten(1)
        assert torch.cdist(seen, DIGITS.images.flatten(1)).argmin(1).tolist() == source.tolist()


def test_orders_and_overlaps_hold_in_what_is_labelled() -> None:
    scenes = Scenes(DIGITS, 200, max_overlap=0.1)
    x = scenes.labels["place"][..., 1]
    assert (np.diff(x, axis=1)[~np.isnan(x[:, 1:])] >= 0).all()
    boxes = np.where(scenes.layout.source[..., None] < 0, np.nan, ink_boxes(DIGITS.images)[scenes.layout.source])
    assert largest_overlap(boxes, scenes.labels["place"].astype(np.float64)).max() <= 0.1 + 1e-5


def test_the_seed_fixes_the_images() -> None:
    first, again, other = (compose_digits(DIGITS, 12, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first.images, again.images)
    assert first.labels["digit"].tolist() == again.labels["digit"].tolist()
    assert not torch.equal(first.images, other.images)


def test_an_image_is_the_same_however_it_is_asked_for() -> None:
    scenes = Scenes(DIGITS, 12, counts=(1, 3))
    images = scenes.compose().images
    assert len(scenes) == 12
    assert torch.equal(scenes[-1], images[11])
    assert torch.equal(torch.stack(scenes.__getitems__([7, 0, 7])), images[[7, 0, 7]])
    assert torch.equal(torch.cat(list(DataLoader(scenes, batch_size=5))), images)
    with pytest.raises(IndexError):
        scenes[12]


def test_a_model_can_be_trained_on_them_as_a_dataset() -> None:
    class Count(ub.Model):
        def encode(self, x: Any) -> Any:
            return {"count": ub.Categorical(4)(x)}

        def decode(self, count: Any) -> Any:
            return ub.Bernoulli(1, 50, 50)(count)

    scenes = Scenes(DIGITS, 12)
    source = source_of(scenes, Count(), torch.device("cpu"))
    assert torch.equal(source.gather(torch.tensor([3, 5])), scenes.compose().images[[3, 5]])


def test_pixels_have_256_levels_and_channels_are_kept() -> None:
    colour = Rows(DIGITS.images.expand(-1, 3, -1, -1), DIGITS.labels, name="grey")
    images = compose_digits(colour, 6).images
    assert images.shape == (6, 3, 50, 50)
    assert torch.equal((images * 255).round() / 255, images)
    assert torch.equal(images[:, 0], compose_digits(DIGITS, 6).images[:, 0])


def test_counts_sizes_and_steps_are_the_users_choice() -> None:
    rows = compose_digits(DIGITS, 10, counts=(0, 2), size=64, at_most=4, scales=(0.2, 0.3), name="pairs")
    assert rows.images.shape == (10, 1, 64, 64)
    assert rows.labels["digit"].shape == (10, 4)
    assert rows.name == "pairs"
    assert compose_digits(DIGITS, 3, counts=(0,)).labels["place"].shape == (3, 1, 3)
    assert len(compose_digits(DIGITS, 0)) == 0
    four = compose_digits(DIGITS, 5, counts=(4,), scales=(0.3, 0.4))
    assert four.labels["digit"].min() >= 0


def test_a_few_rows_keep_their_labels() -> None:
    kept = few_labels(compose_digits(DIGITS, 40).labels, per_class=2, of="count")
    shown = kept["count"] >= 0
    assert shown.sum() == 8
    assert (kept["digit"][~shown] == -1).all()
    assert np.isnan(kept["place"][~shown]).all()


def test_boxes_hold_the_ink() -> None:
    images = torch.zeros(3, 1, 10, 20)
    images[0, 0, 2:5, 10:20] = 1
    images[1, 0, 0, 0] = 0.1
    images[2] = 0.05
    expected = np.array([[0, -0.6, 1, 0], [-1, -1, -0.9, -0.8], [-1, -1, 1, 1]])
    np.testing.assert_allclose(ink_boxes(images), expected)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"counts": ()}, r"counts are how many digits an image may have, whole numbers from 0 on, got \(\)"),
        ({"counts": (1, -1)}, r"whole numbers from 0 on, got \(1, -1\)"),
        ({"counts": (1.5,)}, r"whole numbers from 0 on, got \(1.5,\)"),
        ({"at_most": 2}, r"counts go up to 3, more than at_most=2"),
        ({"size": 27}, r"size=27 is smaller than the images of single digits, 28 pixels: give 28 or more"),
        ({"scales": (0.0, 0.5)}, r"scales are shares of the image's side, 0 < smallest <= largest <= 1, got \(0.0"),
        ({"scales": (0.5, 1.5)}, r"largest <= 1, got \(0.5, 1.5\)"),
        ({"max_overlap": -0.1}, r"max_overlap is a share of a digit's box, 0 to 1, got -0.1"),
        ({"rows": -1}, r"rows is -1: give 0 or more"),
        ({"scales": (0.95, 1.0), "max_overlap": 0.0}, r"digits of scale 0.95 do not fit in \d of 8 images"),
    ],
)
def test_what_cannot_be_composed_is_refused(options: dict[str, Any], match: str) -> None:
    Scenes(DIGITS, rows=8, size=28)
    with pytest.raises(DataError, match=match):
        Scenes(DIGITS, **({"rows": 8} | options))


def test_unknown_orders_and_digits_without_labels_are_refused() -> None:
    order: Any = "left_to_rigth"
    with pytest.raises(OptionError, match=r"order='left_to_rigth' is unknown. Did you mean 'left_to_right'"):
        Scenes(DIGITS, 8, order=order)
    for wrong in (Rows(DIGITS.images, {}, "bare"), DIGITS[:0], compose_digits(DIGITS, 8)):
        with pytest.raises(DataError, match=r"single images with a label 'digit', and Rows.* has none"):
            Scenes(wrong, 8)
