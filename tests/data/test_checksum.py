"""Checksums: the published vector of SHA-256, and the error for another content."""

from pathlib import Path

import pytest

from unbraid.data.checksum import sha256_of_bytes, sha256_of_file, verify
from unbraid.errors import ChecksumError

ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-4, the example of one block


def test_bytes_and_file_have_the_published_checksum(tmp_path: Path) -> None:
    path = tmp_path / "abc"
    path.write_bytes(b"abc")
    assert sha256_of_bytes(b"abc") == ABC
    assert sha256_of_file(path) == ABC


def test_another_content_is_refused() -> None:
    verify(b"abc", ABC, "abc.bin", "fetch it again")
    found = sha256_of_bytes(b"abd")
    with pytest.raises(ChecksumError, match=rf"abc.bin .* should be {ABC}, but is {found}.*fetch it again"):
        verify(b"abd", ABC, "abc.bin", "fetch it again")
