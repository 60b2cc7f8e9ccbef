"""The IDX format of the MNIST files: a magic number, the sizes of the axes, the numbers, all big-endian.

References:
    LeCun, Cortes and Burges, "The MNIST database of handwritten digits", 1998, section "File formats".
"""

from __future__ import annotations

import gzip
import math
import os
import secrets
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unbraid.errors import DataError

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_CODES = {np.dtype(name): code for code, name in _TYPES.items()}


def read_content(path: str | os.PathLike[str]) -> bytes:
    """Reads a whole file, decompressed where its name ends in `.gz`.

    Raises:
        DataError: the gzip file is cut short or is not gzip.
        OSError: the file cannot be opened.
    """
    content = Path(path).read_bytes()
    if Path(path).suffix != ".gz":
        return content
    try:
        return gzip.decompress(content)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path} is cut short or is not a gzip file ({error}): delete it and get it again") from error


def read_idx(path: str | os.PathLike[str]) -> NDArray[Any]:
    """Reads an IDX file, plain or gzipped (a name that ends in `.gz`).

    Returns:
        The numbers in the shape that the file states, in this machine's byte order; it may be written to.

    Raises:
        DataError: the file is not IDX, is cut short or has bytes left over.
        OSError: the file cannot be opened.
    """
    return parse_idx(read_content(path), path)


def parse_idx(content: bytes, where: str | os.PathLike[str]) -> NDArray[Any]:
    """Reads the uncompressed content of an IDX file.

    Args:
        content: the bytes of the file.
        where: the file that they came from, for messages.

    Returns:
        The numbers in the shape that the content states.

    Raises:
        DataError: the content is not IDX, is cut short or has bytes left over.

    Example:
        >>> parse_idx(encode_idx(np.array([[1, 2, 3]], dtype=np.uint8)), "three.idx")
        array([[1, 2, 3]], dtype=uint8)
    """
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in _TYPES:
        raise DataError(
            f"{where} is not an IDX file: it starts with {content[:4].hex(' ') or 'nothing'}, expected 00 00, a type "
            f"({', '.join(f'{code:02x}' for code in _TYPES)}) and the number of axes"
        )
    dtype, axes = np.dtype(_TYPES[content[2]]), content[3]
    start = 4 + 4 * axes
    if len(content) < start:
        raise DataError(f"{where} is cut short: it ends inside its header. Delete it and get it again")
    shape = struct.unpack(f">{axes}I", content[4:start])
    expected = start + math.prod(shape) * dtype.itemsize
    if len(content) != expected:
        fault = "cut short" if len(content) < expected else "too long"
        raise DataError(
            f"{where} is {fault}: its header states the shape {shape}, which takes {expected} bytes, "
            f"but it has {len(content)}. Delete it and get it again"
        )
    return np.frombuffer(content, dtype, offset=start).reshape(shape).astype(dtype.newbyteorder("="))


def encode_idx(array: NDArray[Any]) -> bytes:
    """Writes an array as the uncompressed content of an IDX file.

    Args:
        array: of bytes (signed or not), int16, int32, float32 or float64; at most 255 axes.

    Raises:
        DataError: IDX has no such type.
    """
    big_endian = array.dtype.newbyteorder(">")
    if big_endian not in _CODES:
        known = ", ".join(dtype.newbyteorder("=").name for dtype in _CODES)
        raise DataError(f"IDX cannot hold {array.dtype}: convert the array to one of {known}")
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, _CODES[big_endian], array.ndim, *array.shape)
    return header + array.astype(big_endian).tobytes()


def write_idx(path: str | os.PathLike[str], array: NDArray[Any]) -> None:
    """Writes an IDX file, gzipped where its name ends in `.gz`; a reader sees the whole new file or the one before.

    Raises:
        DataError: IDX has no such type.
        OSError: the file cannot be written.
    """
    content, target = encode_idx(array), Path(path)
    if target.suffix == ".gz":
        content = gzip.compress(content, compresslevel=6, mtime=0)
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        part.write_bytes(content)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
