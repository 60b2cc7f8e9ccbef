"""Drawn digits: fixed by the seed, balanced, and as different as digits are."""

import numpy as np
import pytest
import torch

from unbraid.data import tiny_digits
from unbraid.errors import DataError


def test_the_rows_are_images_with_balanced_digits() -> None:
    rows = tiny_digits(105)
    assert rows.images.shape == (105, 1, 28, 28)
    assert rows.labels["digit"].dtype == np.int64
    counts = np.bincount(rows.labels["digit"], minlength=10)
    assert set(counts.tolist()) == {10, 11}
    assert rows.images.amax(dim=(1, 2, 3)).min() == 1
    border = torch.cat([rows.images[..., [0, -1], :].flatten(), rows.images[..., [0, -1]].flatten()])
    assert border.max() == 0


def test_the_seed_fixes_the_rows() -> None:
    first, again, other = tiny_digits(20, seed=1), tiny_digits(20, seed=1), tiny_digits(20, seed=2)
    assert torch.equal(first.images, again.images)
    assert first.labels["digit"].tolist() == again.labels["digit"].tolist()
    assert not torch.equal(first.images, other.images)


def test_nearest_neighbours_mostly_share_their_digit() -> None:
    train, test = tiny_digits(1000, seed=0), tiny_digits(200, seed=1)
    nearest = torch.cdist(test.images.flatten(1), train.images.flatten(1)).argmin(dim=1).numpy()
    assert (train.labels["digit"][nearest] == test.labels["digit"]).mean() > 0.9


def test_no_two_rows_are_the_same() -> None:
    assert len(tiny_digits(200).images.flatten(1).unique(dim=0)) == 200


def test_the_number_of_rows() -> None:
    assert len(tiny_digits(0)) == 0
    assert len(tiny_digits()) == 200
    with pytest.raises(DataError, match="n is -1: give 0 or more"):
        tiny_digits(-1)
