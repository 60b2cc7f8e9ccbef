"""IDX files: what is written is read again, and a damaged file is named."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from unbraid.data import read_idx, write_idx
from unbraid.errors import DataError

TINY = bytes.fromhex("00000802 00000002 00000003 0102030405ff")  # 2 x 3 bytes
WHOLE = gzip.compress(TINY, mtime=0)


@pytest.mark.parametrize("name", ["tiny-idx2-ubyte", "tiny-idx2-ubyte.gz"])
def test_the_format_is_lecuns(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(gzip.compress(TINY) if path.suffix == ".gz" else TINY)
    array = read_idx(path)
    assert array.dtype == np.uint8
    assert array.tolist() == [[1, 2, 3], [4, 5, 255]]
    array[0, 0] = 9  # it may be written to
    write_idx(path, np.array([[1, 2, 3], [4, 5, 255]], np.uint8))
    content = path.read_bytes()
    assert (gzip.decompress(content) if path.suffix == ".gz" else content) == TINY
    assert [each.name for each in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int16, np.int32, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(3,), (2, 3, 4), (0, 5)])
def test_written_and_read_is_the_same(tmp_path: Path, dtype: type[np.generic], shape: tuple[int, ...]) -> None:
    array = np.random.default_rng(0).integers(0, 100, shape).astype(dtype)
    write_idx(tmp_path / "array.idx", array)
    again = read_idx(tmp_path / "array.idx")
    assert again.dtype == array.dtype
    np.testing.assert_array_equal(again, array)


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", r"is not an IDX file: it starts with nothing"),
        (b"\x89PNG....", r"broken.idx is not an IDX file: it starts with 89 50 4e 47"),
        (b"\0\0\x07\x01\0\0\0\x01\0", "is not an IDX file"),
        (TINY[:7], "is cut short: it ends inside its header"),
        (TINY[:-1], r"is cut short: its header states the shape \(2, 3\), which takes 18 bytes, but it has 17"),
        (TINY + b"\0", r"is too long: its header states the shape \(2, 3\), which takes 18 bytes, but it has 19"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path: Path, content: bytes, match: str) -> None:
    path = tmp_path / "broken.idx"
    path.write_bytes(TINY)
    read_idx(path)
    path.write_bytes(content)
    with pytest.raises(DataError, match=match):
        read_idx(path)


@pytest.mark.parametrize("content", [WHOLE[:-3], WHOLE[:20], TINY], ids=["cut at the end", "cut early", "not packed"])
def test_a_gzip_file_cut_short_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.gz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"broken.gz is cut short or is not a gzip file .* delete it and get it again"):
        read_idx(path)


def test_a_type_that_idx_lacks_is_refused_and_the_old_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "array.idx"
    write_idx(path, np.arange(3, dtype=np.uint8))
    with pytest.raises(DataError, match="IDX cannot hold int64: convert the array to one of uint8, int8"):
        write_idx(path, np.arange(3))
    assert read_idx(path).tolist() == [0, 1, 2]
