"""Arrays in memory and in NumPy's files, as rows."""

from __future__ import annotations

import os
import tokenize
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from unbraid.data.label_values import label_array
from unbraid.data.rows import Rows
from unbraid.errors import DataError, DataNotFoundError, OptionError, did_you_mean

Layout = Literal["channels_first", "channels_last"]
_LIKELY = {1: 2, 3: 2, 4: 1}
"""Which numbers of channels are likely, and how much: grey, colour, and colour with transparency."""


BROKEN = (
    ValueError, OSError, EOFError, KeyError, NotImplementedError, zipfile.BadZipFile, zlib.error, tokenize.TokenError,
)  # fmt: skip
"""What numpy raises for a file that is damaged, or is none of its own."""


def from_arrays(
    images: ArrayLike | Tensor,
    labels: Mapping[str, Any] | None = None,
    name: str = "arrays",
    *,
    layout: Layout = "channels_first",
) -> Rows:
    """Makes rows of arrays.

    Args:
        images: (rows, height, width), or (rows, channels, height, width); bytes, or floats in [0, 1]. An array of
            float32 is not copied.
        labels: by variable, one label a row: arrays, tensors, lists; -1, NaN or None for a row without one.
        name: what the rows are, as figures and reports call them.
        layout: "channels_last" for images (rows, height, width, channels). It is never guessed.

    Returns:
        Images (rows, channels, height, width), float32; bytes are divided by 255.

    Raises:
        DataError: the images have another shape, type or range, or a variable has not one label a row.
        OptionError: there is no such layout.

    Example:
        >>> import numpy as np
        >>> from_arrays(np.zeros((5, 8, 8, 3), np.uint8), {"kind": [0, 1, None, 1, 0]}, layout="channels_last")
        Rows(name='arrays', images=(5, 3, 8, 8), labels=['kind'])
    """
    if layout not in ("channels_first", "channels_last"):
        raise OptionError(f"layout must be 'channels_first' or 'channels_last', got {layout!r}")
    ordered = _ordered(_tensor(images, name), layout, name)
    return Rows(_scaled(ordered, name), {key: label_array(each, key) for key, each in (labels or {}).items()}, name)


def read_arrays(
    path: str | os.PathLike[str],
    labels: str | os.PathLike[str] | None = None,
    *,
    images: str = "images",
    layout: Layout = "channels_first",
    memory_map: bool = False,
) -> Rows:
    """Reads NumPy's files: `.npz` with images and labels, or `.npy` with images.

    Args:
        path: an `.npz` file, whose array `images` holds the images and whose others hold the labels, each called like
            its variable; or an `.npy` file of images.
        labels: an `.npz` file of labels; for an `.npy` file of images.
        images: which array of an `.npz` file holds the images.
        layout: as for `from_arrays`.
        memory_map: whether the images of an `.npy` file stay on disk until they are asked for; float32 does for good,
            while bytes become floats in memory.

    Returns:
        The rows, named like the file.

    Raises:
        DataNotFoundError: there is no such file.
        DataError: a file cannot be read, holds objects, or holds no such images and labels.
    """
    path = Path(path)
    if _is_archive(path):
        if memory_map:
            raise DataError(f"{path} cannot be mapped into memory, for it is an archive: save its images as .npy")
        held = _archive(path)
        if images not in held:
            raise DataError(
                f"{path} holds no array {images!r}.{did_you_mean(images, held)} Call the images {images!r}, or "
                "name theirs, read_arrays(..., images=...)"
            )
        pixels = held.pop(images)
    else:
        held, pixels = {}, _one(path, "c" if memory_map else None)
    known = held if labels is None else {**held, **_labels(Path(labels))}
    return from_arrays(pixels, known, path.stem, layout=layout)


def refuse_masked(data: Any, what: str) -> None:
    """Raises DataError if any value of the data is masked, for numpy's conversions show what is behind a mask.

    Args:
        data: (rows, ...), an array of any kind.
        what: What it is, for the message: "x is".
    """
    if isinstance(data, np.ma.MaskedArray) and np.ma.is_masked(data):
        row = np.argwhere(np.ma.getmaskarray(data))[0][0]
        raise DataError(
            f"{what} a masked array with values masked in row {row}: fill them, e.g. values.filled(0), or leave these "
            "rows out"
        )


