"""Data sets of Hugging Face: in memory, and from the files that they write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from unbraid.data import from_hugging_face
from unbraid.errors import DataError, DataNotFoundError

datasets: Any = pytest.importorskip("datasets", reason="needs `datasets`: pip install 'unbraid[hugging-face]'")
LABELS = ["label", "weight", "word", "place"]
PIXELS = [np.full((4, 6), 51 * row, np.uint8) for row in range(4)]


@pytest.fixture(scope="module")
def cells() -> Any:
    """Four images with labels of every kind, one row of each without."""
    one, real = datasets.Value, datasets.Value("float64")
    kinds = {"label": datasets.ClassLabel(names=["flat", "round"]), "weight": one("float32"), "word": one("string")}
    kinds |= {"place": datasets.Sequence(real), "image": datasets.Image(), "pixels": datasets.Array2D((4, 6), "uint8")}
    values = {
        "label": [0, 1, None, 1],
        "weight": [0.5, None, 1.0, 2.0],
        "word": ["b", None, "a", "b"],
        "place": [None, [1.0, 2.0], [3.0, 4.0], [5.0, 6.0]],
        "image": [Image.fromarray(each) for each in PIXELS],
        "pixels": PIXELS,
    }
    return datasets.Dataset.from_dict(values, features=datasets.Features(kinds))


def test_every_kind_of_label(cells: Any) -> None:
    rows = from_hugging_face(cells, labels=LABELS, name="cells")
    torch.testing.assert_close(rows.images[:, 0, 1, 1], torch.tensor([0.0, 0.2, 0.4, 0.6]))
    assert (rows.name, rows.images.shape) == ("cells", (4, 1, 4, 6))
    assert rows.labels["label"].tolist() == [0, 1, -1, 1]
    assert rows.labels["word"].tolist() == [1, -1, 0, 1]
    np.testing.assert_array_equal(rows.labels["weight"], [0.5, np.nan, 1.0, 2.0])
    np.testing.assert_array_equal(rows.labels["place"], [[np.nan, np.nan], [1, 2], [3, 4], [5, 6]])
    assert rows.categories == {"label": ("flat", "round"), "word": ("a", "b")}


def test_images_as_arrays_and_resized(cells: Any) -> None:
    rows = from_hugging_face(cells, image="pixels", size=(2, 3), colour="rgb")
    assert rows.images.shape == (4, 3, 2, 3)
    torch.testing.assert_close(rows.images[:, 2, 1, 1], torch.tensor([0.0, 0.2, 0.4, 0.6]))


def test_local_files(cells: Any, tmp_path: Path) -> None:
    cells.save_to_disk(str(tmp_path / "folder"))
    cells.to_parquet(str(tmp_path / "file.parquet"))
    for path in (tmp_path / "folder", tmp_path / "file.parquet"):
        rows = from_hugging_face(path, labels=LABELS)
        assert (rows.name, rows.images.shape, rows.labels["label"].tolist()) == (
            path.stem,
            (4, 1, 4, 6),
            [0, 1, -1, 1],
        )


@pytest.mark.parametrize("content", [b"", b"no image", "cut short"])
def test_a_broken_image_is_named_by_its_row(content: bytes | str, tmp_path: Path) -> None:
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8)).save(tmp_path / "a.png")
    whole = (tmp_path / "a.png").read_bytes()
    given = [whole, whole[: len(whole) // 2] if isinstance(content, str) else content]
    images = datasets.Dataset.from_dict({"image": [{"bytes": each, "path": None} for each in given]})
    with pytest.raises(DataError, match=r"row 1 of 'cells' is cut short or is no image"):
        from_hugging_face(images.cast_column("image", datasets.Image()), name="cells")


def test_no_rows_no_number_of_rows_and_no_colours(cells: Any) -> None:
    with pytest.raises(DataError, match="there is no image: the data have no rows"):
        from_hugging_face(cells.select([]))
    with pytest.raises(DataError, match=r"IterableDataset has no number of rows.*load it without streaming=True"):
        from_hugging_face(cells.to_iterable_dataset())
    see_through = datasets.Dataset.from_dict({"image": [np.zeros((5, 6, 4), np.uint8).tolist()]})
    with pytest.raises(DataError, match=r"row 0 of 'cells': the image has 4 channels, expected 1 .* or 3 .*colour"):
        from_hugging_face(see_through, layout="channels_last", name="cells")


def test_what_is_wrong_is_said(cells: Any, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no column 'lable'\. Did you mean 'label'\?"):
        from_hugging_face(cells, labels=["lable"])
    with pytest.raises(DataError, match=r"the splits 'train', 'test': give one, e\.g\. dataset\['train'\]"):
        from_hugging_face(datasets.DatasetDict(train=cells, test=cells))
    with pytest.raises(DataError, match=r"row 0 of '.*': the column 'word' holds str, expected an image"):
        from_hugging_face(cells, image="word")
    with pytest.raises(DataError, match=r"the column 'image' holds .*ImageFile, which makes no label"):
        from_hugging_face(cells, labels=["image"])
    with pytest.raises(DataNotFoundError, match=r"there is no data set at .*nowhere"):
        from_hugging_face(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.parquet").write_bytes(b"broken")
    for name in ("empty", "broken.parquet"):
        with pytest.raises(DataError, match=rf"{name} is neither a folder that .* nor a Parquet file"):
            from_hugging_face(tmp_path / name)
