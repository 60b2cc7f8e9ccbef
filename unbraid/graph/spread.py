"""Spread values: rows, and the axes over which a value varies beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

SAMPLES = -1
"""The axis of independent samples; the axis of the n-th latent is n."""


@dataclass(frozen=True, slots=True)
class Spread:
    """A value of every row, for every combination of the values along its axes.

    Enumerating a variable lays its values along an axis of its own. A value carries an axis only if it depends on it,
    so what does not depend on a variable is computed once; a module sees the axes flattened into rows.

    Args:
        tensor: Shape (*axes, rows, *event). The row dimension is 1 where all rows agree.
        axes: Which variables' axes the leading dimensions are, newest first.
    """

    tensor: Tensor
    axes: tuple[int, ...] = ()

    @property
    def event_shape(self) -> tuple[int, ...]:
        """The shape of one row's value."""
        return tuple(self.tensor.shape[len(self.axes) + 1 :])

    @property
    def rows(self) -> int:
        """The number of rows, 1 where all rows agree."""
        return self.tensor.shape[len(self.axes)]

    def align(self, axes: tuple[int, ...]) -> Tensor:
        """Returns the tensor with a dimension for each of `axes`, of size 1 where the value does not vary along it."""
        if axes == self.axes:
            return self.tensor
        sizes = iter(self.tensor.shape)
        leading = [next(sizes) if axis in self.axes else 1 for axis in axes]
        return self.tensor.reshape(*leading, *sizes)

    def select(self, index: Tensor) -> Spread:
        """Returns the rows named by `index`; a value on which all rows agree stays as it is."""
        if self.rows == 1:
            return self
        return Spread(self.tensor.index_select(len(self.axes), index), self.axes)


def union(spreads: Iterable[Spread]) -> tuple[int, ...]:
    """Returns the axes of several values together, newest first."""
    axes = {axis for spread in spreads for axis in spread.axes}
    return tuple(sorted(axes, reverse=True))


def spreads_in(value: Any) -> list[Spread]:
    """Lists the spread values inside nested arguments."""
    if isinstance(value, Spread):
        return [value]
    if isinstance(value, (tuple, list)):
        return [spread for part in value for spread in spreads_in(part)]
    if isinstance(value, Mapping):
        return spreads_in(tuple(value.values()))
    return []


def substitute(value: Any, replace: Callable[[Any], Any]) -> Any:
    """Rebuilds nested arguments with every leaf replaced by `replace(leaf)`."""
    if isinstance(value, tuple):
        return tuple(substitute(part, replace) for part in value)
    if isinstance(value, list):
        return [substitute(part, replace) for part in value]
    if isinstance(value, Mapping):
        return {key: substitute(part, replace) for key, part in value.items()}
    return replace(value)


def apply(function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], elementwise: bool) -> Spread:
    """Applies a function of rows to spread values.

    Args:
        function: Takes and returns tensors (rows, *event).
        args: Positional arguments, spread values and constants.
        kwargs: Keyword arguments.
        elementwise: Whether the function broadcasts, so that its arguments need not be repeated along axes.

    Returns:
        The result, spread over every axis of the arguments.
    """
    spreads = spreads_in((args, kwargs))
    axes = union(spreads)
    if elementwise and len({len(spread.event_shape) for spread in spreads}) == 1:

        def align(leaf: Any) -> Any:
            return leaf.align(axes) if isinstance(leaf, Spread) else leaf

        return Spread(function(*substitute(args, align), **substitute(kwargs, align)), axes)
    rows = max((spread.rows for spread in spreads), default=1)
    aligned = {id(spread): spread.align(axes) for spread in spreads}
    sizes = tuple(max(t.shape[i] for t in aligned.values()) for i in range(len(axes)))

    def flatten(leaf: Any) -> Any:
        if not isinstance(leaf, Spread):
            return leaf
        full = aligned[id(leaf)]
        event = leaf.event_shape
        if full.shape[: len(axes) + 1] != (*sizes, rows):
            full = full.expand(*sizes, rows, *event)
        return full.reshape(-1, *event) if axes else full

    result = function(*substitute(args, flatten), **substitute(kwargs, flatten))
    return Spread(result.reshape(*sizes, rows, *result.shape[1:]) if axes else result, axes)
