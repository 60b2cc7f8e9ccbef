"""Stored rows: read back to the last bit, without pickles, and refused where they are something else."""

from __future__ import annotations

import dataclasses
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from unbraid.data import Rows, compose_digits, load_rows, save_rows, tiny_digits
from unbraid.errors import DataError, DataNotFoundError

NAMED = dataclasses.replace(tiny_digits(5), categories={"digit": ("nought", "one", "zwei é")})


@pytest.mark.parametrize(
    "rows", [compose_digits(tiny_digits(20), 9), tiny_digits(5), tiny_digits(0), NAMED], ids=range(4)
)
def test_rows_come_back(rows: Rows, tmp_path: Path) -> None:
    path = save_rows(rows, tmp_path / "rows.npz")
    again = load_rows(str(path))
    assert torch.equal(again.images, rows.images)
    assert again.name == rows.name
    assert again.categories == rows.categories
    assert list(again.labels) == list(rows.labels)
    for name, values in rows.labels.items():
        np.testing.assert_array_equal(again.labels[name], values)
        assert again.labels[name].dtype == values.dtype
    assert list(tmp_path.iterdir()) == [path]


def test_images_of_256_levels_are_stored_as_bytes(tmp_path: Path) -> None:
    save_rows(compose_digits(tiny_digits(20), 9), tmp_path / "bytes.npz")
    save_rows(tiny_digits(9), tmp_path / "floats.npz")
    dtypes = [np.load(tmp_path / name)["images"].dtype.name for name in ("bytes.npz", "floats.npz")]
    assert dtypes == ["uint8", "float32"]


def test_a_file_that_is_not_there_is_missed(tmp_path: Path) -> None:
    with pytest.raises(DataNotFoundError, match=r"there is no file .*rows.npz"):
        load_rows(tmp_path / "rows.npz")


@pytest.mark.parametrize("kind", ["cut short", "pickle", "array", "other archive", "empty", "object"])
def test_what_holds_no_rows_is_refused(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "rows.npz"
    save_rows(tiny_digits(5), path)
    content = path.read_bytes()
    match kind:
        case "cut short":
            path.write_bytes(content[: len(content) // 2])
        case "pickle":
            path.write_bytes(pickle.dumps({"images": 1}))
        case "array":
            with path.open("wb") as file:
                np.save(file, np.zeros(3))
        case "other archive":
            np.savez(path, pictures=np.zeros(3))
        case "empty":
            path.write_bytes(b"")
        case "object":
            np.savez(path, images=np.array([{}], dtype=object), name=np.array("x"))
    with pytest.raises(DataError, match=r"rows.npz holds no rows \(.*\): it is cut short, or save_rows did not"):
        load_rows(path)
