"""Progress of several runs, shown once."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from unbraid.training.progress import Progress, Terms

Epoch = tuple[Mapping[str, float], float | None, int]
"""What is known when one run's epoch ends: the terms, the error on watched rows, and how many rows it took."""


class Told(Progress):
    """Shows nothing, and tells of each epoch that ends.

    Args:
        epochs: How many the run will have had at its end.
        tell: Is told.
    """

    def __init__(self, epochs: int, tell: Callable[[Epoch], None]) -> None:
        super().__init__(epochs, style="quiet")
        self._tell, self._took = tell, 0

    def step(self, rows: int, terms: Terms) -> None:
        """Counts the rows of a step."""
        self._took += rows

    def end(self, terms: Mapping[str, float], validation_error: float | None = None) -> None:
        """Tells of an epoch."""
        took, self._took = self._took, 0
        self._tell((terms, validation_error, took))


class AllRuns:
    """Shows the epochs of all runs in one bar, in the order in which they end.

    Args:
        bar: The bar, for as many epochs as all runs have together.
    """

    def __init__(self, bar: Progress) -> None:
        self._bar, self._done = bar, 0
        bar.begin(1, 1)

    def __call__(self, epoch: Epoch) -> None:
        """Counts an epoch."""
        terms, error, rows = epoch
        self._bar.step(rows, lambda: terms)
        self._bar.end(terms, error)
        self._done += 1
        self._bar.begin(self._done + 1, 1)
