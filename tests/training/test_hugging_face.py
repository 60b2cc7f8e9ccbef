"""Rows of a dataset of Hugging Face, from local files."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.training.small import LABELS, ROWS, STATEFUL, Small, same_end, train
from unbraid.errors import DataError
from unbraid.training.source import source_of

MISSING = importlib.util.find_spec("datasets") is None
pytestmark = [
    pytest.mark.skipif(MISSING, reason="no Hugging Face datasets: pip install 'unbraid[hugging-face]'"),
    pytest.mark.filterwarnings("ignore"),  # of the library's own
]
CPU = torch.device("cpu")
BYTES = (ROWS.images * 255).round().byte()


def rows(folder: Path, **columns: tuple[Any, Any]) -> Any:
    """Saves a dataset and loads it: by column its type and its values."""
    import datasets

    made = datasets.Dataset.from_dict(
        {name: values for name, (_, values) in columns.items()},
        features=datasets.Features({name: kind for name, (kind, _) in columns.items()}),
    )
    datasets.disable_progress_bars()
    made.save_to_disk(folder)
    return datasets.load_from_disk(folder)


def columns() -> dict[str, tuple[Any, Any]]:
    """One column of each kind."""
    import datasets

    return {
        "image": (datasets.Image(), [Image.fromarray(each[0].numpy()) for each in BYTES]),
        "label": (datasets.ClassLabel(num_classes=10), ROWS.labels["digit"].tolist()),
        "bytes": (datasets.Array3D((1, 28, 28), "uint8"), BYTES.numpy()),
        "floats": (datasets.Array3D((1, 28, 28), "float32"), (BYTES.float() / 255).numpy()),
    }


@pytest.mark.parametrize("kind", ["image", "bytes", "floats"])
def test_images_and_arrays_train_as_in_memory(kind: str, tmp_path: Path) -> None:
    given = columns()
    dataset = rows(tmp_path, **{kind: given[kind], "label": given["label"]})
    source = source_of(dataset, Small(), CPU)
    assert source.on_disk
    assert torch.equal(source.gather(torch.tensor([77, 3, 77])), BYTES[[77, 3, 77]].float() / 255)
    settings = {**STATEFUL, "epochs": 1}
    whole = train(images=BYTES.float() / 255, **settings)
    assert same_end(whole, train(images=dataset, test=(dataset, ROWS.labels), **settings))


def test_colours_come_first(tmp_path: Path) -> None:
    import datasets

    class Coloured(Small):
        def decode(self, digit: Any, style: Any) -> Any:
            import unbraid as ub

            return ub.Bernoulli(3, 4, 5)(digit, style)

    pixels = np.random.default_rng(0).integers(0, 256, (6, 4, 5, 3), dtype=np.uint8)
    dataset = rows(tmp_path, image=(datasets.Image(), [Image.fromarray(each) for each in pixels]))
    found = source_of(dataset, Coloured(), CPU).gather(torch.arange(6))
    assert torch.equal(found, torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255)


def test_what_cannot_be_rows_is_refused(tmp_path: Path) -> None:
    import datasets

    given = columns()
    both = rows(tmp_path / "both", **given)
    with pytest.raises(DataError, match=r"the columns \['image', 'bytes', 'floats'\] could be rows: keep one, dataset"):
        train(images=both)
    with pytest.raises(DataError, match=r"none of the columns \['label'\] holds images or arrays"):
        train(images=both.select_columns(["label"]))
    with pytest.raises(DataError, match=r"x holds the splits \['train'\]: pass one of them, dataset\[\"train\"\]"):
        train(images=datasets.DatasetDict({"train": both}))
    with pytest.raises(DataError, match="a dataset must have a length: rows are drawn by number"):
        train(images=both.to_iterable_dataset())
    sizes = [Image.fromarray(np.zeros((28, 28 + row % 2), np.uint8)) for row in range(120)]
    with pytest.raises(DataError, match="rows of the column 'image' have several shapes: crop or resize"):
        train(images=rows(tmp_path / "sizes", image=(datasets.Image(), sizes)), epochs=1)
    whole = (datasets.Array3D((1, 28, 28), "int32"), BYTES.int().numpy())
    with pytest.raises(DataError, match="the column 'whole' holds int32: store bytes"):
        train(images=rows(tmp_path / "whole", whole=whole))
    train(LABELS, both.select_columns(["image"]), epochs=1)
