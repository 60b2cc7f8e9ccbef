"""Rows split at random, and groups held out whole."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from unbraid.data import Rows, hold_out, split_rows
from unbraid.errors import DataError


def numbered(count: int = 20) -> Rows:
    """Rows whose label says which they are, and two variables that make groups."""
    number = np.arange(count)
    images = torch.arange(count).float()[:, None, None, None] / count
    labels: dict[str, NDArray[Any]] = {"number": number, "light": (number % 5).astype(np.float32), "side": number % 2}
    return Rows(images, labels, name="numbered")


def test_each_row_is_in_one_part() -> None:
    train, test = split_rows(numbered(), 0.25, seed=3)
    assert (len(train), len(test), train.name, test.name) == (15, 5, "numbered, train", "numbered, test")
    together = np.concatenate([train.labels["number"], test.labels["number"]])
    assert sorted(together) == list(range(20))
    torch.testing.assert_close(test.images[:, 0, 0, 0], torch.from_numpy(test.labels["number"]).float() / 20)


def test_the_seed_is_the_draw() -> None:
    drawn = [split_rows(numbered(), 0.25, seed)[1].labels["number"].tolist() for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_groups_are_held_out_whole() -> None:
    train, test = hold_out(numbered(), of="light", test_share=0.4, seed=1)
    held, kept = (set(part.labels["light"].tolist()) for part in (test, train))
    assert (len(held), len(kept), held & kept) == (2, 3, set())
    assert len(train) + len(test) == 20
    assert hold_out(numbered(), of="light", test_share=0.4, seed=2)[1].labels["light"].tolist() != sorted(held)


def test_groups_of_several_variables() -> None:
    train, test = hold_out(numbered(), of=("light", "side"), test_share=0.3)
    groups = [set(zip(part.labels["light"], part.labels["side"], strict=True)) for part in (train, test)]
    assert (len(groups[0]), len(groups[1]), groups[0] & groups[1]) == (7, 3, set())


@pytest.mark.parametrize("share", [0, 1, -0.5, 2])
def test_a_share_is_between_0_and_1(share: float) -> None:
    with pytest.raises(DataError, match="between 0 and 1: got"):
        split_rows(numbered(), share)
    with pytest.raises(DataError, match=r"share of groups of 'numbered' .* between 0 and 1: got"):
        hold_out(numbered(), "side", share)


def test_no_part_is_empty() -> None:
    with pytest.raises(DataError, match=r"a test_share of 0\.01 of 20 rows of 'numbered' leaves one part empty"):
        split_rows(numbered(), 0.01)
    with pytest.raises(DataError, match=r"of 2 groups of 'numbered' leaves one part empty"):
        hold_out(numbered(), "side", 0.1)


def test_groups_need_labels() -> None:
    with pytest.raises(DataError, match=r"no labels of 'lihgt' to hold out by\. Did you mean 'light'\?"):
        hold_out(numbered(), "lihgt")
    with pytest.raises(DataError, match="no variable whose values make the groups"):
        hold_out(numbered(), ())
    rows = numbered()
    rows.labels["light"][7] = np.nan
    with pytest.raises(DataError, match="row 7 of 'numbered' has no label of 'light'"):
        hold_out(rows, ("side", "light"))
