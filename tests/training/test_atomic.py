"""A file is the old or the new one, whatever happens to its writer."""

import errno
import os
from pathlib import Path

import pytest

from unbraid.errors import RunError
from unbraid.training.atomic import remove_leftovers, write_atomically


def test_replaces_a_file_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "metrics.json"
    for content in (b"old", b"", b"new"):
        write_atomically(path, content)
        assert path.read_bytes() == content
        assert list(tmp_path.iterdir()) == [path]


def test_a_file_may_be_read_by_whom_the_user_mask_allows(tmp_path: Path) -> None:
    write_atomically(tmp_path / "atomic", b"")
    (tmp_path / "plain").write_bytes(b"")
    assert (tmp_path / "atomic").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("where", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_file_and_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    path = tmp_path / "checkpoint.safetensors"
    write_atomically(path, b"old")

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, where, full)
        patched.setattr(Path, "replace", full)
        with pytest.raises(RunError, match=r"disk is full.*last checkpoint is intact.*Free some space.*unbraid resume"):
            write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        RunError, match=r"gone/config\.json could not be written: No such file.*Nothing was left behind"
    ):
        write_atomically(tmp_path / "gone" / "config.json", b"")


def test_an_interrupted_writer_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(tmp_path / "history.jsonl", b"new")
    assert not list(tmp_path.iterdir())


def test_leftovers_of_killed_writers_are_removed_and_nothing_else(tmp_path: Path) -> None:
    path, other = tmp_path / "checkpoint.safetensors", tmp_path / ".metrics.json.12345678.partial"
    for each in (path, other, tmp_path / ".checkpoint.safetensors.12345678.partial"):
        each.write_bytes(b"")
    remove_leftovers(path)
    assert set(tmp_path.iterdir()) == {path, other}
