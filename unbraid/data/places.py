"""Where a data set is looked for."""

from __future__ import annotations

import os
from pathlib import Path


def places(root: str | os.PathLike[str] | None, name: str) -> list[Path]:
    """Lists the folders that may hold a data set, in the order of search.

    Args:
        root: the folder that the user gave; None for the one that the environment variable `UNBRAID_DATA` names.
        name: the sub-folder that a data set has where several share a folder.

    Returns:
        The two folders; none where neither the user nor the environment names one.

    Example:
        >>> [place.as_posix() for place in places("data", "svhn")]
        ['data', 'data/svhn']
    """
    if root is not None:
        given = Path(root).expanduser()
        return [given, given / name]
    named = os.environ.get("UNBRAID_DATA")
    folder = Path(named).expanduser() if named else None
    return [folder / name, folder] if folder else []


def looked_in(folders: list[Path], lacking: str) -> str:
    """Says where a data set was looked for, a line a folder: the start of an error message.

    Args:
        folders: those that were looked in.
        lacking: what was not found in those that exist.
    """
    if not folders:
        return " No folder was named: give root=..., or set the environment variable UNBRAID_DATA."
    return " Looked in:" + "".join(
        f"\n  {place}: {f'lacks {lacking}' if place.is_dir() else 'no such folder'}" for place in folders
    )
