"""SVHN: the official files as they are, the 10,000 rows where these are not there, and what is wrong said plainly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
import torch

from unbraid.data import read_svhn, svhn
from unbraid.errors import DataError, DataNotFoundError


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """No UNBRAID_DATA, unless a test asks for it."""
    monkeypatch.delenv("UNBRAID_DATA", raising=False)


def write(folder: Path, part: str, rows: int, **changes: Any) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Writes a file in the official layout, and returns its X (32, 32, 3, rows)."""
    folder.mkdir(parents=True, exist_ok=True)
    images = np.random.default_rng(rows).integers(0, 256, (32, 32, 3, rows), dtype=np.uint8)
    content = {"X": images, "y": (np.arange(rows, dtype=np.uint8) % 10 + 1)[:, None], **changes}
    scipy.io.savemat(folder / f"{part}_32x32.mat", {name: each for name, each in content.items() if each is not None})
    return images


def test_a_file_is_read_the_right_way_round(tmp_path: Path) -> None:
    images = write(tmp_path, "train", 12)
    rows = read_svhn(tmp_path / "train_32x32.mat")
    assert (rows.images.shape, rows.name) == ((12, 3, 32, 32), "train_32x32")
    for row, channel, y, x in ((0, 0, 0, 1), (5, 1, 3, 30), (11, 2, 31, 7)):
        assert rows.images[row, channel, y, x].item() == np.float32(images[y, x, channel, row]) / np.float32(255)
    assert rows.labels["digit"].tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2]


def test_the_official_pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "svhn", "train", 12)
    write(tmp_path / "svhn", "test", 5)
    write(tmp_path / "svhn", "test10k", 10)
    write(tmp_path / "svhn", "extra", 7)
    for root in (tmp_path, tmp_path / "svhn"):
        train, test = svhn(root)
        assert (train.name, len(train), test.name, len(test)) == ("SVHN, train", 12, "SVHN, test", 5)
    monkeypatch.setenv("UNBRAID_DATA", str(tmp_path))
    more, again = svhn(extra=True)
    assert (more.name, len(more), len(again)) == ("SVHN, train and extra", 19, 5)
    assert torch.equal(more.images[:12], train.images)


def test_the_ten_thousand_are_split_and_say_so(tmp_path: Path) -> None:
    write(tmp_path, "test10k", 10)
    train, test = svhn(tmp_path, seed=4)
    assert (len(train), len(test)) == (8, 2)
    assert (train.name, test.name) == (
        "SVHN, split 4 of 10,000 official test rows, train",
        "SVHN, split 4 of 10,000 official test rows, test",
    )
    assert sorted([*train.labels["digit"], *test.labels["digit"]]) == list(range(10))
    with pytest.raises(DataNotFoundError, match=r"lacks train_32x32\.mat or test_32x32\.mat or extra_32x32\.mat"):
        svhn(tmp_path, extra=True)


def test_nowhere(tmp_path: Path) -> None:
    with pytest.raises(DataNotFoundError, match=r"(?s)Looked in:.*/a: no such folder.*put them in .*/a; name the fol"):
        svhn(tmp_path / "a")
    with pytest.raises(DataNotFoundError, match=r"No folder was named: give root=\.\.\., or set .*UNBRAID_DATA"):
        svhn()


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no y": ({"y": None}, "holds no array 'y'"),
    "floats": ({"X": np.zeros((32, 32, 3, 4))}, r"is float64 \(32, 32, 3, 4\), expected uint8"),
    "other size": ({"X": np.zeros((28, 28, 3, 4), np.uint8)}, r"\(28, 28, 3, 4\), expected uint8 \(32, 32, 3, rows\)"),
    "other rows": ({"y": np.ones((3, 1))}, r"has the shape \(3, 1\) for 4 images"),
    "other digits": ({"y": np.full((4, 1), 11)}, "holds 11 to 11, expected digits"),
}


@pytest.mark.parametrize("case", WRONG)
def test_another_content_is_refused(case: str, tmp_path: Path) -> None:
    changes, message = WRONG[case]
    write(tmp_path, "train", 4, **changes)
    with pytest.raises(DataError, match=message):
        read_svhn(tmp_path / "train_32x32.mat")


@pytest.mark.parametrize("kept", [0, 4, 100, 2000])
def test_a_file_cut_short(kept: int, tmp_path: Path) -> None:
    write(tmp_path, "train", 4)
    path = tmp_path / "train_32x32.mat"
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(DataError, match=r"train_32x32\.mat is cut short or is no \.mat file"):
        read_svhn(path)
    with pytest.raises(DataNotFoundError, match=r"there is no file .*nothing\.mat to read SVHN from"):
        read_svhn(tmp_path / "nothing.mat")


def test_the_real_rows(data_folder: Path) -> None:
    if not (data_folder / "svhn").is_dir():
        pytest.skip(f"no SVHN: {data_folder} holds no svhn/")
    train, test = svhn(data_folder)
    assert (len(train), len(test)) in ((8000, 2000), (73257, 26032))
    assert np.bincount(train.labels["digit"]).argmax() == 1  # house numbers start with a 1 more often than not
    assert 0.3 < train.images[:500].mean().item() < 0.6
