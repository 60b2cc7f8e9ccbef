"""Spread values: rows, and the axes over which a value varies beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from unbraid.errors import ModelError

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

    def vectors(self, axes: tuple[int, ...]) -> Tensor:
        """Returns the tensor aligned to `axes`, with its events flattened: (*axes, rows, n)."""
        aligned = self.align(axes)
        batch = len(axes) + 1
        return aligned if aligned.dim() == batch + 1 else aligned.flatten(batch)

    def select(self, index: Tensor) -> Spread:
        """Returns the rows named by `index`; a value on which all rows agree stays as it is."""
        if self.rows == 1:
            return self
        return Spread(self.tensor.index_select(len(self.axes), index), self.axes)


def union(spreads: Iterable[Spread]) -> tuple[int, ...]:
    """Returns the axes of several values together, newest first."""
    axes = {axis for spread in spreads for axis in spread.axes}
    return tuple(sorted(axes, reverse=True)) if axes else ()


def covers(shape: Sequence[int], other: Sequence[int]) -> bool:
    """Says whether a tensor of the other shape broadcasts to this one, at less cost than `torch.broadcast_shapes`."""
    within = zip(reversed(shape), reversed(other), strict=False)
    return len(other) <= len(shape) and all(size in (1, whole) for whole, size in within)


def apply(function: Callable[..., Any], values: Sequence[Spread], elementwise: bool = False) -> Spread:
    """Applies a function of rows to spread values.

    Args:
        function: Takes tensors (rows, *event) and returns one.
        values: Its arguments.
        elementwise: Whether the function broadcasts, so that its arguments need not be repeated along axes.

    Returns:
        The result, spread over every axis of the arguments.

    Raises:
        ModelError: If the function returns anything but one tensor.
    """
    if len(values) == 1 and not values[0].axes:
        return Spread(_one(function(values[0].tensor)))
    if not any(value.axes for value in values) and all(
        value.tensor.shape[0] == values[0].tensor.shape[0] for value in values
    ):
        return Spread(_one(function(*[value.tensor for value in values])))
    axes = union(values)
    if elementwise and len({len(value.event_shape) for value in values}) == 1:
        return Spread(_one(function(*[value.align(axes) for value in values])), axes)
    rows = max((value.rows for value in values), default=1)
    if not axes:
        return Spread(_one(function(*[_expanded(value.tensor, (rows,)) for value in values])))
    aligned = [value.align(axes) for value in values]
    sizes = tuple(max(each) for each in zip(*(tensor.shape[: len(axes)] for tensor in aligned), strict=True))
    flat = [_expanded(tensor, (*sizes, rows)).flatten(0, len(axes)) for tensor in aligned]
    result = _one(function(*flat))
    return Spread(result.unflatten(0, (*sizes, rows)), axes)


def apply_to_vectors(function: Callable[..., Tensor], values: Sequence[Spread]) -> Spread:
    """Applies a function of vectors (*batch_i, n_i) whose batches broadcast, to values with their events flattened."""
    axes = union(values)
    return Spread(function(*[value.vectors(axes) for value in values]), axes)


def _expanded(tensor: Tensor, leading: tuple[int, ...]) -> Tensor:
    """Repeats a tensor along leading dimensions where its size there is 1."""
    if tensor.shape[: len(leading)] == leading:
        return tensor
    return tensor.expand(*leading, *tensor.shape[len(leading) :])


def _one(result: Any) -> Tensor:
    """Refuses what is not one tensor."""
    if not isinstance(result, Tensor):
        raise ModelError(f"returns {type(result).__name__}, and a symbol is one tensor: use indexing, h[:, :8].")
    return result
