"""JSON files of a run: plain values in, whole files out, clear words for a broken one."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from unbraid.errors import RunError
from unbraid.training.atomic import write_atomically


def plain(value: Any, name: str = "the value") -> Any:
    """Makes a JSON value: tensors and arrays become numbers or lists, paths text, what is not finite null.

    Args:
        value: None, booleans, numbers, text, paths, tensors, arrays, and mappings and sequences of these.
        name: what an error calls it.

    Returns:
        The value in dicts, lists, str, int, float, bool and None.

    Raises:
        RunError: something else is in it.

    Example:
        >>> plain({"error": np.float32(0.5), "loss": float("nan"), "rows": (1, 2)})
        {'error': 0.5, 'loss': None, 'rows': [1, 2]}
    """
    if isinstance(value, Tensor):
        value = value.detach().cpu().numpy()
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): plain(each, f"{name}[{key!r}]") for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each, f"{name}[{index}]") for index, each in enumerate(value)]
    raise RunError(f"{name} is a {type(value).__name__}, which JSON cannot hold: give numbers, text, lists or mappings")


def write_json(path: Path, value: Any, *, indent: int | None = 2) -> None:
    """Writes a JSON file at once, its keys sorted.

    Args:
        path: the file; an old one is replaced.
        value: see `plain`.
        indent: spaces a level; None for a single line.

    Raises:
        RunError: the value is none that JSON can hold, or the file could not be written (the old one is intact).
    """
    text = json.dumps(plain(value, path.name), sort_keys=True, indent=indent, ensure_ascii=False, allow_nan=False)
    write_atomically(path, (text + "\n").encode())


def read_json(path: Path) -> Any:
    """Reads a JSON file.

    Args:
        path: the file.

    Returns:
        Its value.

    Raises:
        RunError: there is no such file, it cannot be read, or it is not JSON.
    """
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise RunError(f"there is no {path}") from error
    except OSError as error:
        raise RunError(f"{path} cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise RunError(f"{path} is not JSON ({error}): undo what was changed in it by hand, or train again") from error
