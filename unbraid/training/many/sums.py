"""Running means of the terms of several runs, without waiting for a device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor


class Sums:
    """The mean of each named term over the rows that it applied to, in every run."""

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, int] = {}

    def add(self, name: str, values: Tensor) -> None:
        """Takes one value a row, (runs, rows), into the means of a term."""
        total = values.detach().sum(1)
        self._sums[name] = self._sums[name] + total if name in self._sums else total
        self._counts[name] = self._counts.get(name, 0) + values.shape[1]

    def only(self, kept: Sequence[int]) -> None:
        """Forgets all but some of the runs."""
        self._sums = {name: total[list(kept)] for name, total in self._sums.items()}

    def __call__(self) -> Mapping[str, float]:
        """Returns the means over rows and runs."""
        return {name: float(total.mean()) / self._counts[name] for name, total in self._sums.items()}

    def of_each(self, runs: int) -> list[dict[str, float]]:
        """Returns the means over rows, run by run."""
        means = {name: (total / self._counts[name]).tolist() for name, total in self._sums.items()}
        return [{name: each[number] for name, each in means.items()} for number in range(runs)]
