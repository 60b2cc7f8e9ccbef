"""Running means of named terms, without waiting for a device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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
        return means_of([self.totals()])

    def totals(self) -> dict[str, tuple[float, int]]:
        """Returns the sum of each term, and of how many values it is."""
        return {name: (float(total), self._counts[name]) for name, total in self._sums.items()}


def means_of(totals: Sequence[Mapping[str, tuple[float, int]]]) -> dict[str, float]:
    """Returns the means of terms of which several processes have each seen a part.

    Example:
        >>> means_of([{"loss": (3.0, 2)}, {"loss": (1.0, 2), "KL(style)": (5.0, 1)}])
        {'loss': 1.0, 'KL(style)': 5.0}
    """
    names = dict.fromkeys(name for each in totals for name in each)
    parts = {name: [each[name] for each in totals if name in each] for name in names}
    return {name: sum(total for total, _ in part) / sum(count for _, count in part) for name, part in parts.items()}
