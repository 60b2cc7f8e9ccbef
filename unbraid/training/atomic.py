"""Whole files or none: a file is replaced at once, so a crash or a full disk leaves the one from before."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from pathlib import Path

from unbraid.errors import RunError

FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}


def write_atomically(path: Path, content: bytes) -> None:
    """Replaces the content of a file at once: a reader, or a crash, sees all of the old one or all of the new one.

    The content goes to a temporary file in the same folder and to the disk before it takes the file's name.

    Args:
        path: the file, which need not exist; its folder must.
        content: all of it.

    Raises:
        RunError: it could not be written (a full disk, no permission). The old file is intact, the temporary one gone.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise not_written(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
    _sync_folder(path.parent)


def not_written(path: Path, error: OSError) -> RunError:
    """Says why a file of a run could not be written, what is left of it, and what to do.

    Args:
        path: the file.
        error: what the operating system answered.

    Returns:
        The error, to be raised.
    """
    kept = f"The last {path.stem} is intact." if path.exists() else "Nothing was left behind."
    if error.errno in FULL:
        return RunError(
            f"the disk is full: {path} could not be written. {kept} Free some space in {path.parent}, then start the "
            "command again; a training goes on from its last checkpoint with `unbraid resume`, or fit(..., resume=True)"
        )
    return RunError(
        f"{path} could not be written: {error.strerror or error}. {kept} Is {path.parent} a folder you own?"
    )


def remove_leftovers(path: Path) -> None:
    """Removes what killed writers of a file left beside it; only for one who holds the lock of the run.

    Args:
        path: the file that was to be written.
    """
    for each in path.parent.glob(f".{path.name}.*.partial"):
        with contextlib.suppress(OSError):
            each.unlink()


def _sync_folder(folder: Path) -> None:
    """Brings the new name to the disk too, where the system can (Windows and some network file systems cannot)."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
