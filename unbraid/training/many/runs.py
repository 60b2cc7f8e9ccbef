"""Finished runs of one training with several seeds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, stdev
from typing import Any, Literal

from unbraid.errors import DataError, UnbraidError, did_you_mean
from unbraid.training.run import Run

On = Literal["test", "validation"]
MEASURES = ("error", "rmse")
"""What a latent's error is called, the share of wrong labels or a distance."""


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """What `fit_many` returns: the runs that came to their end, in the order of their seeds, and those that did not.

    Attributes:
        runs: The finished runs.
        failed: Why a run failed, by seed.
        how: How they were trained: "batched", "processes" or "in_turn".
        because: Why so.
    """

    runs: Sequence[Run]
    failed: Mapping[int, UnbraidError] = field(default_factory=dict)
    how: str = "in_turn"
    because: str = ""

    def __len__(self) -> int:
        return len(self.runs)

    def __iter__(self) -> Iterator[Run]:
        return iter(self.runs)

    def __getitem__(self, number: int) -> Run:
        return self.runs[number]

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds of the finished runs."""
        return tuple(run.settings.seed for run in self.runs)

    def errors(self, name: str, on: On = "test") -> list[float]:
        """Returns a latent's error in each run: the share of wrong labels, or the root mean square of a real one.

        It is NaN of an item in a `Repeat` where the model predicts none of the labelled steps.

        Args:
            name: The latent.
            on: On the test rows, or on the watched rows after the last epoch.

        Raises:
            DataError: If it was not measured.
        """
        return [_error(_measured(run, on), name, on) for run in self.runs]

    def mean(self, name: str, on: On = "test") -> float:
        """Returns the mean of a latent's error over the runs; see `errors`."""
        return fmean(self.errors(name, on))

    def sd(self, name: str, on: On = "test") -> float:
        """Returns the standard deviation of a latent's error between runs (n - 1); NaN of a single run."""
        errors = self.errors(name, on)
        return stdev(errors) if len(errors) > 1 else math.nan

    def __str__(self) -> str:
        trained = f"{len(self.runs)} runs ({self.how}{': ' if self.because else ''}{self.because})"
        tested = [f"{name}: {self.mean(name):.4g} ± {self.sd(name):.2g}" for name in self.runs[0].test]
        lost = [f"seed {seed} failed: {error}" for seed, error in self.failed.items()]
        return "\n".join([trained, *tested, *lost])


def _measured(run: Run, on: On) -> Mapping[str, Any]:
    """Returns a run's errors by latent."""
    if on == "test":
        return run.test
    measured: Mapping[str, Any] = run.history[-1].get("validation", {}) if run.history else {}
    return measured


def _error(measured: Mapping[str, Any], name: str, on: On) -> float:
    """Takes a latent's error out of what was measured."""
    if name not in measured:
        what = did_you_mean(name, measured) if measured else f" No rows were given: fit_many(..., {on}=rows)."
        raise DataError(f"the error of {name!r} was not measured on {on} rows.{what}")
    return next((float(measured[name][key]) for key in MEASURES if key in measured[name]), math.nan)