def _labels(path: Path) -> dict[str, NDArray[Any]]:
    """Reads an `.npz` file of labels."""
    if not _is_archive(path):
        raise DataError(f"{path} is no .npz file: labels of arrays are arrays by name, numpy.savez(path, digit=...)")
    return _archive(path)


def _is_archive(path: Path) -> bool:
    """Says whether a file is called as NumPy's archives of arrays are."""
    return path.suffix.lower() == ".npz"


def _archive(path: Path) -> dict[str, NDArray[Any]]:
    """Reads the arrays of an `.npz` file by name."""
    held = _read(path)
    if isinstance(held, np.ndarray):
        raise DataError(f"{path} holds one array without a name: call the file .npy, or save it with numpy.savez")
    return held


def _one(path: Path, mmap_mode: Literal["c"] | None) -> NDArray[Any]:
    """Reads the array of an `.npy` file."""
    held = _read(path, mmap_mode)
    if not isinstance(held, np.ndarray):
        raise DataError(f"{path} is an archive of the arrays {', '.join(held) or '(none)'}: call the file .npz")
    return held


def _read(path: Path, mmap_mode: Literal["c"] | None = None) -> dict[str, NDArray[Any]] | NDArray[Any]:
    """Reads the arrays of an `.npz` file by name, or the one of an `.npy` file."""
    if not path.is_file():
        raise DataNotFoundError(f"there is no file {path} to read arrays from")
    try:
        if mmap_mode:
            mapped: NDArray[Any] = np.load(path, mmap_mode=mmap_mode, allow_pickle=False)
            return mapped
        with path.open("rb") as file:  # numpy's own stays open where an archive is broken
            content = np.load(file, allow_pickle=False)
            if isinstance(content, np.ndarray):
                return content
            with content:
                return {name: content[name] for name in content.files}
    except BROKEN as error:
        raise DataError(
            f"{path} cannot be read as plain NumPy arrays ({error}): save it with numpy.save or numpy.savez, of numbers"
        ) from error


def _tensor(images: ArrayLike | Tensor, name: str) -> Tensor:
    """Returns images as a tensor on the CPU, without a copy where that can be."""
    if isinstance(images, Tensor):
        return images.detach().cpu()
    refuse_masked(images, f"images of '{name}' are")
    array = np.asarray(images)
    if array.dtype.kind not in "buif":
        raise DataError(f"images of '{name}' must be bytes or floats, got {array.dtype}")
    native = np.ascontiguousarray(array, array.dtype.newbyteorder("="))
    return torch.from_numpy(native if native.flags.writeable else native.copy())


def _ordered(images: Tensor, layout: Layout, name: str) -> Tensor:
    """Returns images as (rows, channels, height, width); refuses a shape that another layout explains."""
    shape = tuple(images.shape)
    if images.ndim == 3:
        return images[:, None]
    if images.ndim != 4:
        raise DataError(
            f"images of '{name}' have the shape {shape}, expected (rows, height, width) or (rows, channels, height, "
            "width): reshape them"
        )
    here, there = (1, 3) if layout == "channels_first" else (3, 1)
    if _LIKELY.get(shape[there], 0) > _LIKELY.get(shape[here], 0):
        other = "channels_last" if layout == "channels_first" else "channels_first"
        raise DataError(
            f"images of '{name}' have the shape {shape}, whose {shape[here]} channels look like a side of the image: "
            f"say layout='{other}' if the {shape[there]} are the channels, or move the axes"
        )
    return images if layout == "channels_first" else images.permute(0, 3, 1, 2).contiguous()


def _scaled(images: Tensor, name: str) -> Tensor:
    """Returns images as float32 in [0, 1]."""
    if images.dtype == torch.uint8:
        return images.float().div_(255)
    if not images.is_floating_point() and images.dtype != torch.bool:
        raise DataError(f"images of '{name}' are {images.dtype}, and nothing says what is white: give bytes or floats")
    return images.float()
