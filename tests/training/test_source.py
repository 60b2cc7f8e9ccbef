"""Rows may be a tensor, an array or a dataset: the training is the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset, Subset, TensorDataset

from tests.training.small import LABELS, ROWS, STATEFUL, Small, same_end, train
from unbraid.errors import DataError
from unbraid.training.source import Source, source_of

CPU = torch.device("cpu")


class Rows(Dataset[Any]):
    """Images, one by one, in some form."""

    def __init__(self, form: Any = lambda image: image, images: Tensor = ROWS.images) -> None:
        self.form, self.images = form, images

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Any:
        return self.form(self.images[index])


class Endless(IterableDataset[Any]):
    """Images without a number."""

    def __iter__(self) -> Any:
        return iter(ROWS.images)


FORMS: dict[str, Any] = {
    "an array": ROWS.images.numpy(),
    "an array backwards": ROWS.images.numpy()[::-1].copy()[::-1],
    "a big-endian array": ROWS.images.numpy().astype(">f4"),
    "a list of tensors": list(ROWS.images),
    "a dataset": Rows(),
    "a dataset of tuples": Rows(lambda image: (image, "label")),
    "a dataset of arrays": Rows(lambda image: image.numpy()),
    "a tensor dataset": TensorDataset(ROWS.images, torch.zeros(120)),
    "a subset": Subset(TensorDataset(ROWS.images), list(range(120))),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_trains_the_same(form: str) -> None:
    assert same_end(train(**STATEFUL), train(images=FORMS[form], **STATEFUL))


@pytest.mark.parametrize("form", FORMS)
def test_rows_come_by_their_numbers(form: str) -> None:
    source = source_of(FORMS[form], Small(), CPU)
    assert isinstance(source, Source)
    assert len(source) == 120
    assert torch.equal(source.gather(torch.tensor([5, 0, 5])), ROWS.images[[5, 0, 5]])


def test_a_dataset_without_a_length_is_refused() -> None:
    with pytest.raises(DataError, match="a dataset must have a length"):
        train(images=Endless())
    with pytest.raises(DataError, match="x is DataLoader; it must be a tensor, an array or a torch dataset"):
        train(images=DataLoader(Rows()))


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.array([*ROWS.images.numpy(), None], object)[:-1], r"x is an array of object; .*numpy\.stack\(x\)"),
        (np.full((120, 1, 28, 28), "a"), "x is an array of <U1; it must hold floating-point numbers"),
        ([*ROWS.images[:-1], ROWS.images[0, :, 1:]], "x is list; it must be a tensor, an array or a torch dataset"),
    ],
    ids=["objects", "texts", "shapes"],
)
def test_what_makes_no_tensor_is_refused(images: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        train(images=images)


def test_a_mapped_array_stays_on_disk_whatever_its_order(tmp_path: Path) -> None:
    mapped = np.memmap(tmp_path / "x", ">f4", "w+", shape=tuple(ROWS.images.shape))
    mapped[:] = ROWS.images.numpy()[::-1]
    source = source_of(mapped[::-1], Small(), CPU)
    assert source.on_disk
    assert torch.equal(source.gather(torch.tensor([5, 0, 5])), ROWS.images[[5, 0, 5]])


def test_a_wrong_row_of_a_dataset_is_named_when_it_comes() -> None:
    images = ROWS.images.clone()
    images[77, 0, 3, 3] = torch.nan
    with pytest.raises(DataError, match="row 77 of the dataset has NaN or infinite values"):
        train(images=Rows(images=images), epochs=1)
    images[77, 0, 3, 3] = 3.0
    with pytest.raises(DataError, match="x has values from 0 to 3"):
        train(images=Rows(images=images), epochs=1)
    with pytest.raises(DataError, match=r"torch\.uint8.*bytes divided by 255"):
        train(images=Rows(lambda image: (255 * image).byte()))
    images[77, 0, 3, 3] = 0.0
    train(images=Rows(images=images), epochs=1)


def test_rows_of_several_shapes_are_refused() -> None:
    def cut(image: Tensor) -> Tensor:
        return image[:, : 27 if image.sum() > ROWS.images[0].sum() else 28]

    with pytest.raises(DataError, match="items of the dataset do not make rows of one shape"):
        train(LABELS, Rows(cut), epochs=1)
    with pytest.raises(DataError, match=r"do not make rows of one shape .*: give tensors"):
        train(LABELS, Rows(lambda image: "an image"), epochs=1)


def test_masked_rows_are_refused() -> None:
    masked = np.ma.masked_array(ROWS.images.numpy(), np.zeros(ROWS.images.shape, bool))
    source_of(masked, Small(), CPU)
    masked[77, 0, 3, 3] = np.ma.masked
    with pytest.raises(DataError, match="x is a masked array with values masked in row 77: fill them"):
        source_of(masked, Small(), CPU)


def test_a_masked_item_of_a_dataset_is_refused_when_it_comes() -> None:
    def masked(image: Tensor) -> Any:
        return np.ma.masked_array(image.numpy(), ((image == ROWS.images[77]).all() & (image > 0.5)).numpy()), 3

    with pytest.raises(DataError, match="row 77 of the dataset is a masked array with values masked: fill them"):
        train(LABELS, Rows(masked), epochs=1)
    train(LABELS, Rows(lambda image: np.ma.masked_array(image.numpy(), np.zeros(image.shape, bool))), epochs=1)
