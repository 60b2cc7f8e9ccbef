"""Running means of named terms, without waiting for a device."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor


class Means:
    """The mean of each named term over the rows that it applied to."""

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, int] = {}

    def add(self, name: str, values: Tensor) -> None:
        """Takes one value a row, (rows,), into the mean of a term."""
        total = values.detach().sum()
        self._sums[name] = self._sums[name] + total if name in self._sums else total
        self._counts[name] = self._counts.get(name, 0) + values.numel()

    def __call__(self) -> Mapping[str, float]:
        """Returns the means."""
        return {name: float(total) / self._counts[name] for name, total in self._sums.items()}
