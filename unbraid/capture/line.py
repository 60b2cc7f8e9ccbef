"""Lines: single calls of a captured computation, as data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor


@dataclass(frozen=True, slots=True)
class Name:
    """A value of the computation, or an item of one that is a tuple."""

    name: str
    item: int | None = None

    def __str__(self) -> str:
        return self.name if self.item is None else f"{self.name}[{self.item}]"


@dataclass(frozen=True, slots=True, eq=False)
class Constant:
    """A tensor that is the same each time."""

    tensor: Tensor


@dataclass(frozen=True, slots=True)
class Line:
    """One call.

    Attributes:
        function: What is called.
        args: Its arguments, with a `Name` or `Constant` for each tensor.
        kwargs: Its named arguments, likewise.
        result: What the result is called; None where it is a tensor that has a name, changed in place.
    """

    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    result: Name | None

    def uses(self) -> Iterator[str]:
        """Yields the names of the values that the call uses."""
        yield from names_in((self.args, list(self.kwargs.values())))


def names_in(value: Any) -> Iterator[str]:
    """Yields the names in an argument."""
    if isinstance(value, Name):
        yield value.name
    elif isinstance(value, tuple | list):
        for each in value:
            yield from names_in(each)
    elif isinstance(value, slice):
        yield from names_in((value.start, value.stop, value.step))
