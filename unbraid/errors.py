"""The exceptions of unbraid: each is also the built-in exception that a caller would expect."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class UnbraidError(Exception):
    """The base of every error that unbraid raises on purpose."""


class ModelError(UnbraidError, ValueError):
    """The program of a model is wrong: its variables, its shapes or its factorisation."""


class DataError(UnbraidError, ValueError):
    """Rows or labels are wrong, or a data file cannot be read."""


class DataNotFoundError(DataError, FileNotFoundError):
    """A data set is in none of the places where it was looked for."""


class ChecksumError(DataError):
    """The content of a data file is not what was published."""


class RunError(UnbraidError, ValueError):
    """A run folder or a checkpoint is wrong."""


class TrainingError(UnbraidError, FloatingPointError):
    """The loss is not finite."""


class ProcessError(UnbraidError, ConnectionError):
    """Another process of a training has ended, or does not answer."""


class OptionError(UnbraidError, ValueError):
    """An option or a setting is unknown, or has a value that it cannot have."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Says which known name was probably meant: the end of an error message.

    Args:
        name: the name that was not found.
        known: the names that exist.

    Returns:
        A sentence that starts with a space: the closest name, or all known names where none is close; the empty
        text where no name is known.

    Example:
        >>> did_you_mean("digitt", ["digit", "style"])
        " Did you mean 'digit'?"
        >>> did_you_mean("colour", ["digit", "style"])
        " Known: 'digit', 'style'."
    """
    names = list(known)
    close = get_close_matches(name, names, n=1)
    if close:
        return f" Did you mean '{close[0]}'?"
    return f" Known: {', '.join(map(repr, names))}." if names else ""
