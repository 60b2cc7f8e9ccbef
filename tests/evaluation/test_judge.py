"""A judge learns what it is shown, alike every time, and refuses what it cannot learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import unbraid as ub
from unbraid.errors import DataError, OptionError
from unbraid.evaluation import Judge, error_rate, mean_error, train_judge

ROWS = ub.data.sprites(600, scales=1, rotations=1, places=32)
TEST = ub.data.sprites(200, scales=1, rotations=1, places=32, seed=1)
PLACE = np.stack([ROWS.labels["x"], ROWS.labels["y"]], axis=1)


def judge(**more: Any) -> Judge:
    """A judge of the shape and the place, small and quick."""
    return train_judge(ROWS.images, {"shape": ROWS.labels["shape"], "place": PLACE}, **({"width": 8} | more))


def test_it_learns_classes_and_numbers() -> None:
    train, test = ub.data.tiny_digits(1000), ub.data.tiny_digits(200, seed=1)
    ink, of_test = (rows.images.mean(dim=(1, 2, 3)).numpy() for rows in (train, test))
    trained = train_judge(train.images, {"digit": train.labels["digit"], "ink": ink}, epochs=8, width=8)
    found = trained.predict(test.images)
    assert not trained.network.training
    assert error_rate(found["digit"], test.labels["digit"]).error < 0.3  # guessing errs in nine tenths
    assert mean_error(found["ink"], of_test).mae < np.abs(of_test - ink.mean()).mean() / 2


def test_the_forms_of_what_it_says() -> None:
    labels = {"shape": ROWS.labels["shape"], "x": ROWS.labels["x"], "place": PLACE}
    found = train_judge(ROWS.images, labels, epochs=1, width=2).predict(TEST.images[:7])
    assert found["shape"].dtype == torch.int64
    assert {name: tuple(each.shape) for name, each in found.items()} == {"shape": (7,), "x": (7,), "place": (7, 2)}
    assert found["x"].dtype == found["place"].dtype == torch.float32


def test_the_seed_fixes_it_and_no_other_randomness_is_touched() -> None:
    before = torch.random.get_rng_state()
    first = judge(epochs=1).predict(TEST.images)["place"]
    assert torch.equal(before, torch.random.get_rng_state())
    torch.rand(3)
    assert torch.equal(first, judge(epochs=1).predict(TEST.images)["place"])
    assert not torch.equal(first, judge(epochs=1, seed=1).predict(TEST.images)["place"])


def test_a_judge_reads_what_its_views_have_shown() -> None:
    """In rows there is ink on black, in what is read black on white."""

    def negative(images: torch.Tensor, generator: torch.Generator | None = None) -> torch.Tensor:
        assert generator is not None
        return torch.where(torch.rand(len(images), 1, 1, 1, generator=generator) < 0.5, images, 1 - images)

    rows, test = ub.data.tiny_digits(1000), ub.data.tiny_digits(200, seed=1)
    errors = {}
    for views in (None, negative):
        trained = train_judge(rows.images, {"digit": rows.labels["digit"]}, epochs=8, width=8, views=views)
        errors[views] = error_rate(trained.predict(1 - test.images)["digit"], test.labels["digit"]).error
    assert errors[None] > 0.6
    assert errors[negative] < 0.4


def test_rows_without_a_label_teach_nothing() -> None:
    """Their labels are not read, whatever a batch holds: a judge of a half-labelled factor is no NaN."""
    shape, x = ROWS.labels["shape"].copy(), ROWS.labels["x"].copy()
    shape[::2], x[1::2] = -1, np.nan
    found = train_judge(ROWS.images, {"shape": shape, "x": x}, epochs=1, width=2).predict(TEST.images)
    assert found["x"].isfinite().all()
    assert set(found["shape"].tolist()) <= {0, 1, 2}


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({}, "trained on labelled images, two at least: give"),
        ({"shape": [0, 1]}, r"'shape' has labels of the shape \(2,\) for 600 images"),
        ({"shape": np.full(600, -1)}, "no row is labelled for 'shape'"),
        ({"x": np.full(600, np.nan)}, "no row is labelled for 'x'"),
        ({"place": np.tile([0.5, np.nan], (600, 1))}, "no row is labelled for 'place'"),
        ({"shape": np.ones((600, 2), int)}, r"the classes of 'shape' have the shape \(600, 2\)"),
    ],
    ids=["none", "length", "unlabelled", "nan", "partly", "vector"],
)
def test_wrong_labels(labels: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        train_judge(ROWS.images, labels, epochs=1)


def test_wrong_sizes() -> None:
    message = "epochs and width must be 1 or more, and batch_size 2 or more, got 0, 8 and 128"
    with pytest.raises(OptionError, match=message):
        judge(epochs=0)
    with pytest.raises(OptionError, match=r"got 5, 8 and 1$"):
        judge(batch_size=1)


@pytest.mark.parametrize("given", [[0, None, 2, 1] * 150, np.ma.masked_equal([0, 9, 2, 1] * 150, 9)])
def test_classes_with_gaps_are_classes(given: Any) -> None:
    trained = train_judge(ROWS.images, {"shape": given}, epochs=1, width=2)
    whole = train_judge(ROWS.images, {"shape": [0, -1, 2, 1] * 150}, epochs=1, width=2)
    assert torch.equal(trained.predict(TEST.images)["shape"], whole.predict(TEST.images)["shape"])
    assert trained.heads["shape"].classes == 3


@pytest.mark.parametrize("rows", [2, 5])
def test_small_images_and_a_row_left_over(rows: int) -> None:
    """Eight pixels wide, an image is one number a channel in the end; the fifth row goes with the two before it."""
    images, labels = torch.rand(rows, 1, 8, 8), {"shape": np.arange(rows)}
    trained = train_judge(images, labels, epochs=1, width=2, batch_size=2)
    assert trained.predict(images[:1])["shape"].shape == (1,)
    flat = train_judge(images[:, 0], labels, epochs=1, width=2, batch_size=2)
    assert torch.equal(flat.predict(images[:, 0])["shape"], trained.predict(images)["shape"])


def test_what_are_no_images_of_the_judge() -> None:
    trained = judge(epochs=1)
    with pytest.raises(DataError, match=r"shape \(600, 5\); a judge takes \(rows, channels, height, width\)"):
        train_judge(torch.rand(600, 5), {"shape": ROWS.labels["shape"]})
    with pytest.raises(DataError, match=r"images are \(3, 32, 32\), and the judge was trained on .* \(1, 32, 32\)"):
        trained.predict(torch.rand(2, 3, 32, 32))
    with pytest.raises(DataError, match="a judge is trained on labelled images, two at least"):
        train_judge(ROWS.images[:1], {"shape": [0]})


def test_a_judge_takes_rows_to_its_device() -> None:
    """Its answers are there, too: "meta" stands for another device."""
    trained = train_judge(ROWS.images, {"shape": ROWS.labels["shape"]}, epochs=1, width=2)
    trained.network.to("meta")
    assert trained.predict(TEST.images)["shape"].device.type == "meta"


def test_what_is_no_view() -> None:
    with pytest.raises(OptionError, match="a view is called as view"):
        judge(epochs=1, views=ub.Warp)
