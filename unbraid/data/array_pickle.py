"""Pickles of numpy arrays, read without letting them run anything."""

from __future__ import annotations

import io
import pickle
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unbraid.errors import DataError


def load_arrays(content: bytes) -> Any:
    """Reads a pickle that holds numeric numpy arrays in tuples, lists and dicts, and nothing else.

    Python 2's pickles are read too.

    Args:
        content: the pickle.

    Returns:
        What was pickled.

    Raises:
        DataError: the pickle asks for anything but numeric arrays, or is cut short.

    Example:
        >>> import numpy as np
        >>> load_arrays(pickle.dumps((np.arange(3), "three"), protocol=2))
        (array([0, 1, 2]), 'three')
    """
    try:
        return _ArrayUnpickler(io.BytesIO(content), encoding="latin1").load()
    except (pickle.UnpicklingError, EOFError) as error:
        raise DataError(f"cannot read the pickle: {error}") from error


class _ArrayUnpickler(pickle.Unpickler):
    """An unpickler that knows the four names which a pickled array uses, and refuses all others."""

    def find_class(self, module_name: str, global_name: str) -> Any:
        """Returns the safe stand-in for a name."""
        name = f"{module_name}.{global_name}".replace("numpy._core.", "numpy.core.")
        if name not in _KNOWN:
            raise pickle.UnpicklingError(f"it asks for {name}, and only numeric numpy arrays are allowed")
        return _KNOWN[name]


def _new_array(kind: object, shape: tuple[int, ...], type_code: object) -> NDArray[np.int8]:
    """Makes the empty array that the pickle then fills."""
    return np.empty(0, np.int8)


def _new_dtype(code: str, align: int, copy: int) -> np.dtype[Any]:
    """Makes the type of an array's numbers; types that hold Python objects are refused."""
    dtype = np.dtype(code, align=bool(align), copy=bool(copy))
    if dtype.kind not in "biuf":
        raise pickle.UnpicklingError(f"it holds an array of {dtype}, and only numeric numpy arrays are allowed")
    return dtype


def _encode(text: str, encoding: str) -> bytes:
    """Makes bytes of text: how protocol 2 of Python 3 writes the numbers of an array."""
    return text.encode(encoding)


_KNOWN: dict[str, Any] = {
    "numpy.core.multiarray._reconstruct": _new_array,
    "numpy.ndarray": np.ndarray,
    "numpy.dtype": _new_dtype,
    "_codecs.encode": _encode,
}
