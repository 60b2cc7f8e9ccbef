"""Pickles of arrays: numbers come out, code is refused and not run."""

import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unbraid.data.array_pickle import load_arrays
from unbraid.errors import DataError


def python2_pickle(array: np.ndarray[Any, Any]) -> bytes:
    """Writes a vector of float32 as Python 2 and its numpy did."""
    head = b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01"
    shape = b"M" + struct.pack("<H", len(array)) + b"\x85"
    dtype = b"cnumpy\ndtype\nU\x02f4K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    return head + shape + dtype + b"\x89T" + struct.pack("<i", array.nbytes) + array.tobytes() + b"tb."


class Runs:
    """Runs code when it is unpickled by the ordinary reader."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("protocol", [0, 2, 3, 4])
def test_arrays_in_tuples_are_read(protocol: int) -> None:
    given = (np.arange(6, dtype=np.float32).reshape(2, 3), [np.array([2**40, -1])])
    images, (digits,) = load_arrays(pickle.dumps(given, protocol=protocol))
    np.testing.assert_array_equal(images, given[0])
    np.testing.assert_array_equal(digits, given[1][0])
    assert (images.dtype, digits.dtype) == (np.float32, np.int64)


def test_a_pickle_of_python_2_is_read() -> None:
    array = np.array([0, 0.5, 255 / 256, -1e30], np.float32)
    np.testing.assert_array_equal(load_arrays(python2_pickle(array)), array)


def test_code_is_refused_and_not_run(tmp_path: Path) -> None:
    target = tmp_path / "was-run"
    harmful = pickle.dumps((np.arange(3), Runs(target)))
    with pytest.raises(DataError, match=r"it asks for .*, and only numeric numpy arrays are allowed"):
        load_arrays(harmful)
    assert not target.exists()
    pickle.loads(harmful)
    assert target.exists()


@pytest.mark.parametrize("harmful", [b"cos\nsystem\n(S'true'\ntR.", b"cbuiltins\neval\n(S'1'\ntR."])
def test_any_other_name_is_refused(harmful: bytes) -> None:
    with pytest.raises(DataError, match="it asks for"):
        load_arrays(harmful)


def test_arrays_of_objects_are_refused() -> None:
    with pytest.raises(DataError, match="it holds an array of object"):
        load_arrays(pickle.dumps(np.array([None, 1]), protocol=2))


def test_a_pickle_cut_short_is_refused() -> None:
    with pytest.raises(DataError, match="cannot read the pickle"):
        load_arrays(pickle.dumps(np.arange(9), protocol=2)[:-9])
