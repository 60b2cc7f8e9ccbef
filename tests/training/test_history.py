"""A history keeps its records through kills, full disks and resumes."""

import errno
import os
from pathlib import Path

import pytest
import torch

from unbraid.errors import RunError
from unbraid.training.history import History, comparable


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A history of three epochs."""
    path = tmp_path / "history.jsonl"
    history = History(path)
    for epoch in (1, 2, 3):
        history.append({"epoch": epoch, "terms": {"log p(x)": -80.5 / epoch}, "clock": {"seconds": 2.5}})
    return path


def test_records_are_read_as_they_were_added(path: Path) -> None:
    history = History(path)
    history.append({"epoch": 4, "loss": float("nan"), "error": torch.tensor(0.5), "clock": {}})
    assert History(path).records == history.records
    assert history.records[-1] == {"epoch": 4, "loss": None, "error": 0.5, "clock": {}}
    assert len(path.read_text().splitlines()) == 4


def test_a_history_may_be_in_memory_only() -> None:
    history = History()
    history.append({"epoch": 1})
    history.append({"epoch": 2})
    history.truncate(1)
    assert history.records == [{"epoch": 1}]


def test_every_cut_of_the_last_line_is_left_out_and_mended(path: Path) -> None:
    content = path.read_bytes()
    start = content[:-1].rindex(b"\n") + 1
    for length in range(start, len(content)):
        path.write_bytes(content[:length])
        history = History(path)
        whole = length == len(content) - 1  # only the end of the line is lacking
        assert [each["epoch"] for each in history.records] == ([1, 2, 3] if whole else [1, 2])
        history.append({"epoch": 9})
        assert [each["epoch"] for each in History(path).records] == ([1, 2, 3, 9] if whole else [1, 2, 9])


def test_zeros_after_a_power_cut_are_left_out(path: Path) -> None:
    path.write_bytes(path.read_bytes() + bytes(40))
    history = History(path)
    history.truncate(3)
    assert path.read_bytes().count(b"\0") == 0
    assert len(History(path).records) == 3


def test_a_broken_line_within_is_refused(path: Path) -> None:
    content = path.read_text()
    lines = content.splitlines(keepends=True)
    for wrong in ("{\n", "[1]\n", "{}\n", "\n"):
        path.write_text(lines[0] + wrong + lines[2])
        with pytest.raises(RunError, match=r"line 2 of .*history\.jsonl is not a record"):
            History(path)
    path.write_text(content)
    assert len(History(path).records) == 3


def test_a_resume_removes_later_epochs(path: Path) -> None:
    first = path.read_bytes().splitlines(keepends=True)
    history = History(path)
    history.truncate(3)
    assert path.read_bytes() == b"".join(first)
    history.truncate(1)
    assert [each["epoch"] for each in history.records] == [1]
    assert path.read_bytes() == first[0]
    history.append({"epoch": 2})
    assert [each["epoch"] for each in History(path).records] == [1, 2]
    history.truncate(0)
    assert path.read_bytes() == b""
    assert History(path).records == []


def test_runs_are_compared_without_their_clock() -> None:
    slow = [{"epoch": 1, "loss": 0.5, "clock": {"seconds": 9}}]
    fast = [{"epoch": 1, "loss": 0.5, "clock": {"seconds": 3}}]
    assert comparable(slow) == comparable(fast) == [{"epoch": 1, "loss": 0.5}]
    assert "clock" in slow[0]


def test_a_record_that_cannot_be_read_again_is_refused(path: Path) -> None:
    before, history = path.read_bytes(), History(path)
    with pytest.raises(RunError, match="must have the number of its epoch"):
        history.append({"loss": 0.5})
    with pytest.raises(RunError, match=r"the record\['terms'\] is a set"):
        history.append({"epoch": 4, "terms": {1}})
    assert path.read_bytes() == before
    history.append({"epoch": 4, "terms": [1]})
    assert len(history.records) == 4


def test_a_full_disk_leaves_the_history(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, history = path.read_bytes(), History(path)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(RunError, match=r"disk is full: .*The last history is intact"):
            history.append({"epoch": 4})
        with pytest.raises(RunError, match=r"disk is full: .*The last history is intact"):
            history.truncate(1)
    assert path.read_bytes() == before
    assert len(history.records) == 3
    history.append({"epoch": 4})
    assert len(History(path).records) == 4


def test_a_history_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="cannot be read: Is a directory"):
        History(tmp_path)
    assert History(tmp_path / "history.jsonl").records == []
