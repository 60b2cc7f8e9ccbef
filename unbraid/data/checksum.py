"""SHA-256 checksums: the proof that a file is the published one."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from unbraid.errors import ChecksumError

_BLOCK = 1 << 20


def sha256_of_bytes(content: bytes) -> str:
    """Returns the SHA-256 of bytes, as 64 hexadecimal digits.

    Example:
        >>> sha256_of_bytes(b"abc")[:16]
        'ba7816bf8f01cfea'
    """
    return hashlib.sha256(content).hexdigest()


def sha256_of_file(path: str | os.PathLike[str]) -> str:
    """Returns the SHA-256 of a file as it lies on disk, as 64 hexadecimal digits.

    Raises:
        OSError: the file cannot be read.
    """
    digest = hashlib.sha256()
    with Path(path).open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def verify(content: bytes, expected: str, where: str | os.PathLike[str], remedy: str) -> None:
    """Refuses content whose SHA-256 is not the expected one.

    Args:
        content: the bytes to check; of a compressed file whose compression may vary, the uncompressed ones.
        expected: 64 hexadecimal digits.
        where: the file that the content came from, for the message.
        remedy: what the reader of the message should do.

    Raises:
        ChecksumError: the content is another; the message gives the file, both checksums and the remedy.

    Example:
        >>> verify(b"abc", sha256_of_bytes(b"abc"), "abc.txt", "write it again")
    """
    found = sha256_of_bytes(content)
    if found != expected:
        raise ChecksumError(
            f"{os.fspath(where)} does not hold what was published: the SHA-256 of its content should be {expected}, "
            f"but is {found}. What to do: {remedy}"
        )
