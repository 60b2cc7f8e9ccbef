"""Arrays and NumPy's files: taken as they are, and refused where a layout would have to be guessed."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from unbraid.data import from_arrays, read_arrays
from unbraid.errors import DataError, DataNotFoundError, OptionError

GREY = np.arange(2 * 4 * 6, dtype=np.uint8).reshape(2, 4, 6)


def test_bytes_and_floats() -> None:
    rows = from_arrays(GREY, {"kind": [1, None]}, "cells")
    torch.testing.assert_close(rows.images, torch.from_numpy(GREY / 255).float()[:, None])
    assert (rows.name, rows.labels["kind"][0], np.isnan(rows.labels["kind"][1])) == ("cells", 1, True)
    for floats in (GREY / 255, (GREY / 255).astype(">f4"), torch.from_numpy(GREY / 255), (GREY / 255).tolist()):
        torch.testing.assert_close(from_arrays(floats).images, rows.images)
    assert from_arrays(GREY > 7).images.sum() == 40


def test_floats_are_not_copied() -> None:
    images = np.zeros((2, 1, 4, 6), np.float32)
    rows = from_arrays(images)
    images[1, 0, 2, 3] = 0.5
    assert rows.images[1, 0, 2, 3] == 0.5
    images.flags.writeable = False
    assert from_arrays(images).images.shape == (2, 1, 4, 6)  # torch would warn of an array that cannot be written to


def test_a_layout_is_told_not_guessed() -> None:
    last = np.zeros((2, 4, 6, 3), np.uint8)
    last[..., 1] = 255
    rows = from_arrays(last, layout="channels_last")
    assert rows.images.mean((0, 2, 3)).tolist() == [0, 1, 0]
    torch.testing.assert_close(from_arrays(last.transpose(0, 3, 1, 2)).images, rows.images)
    with pytest.raises(DataError, match=r"\(2, 4, 6, 3\), whose 4 channels look like a side .*layout='channels_last'"):
        from_arrays(last)
    with pytest.raises(DataError, match=r"whose 6 channels look like .*layout='channels_first' if the 3 are"):
        from_arrays(last.transpose(0, 3, 1, 2), layout="channels_last")
    with pytest.raises(DataError, match=r"\(2, 28, 28, 4\), whose 28 channels look like a side .*='channels_last'"):
        from_arrays(np.zeros((2, 28, 28, 4), np.uint8))  # with transparency
    with pytest.raises(OptionError, match="layout must be 'channels_first' or 'channels_last', got 'HWC'"):
        from_arrays(last, layout="HWC")  # type: ignore[arg-type]


WRONG: dict[str, tuple[Any, str]] = {
    "words": (np.array(["a"]), "must be bytes or floats, got <U1"),
    "wide numbers": (GREY.astype(np.int64), r"are torch\.int64, and nothing says what is white"),
    "too bright": (GREY.astype(np.float32), r"must lie in \[0, 1\], got 0 to 47: rescale them"),
    "masked": (np.ma.masked_equal(GREY, 7), r"images of 'arrays' are a masked array with values masked in row 0"),
    "one image": (GREY[0], r"have the shape \(4, 6\), expected \(rows, height, width\)"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_no_image_is_refused(case: str) -> None:
    images, message = WRONG[case]
    with pytest.raises(DataError, match=message):
        from_arrays(images)


def test_masks_of_labels_are_kept_and_an_empty_one_of_images_is_none() -> None:
    rows = from_arrays(np.ma.masked_array(GREY), {"kind": np.ma.masked_array([0, 1], [False, True])})
    torch.testing.assert_close(rows.images, from_arrays(GREY).images)
    np.testing.assert_array_equal(rows.labels["kind"], [0, np.nan])


def test_an_archive_holds_images_and_labels(tmp_path: Path) -> None:
    path = tmp_path / "cells.npz"
    np.savez(path, images=GREY, kind=np.array([0, -1]), place=np.array([[0.5, 1.0], [np.nan, np.nan]]))
    rows = read_arrays(path)
    assert (rows.name, list(rows.labels), rows.labels["place"].shape) == ("cells", ["kind", "place"], (2, 2))
    with pytest.raises(DataError, match=r"cells\.npz holds no array 'image'\. Did you mean 'images'\? Call .* 'image'"):
        read_arrays(path, images="image")
    with pytest.raises(DataError, match=r"cells\.npz cannot be mapped into memory"):
        read_arrays(path, memory_map=True)


def test_what_a_file_is_called(tmp_path: Path) -> None:
    np.savez(tmp_path / "cells.npz", images=GREY)
    np.save(tmp_path / "array.npy", GREY)
    (tmp_path / "cells.npz").rename(tmp_path / "CELLS.NPZ")
    assert read_arrays(tmp_path / "CELLS.NPZ").images.shape == (2, 1, 4, 6)
    (tmp_path / "CELLS.NPZ").rename(tmp_path / "cells.npy")
    with pytest.raises(DataError, match=r"cells\.npy is an archive of the arrays images: call the file \.npz"):
        read_arrays(tmp_path / "cells.npy")
    (tmp_path / "array.npy").rename(tmp_path / "array.npz")
    with pytest.raises(DataError, match=r"array\.npz holds one array without a name: call the file \.npy"):
        read_arrays(tmp_path / "array.npz")


@pytest.mark.parametrize("memory_map", [False, True])
def test_an_array_with_labels_beside_it(memory_map: bool, tmp_path: Path) -> None:
    np.save(tmp_path / "cells.npy", GREY)
    np.savez(tmp_path / "labels.npz", kind=np.array([0, 1]))
    rows = read_arrays(tmp_path / "cells.npy", tmp_path / "labels.npz", memory_map=memory_map)
    torch.testing.assert_close(rows.images, from_arrays(GREY).images)
    assert rows.labels["kind"].tolist() == [0, 1]
    with pytest.raises(DataError, match=r"cells\.npy is no \.npz file: labels of arrays are arrays by name"):
        read_arrays(tmp_path / "cells.npy", tmp_path / "cells.npy")


def test_mapped_floats_stay_on_disk(tmp_path: Path) -> None:
    path = tmp_path / "cells.npy"
    np.save(path, np.zeros((2, 1, 4, 6), np.float32))
    rows = read_arrays(path, memory_map=True)
    with path.open("r+b") as file:
        file.seek(-4, 2)
        file.write(np.float32(0.5).tobytes())
    assert rows.images[-1, 0, -1, -1] == 0.5
    rows.images[0] = 1  # a change of the rows is none of the file
    assert np.load(path)[0].max() == 0


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(DataNotFoundError, match=r"there is no file .*nothing\.npy to read arrays from"):
        read_arrays(tmp_path / "nothing.npy")
    for name, content in (("a.npy", b"no array"), ("b.npz", b"no archive"), ("c.npz", b"")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=rf"{name} cannot be read as plain NumPy arrays"):
            read_arrays(tmp_path / name)
    np.savez_compressed(tmp_path / "e.npz", images=GREY)
    whole = (tmp_path / "e.npz").read_bytes()
    for place in range(40, len(whole), 3):  # each either an error of its own kind inside numpy, or noticed by none
        (tmp_path / "e.npz").write_bytes(whole[:place] + bytes([whole[place] ^ 0x5A]) + whole[place + 1 :])
        with suppress(DataError):
            read_arrays(tmp_path / "e.npz")
    np.save(tmp_path / "d.npy", np.array([{}]), allow_pickle=True)
    with pytest.raises(DataError, match=r"d\.npy cannot be read as plain NumPy arrays"):
        read_arrays(tmp_path / "d.npy")
