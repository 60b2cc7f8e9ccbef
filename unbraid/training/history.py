"""The history of a run: a line of JSON for each epoch, which a crash can cut but not spoil."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from unbraid.errors import RunError
from unbraid.training.atomic import not_written, write_atomically
from unbraid.training.json_file import plain

CLOCK = "clock"


class History:
    """The records of a run, in a file of one JSON object a line.

    A record has the number of its epoch under 'epoch', counted from 1, and all that depends on the speed of the machine
    under 'clock', so that two runs can be compared without it. Where there is a file already, its records are read; a
    last line that was cut when a process was killed is left out, and goes when the file is next written.

    Args:
        path: the file; None to keep the records in memory only.

    Raises:
        RunError: the file cannot be read, or a line other than the last is not a JSON object.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._records: list[dict[str, Any]] = []
        self._clean = True
        if path is not None and path.exists():
            self._load(path)

    @property
    def records(self) -> list[dict[str, Any]]:
        """The records as they stand in the file: what was not finite is None, tensors are numbers or lists."""
        return list(self._records)

    def append(self, record: Mapping[str, Any]) -> None:
        """Adds a record; it is on the disk when this returns.

        Args:
            record: values as `json_file.plain` takes them.

        Raises:
            RunError: it has no number of an epoch, a value is none that JSON can hold, or the file could not be written
                (it is as before).
        """
        line = _line(plain(record, "the record"))
        if _record(line) is None:
            raise RunError("a record must have the number of its epoch under 'epoch'")
        if self._path is not None:
            if not self._clean:
                self._rewrite(self._records)
            _append(self._path, line)
        self._records.append(json.loads(line))

    def truncate(self, epoch: int) -> None:
        """Removes the records of later epochs, to go on from a checkpoint of this one.

        Args:
            epoch: the last one whose record stays.

        Raises:
            RunError: the file could not be written (it is as before).
        """
        kept = [each for each in self._records if each["epoch"] <= epoch]
        if self._path is not None and (len(kept) < len(self._records) or not self._clean):
            self._rewrite(kept)
        self._records = kept

    def _load(self, path: Path) -> None:
        """Reads the file, and notes whether its end is as `append` leaves it."""
        try:
            content = path.read_bytes()
        except OSError as error:
            raise RunError(f"the history {path} cannot be read: {error.strerror or error}") from error
        lines = content.splitlines()
        for number, line in enumerate(lines, 1):
            record = _record(line)
            if record is not None:
                self._records.append(record)
            elif number < len(lines):
                raise RunError(f"line {number} of {path} is not a record of an epoch: undo what was changed by hand")
        self._clean = len(self._records) == len(lines) and (not content or content.endswith(b"\n"))

    def _rewrite(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Replaces the file at once."""
        if self._path is not None:
            write_atomically(self._path, b"".join(map(_line, records)))
        self._clean = True


def comparable(records: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Returns records without what depends on the speed of the machine.

    Example:
        >>> comparable([{"epoch": 1, "loss": 0.5, "clock": {"seconds": 3.2}}])
        [{'epoch': 1, 'loss': 0.5}]
    """
    return [{key: value for key, value in each.items() if key != CLOCK} for each in records]


def _line(record: Mapping[str, Any]) -> bytes:
    """Writes a record as a line."""
    return (json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _record(line: bytes) -> dict[str, Any] | None:
    """Reads a line; None where it is not a record."""
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) and isinstance(value.get("epoch"), int) else None


def _append(path: Path, line: bytes) -> None:
    """Adds a line to a file, all of it or nothing."""
    try:
        with path.open("ab", buffering=0) as file:
            size = file.tell()
            try:
                written = 0
                while written < len(line):
                    written += file.write(line[written:])
                os.fsync(file.fileno())
            except OSError:
                file.truncate(size)
                raise
    except OSError as error:
        raise not_written(path, error) from error
