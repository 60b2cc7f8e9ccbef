"""SVHN: house numbers from street views, cropped to one digit.

References:
    Netzer, Wang, Coates, Bissacco, Wu and Ng, "Reading digits in natural images with unsupervised feature learning",
    NIPS workshop on deep learning and unsupervised feature learning, 2011.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import scipy.io
import torch
from numpy.typing import NDArray
from scipy.io.matlab import MatReadError

from unbraid.data.places import looked_in, places
from unbraid.data.rows import Rows
from unbraid.data.split import split_rows
from unbraid.errors import DataError, DataNotFoundError

TRAIN, TEST, EXTRA = "train_32x32.mat", "test_32x32.mat", "extra_32x32.mat"
TEN_THOUSAND = "test10k_32x32.mat"
"""The first 10,000 rows of the official test file: for trials where the whole set is too much."""
_TEST_SHARE = 0.2


def svhn(root: str | os.PathLike[str] | None = None, *, extra: bool = False, seed: int = 0) -> tuple[Rows, Rows]:
    """Reads SVHN's cropped digits from the official files, as they are.

    The files are looked for in `root` where it is given, else in the folder that the environment variable
    `UNBRAID_DATA` names, each time in the folder itself and in its sub-folder `svhn`. Where neither holds the official
    pair but one holds `test10k_32x32.mat` (the first 10,000 rows of the official test file), these rows are split at
    random into 8,000 to train on and 2,000 to test; the names of the rows then say so.

    Args:
        root: the folder that holds the files.
        extra: whether `extra_32x32.mat` is added to the training rows; this takes 8 GB of memory.
        seed: of the split of the 10,000 rows; official rows are never split.

    Returns:
        The training rows (73,257; 604,388 with `extra`) and the test rows (26,032): images (rows, 3, 32, 32), byte /
        255; labels `{"digit": (rows,) int64}`.

    Raises:
        DataNotFoundError: the files are in none of these places.
        DataError: a file cannot be read, or holds something else.

    Example:
        >>> train, test = svhn()  # doctest: +SKIP
        >>> train  # doctest: +SKIP
        Rows(name='SVHN, train', images=(73257, 3, 32, 32), labels=['digit'])
    """
    folders = places(root, "svhn")
    official = (TRAIN, TEST, EXTRA) if extra else (TRAIN, TEST)
    for place in folders:
        if all((place / name).is_file() for name in official):
            train = [place / name for name in official if name != TEST]
            return _rows(train, "SVHN, train and extra" if extra else "SVHN, train"), _rows(
                [place / TEST], "SVHN, test"
            )
    for place in folders:
        if not extra and (place / TEN_THOUSAND).is_file():
            rows = _rows([place / TEN_THOUSAND], f"SVHN, split {seed} of 10,000 official test rows")
            return split_rows(rows, _TEST_SHARE, seed)
    raise DataNotFoundError(
        f"SVHN was not found.{looked_in(folders, ' or '.join(official))}\nWhat to do: get {', '.join(official)} "
        f"(http://ufldl.stanford.edu/housenumbers, format 2) and put them in {folders[0] if folders else 'a folder'}; "
        "name the folder with svhn(root=...) or UNBRAID_DATA. Nothing is downloaded."
    )


def read_svhn(path: str | os.PathLike[str]) -> Rows:
    """Reads one of the official files of cropped digits.

    Args:
        path: a `.mat` file: X (32, 32, 3, rows) uint8, y (rows, 1) with 10 for a zero.

    Returns:
        Images (rows, 3, 32, 32), byte / 255; labels `{"digit": (rows,) int64}`.

    Raises:
        DataNotFoundError: there is no such file.
        DataError: the file cannot be read, or holds something else.
    """
    return _rows([Path(path)], Path(path).stem)


def _rows(paths: Sequence[Path], name: str) -> Rows:
    """Makes rows of one file or several; floats are made a file at a time, for the bytes are a quarter of them."""
    read = [_read(path) for path in paths]
    images = torch.empty(sum(len(each) for each, _ in read), 3, 32, 32)
    start = 0
    for pixels, _ in read:
        part = images[start : start + len(pixels)]
        part.copy_(torch.from_numpy(pixels)).div_(255)
        start += len(pixels)
    return Rows(images, {"digit": np.concatenate([digits for _, digits in read])}, name)


def _read(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Reads images (rows, 3, 32, 32) and digits (rows,) of one file."""
    content = _content(path)
    for key in ("X", "y"):
        if key not in content:
            raise DataError(f"{path} holds no array '{key}': it is no file of cropped SVHN digits (format 2)")
    images, digits = content["X"], np.asarray(content["y"])
    if images.dtype != np.uint8 or images.shape[:3] != (32, 32, 3) or images.ndim != 4:
        raise DataError(f"X of {path} is {images.dtype} {images.shape}, expected uint8 (32, 32, 3, rows)")
    rows = images.shape[3]
    if digits.shape not in ((rows, 1), (rows,)):
        raise DataError(f"y of {path} has the shape {digits.shape} for {rows} images, expected ({rows}, 1)")
    if digits.size and not (digits.min() >= 0 and digits.max() <= 10):
        raise DataError(f"y of {path} holds {digits.min()} to {digits.max()}, expected digits, and 10 for a zero")
    return np.ascontiguousarray(images.transpose(3, 2, 0, 1)), digits.reshape(-1).astype(np.int64) % 10


def _content(path: Path) -> dict[str, Any]:
    """Reads the two arrays of a file."""
    if not path.is_file():
        raise DataNotFoundError(f"there is no file {path} to read SVHN from")
    try:
        content: dict[str, Any] = scipy.io.loadmat(path, variable_names=("X", "y"))
    except (ValueError, TypeError, OSError, LookupError, NotImplementedError, zlib.error, MatReadError) as error:
        raise DataError(f"{path} is cut short or is no .mat file ({error}): delete it and get it again") from error
    return content
