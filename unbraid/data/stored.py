"""Stored rows: one file of plain arrays, which holds no code and executes none."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from unbraid.data.arrays import BROKEN
from unbraid.data.rows import Rows
from unbraid.errors import DataError, DataNotFoundError

_LABEL, _CATEGORIES = "label.", "categories."


def save_rows(rows: Rows, path: str | os.PathLike[str]) -> Path:
    """Writes rows as a compressed .npz file of numpy; a reader sees the whole new file or the one before.

    Images of 256 levels, byte / 255, are stored as bytes, a tenth of the size; others as they are. Both are exact.

    Args:
        rows: The rows.
        path: Of the file, which may exist; its folder must.

    Returns:
        The path of the file.

    Raises:
        OSError: The file cannot be written.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from unbraid.data import tiny_digits
        >>> with TemporaryDirectory() as folder:
        ...     load_rows(save_rows(tiny_digits(5), f"{folder}/digits.npz"))
        Rows(name='tiny digits', images=(5, 1, 28, 28), labels=['digit'])
    """
    target, content = Path(path), BytesIO()
    labels = {f"{_LABEL}{variable}": values for variable, values in rows.labels.items()}
    words = {f"{_CATEGORIES}{variable}": np.array(names) for variable, names in rows.categories.items()}
    arrays: dict[str, Any] = {"images": _packed(rows.images), "name": np.array(rows.name), **labels, **words}
    np.savez_compressed(content, **arrays)
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        part.write_bytes(content.getvalue())
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return target


def load_rows(path: str | os.PathLike[str]) -> Rows:
    """Reads rows that `save_rows` wrote.

    Args:
        path: Of the file.

    Returns:
        The rows, to the last bit.

    Raises:
        DataNotFoundError: There is no such file.
        DataError: It is cut short, or not what `save_rows` writes.
    """
    try:
        with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as stored:  # numpy's own stays open
            arrays = {key: stored[key] for key in stored.files}
            images, name = _unpacked(arrays.pop("images")), str(arrays.pop("name"))
    except FileNotFoundError as error:
        raise DataNotFoundError(f"there is no file {path}: give the path that save_rows was given") from error
    except (*BROKEN, AttributeError, TypeError) as error:
        raise DataError(f"{path} holds no rows ({error}): it is cut short, or save_rows did not write it") from error
    words = {key: tuple(map(str, names)) for key, names in _under(_CATEGORIES, arrays).items()}
    return Rows(images, _under(_LABEL, arrays), name, words)


def _under(prefix: str, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Returns the arrays whose names begin so, by the rest of the name."""
    return {key.removeprefix(prefix): values for key, values in arrays.items() if key.startswith(prefix)}


def _packed(images: torch.Tensor) -> NDArray[np.uint8] | NDArray[np.float32]:
    """Returns images as bytes where that loses nothing."""
    levels = images.mul(255).round_().to(torch.uint8)
    exact = torch.equal(levels.float().div_(255), images)
    packed: NDArray[np.uint8] | NDArray[np.float32] = (levels if exact else images).contiguous().numpy()
    return packed


def _unpacked(stored: NDArray[np.uint8] | NDArray[np.float32]) -> torch.Tensor:
    """Returns images as float32 in [0, 1]."""
    images = torch.from_numpy(stored)
    return images.float().div_(255) if images.dtype == torch.uint8 else images
