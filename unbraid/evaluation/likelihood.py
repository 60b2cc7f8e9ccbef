"""A bound on the log-likelihood of held-out rows, by importance sampling from the recognition model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import log, sqrt
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from unbraid.data.row_tensor import RowsLike, dtype_of, row_tensor
from unbraid.errors import DataError, OptionError


@runtime_checkable
class Weighted(Protocol):
    """What the bound asks of a model."""

    def log_weights(self, x: Tensor, samples: int, generator: torch.Generator, /) -> Tensor:
        """Returns (samples, rows): log p(x, v_s) - log q(v_s | x), with v_s drawn from q, and x the same for all s."""


@dataclass(frozen=True, slots=True)
class Bound:
    """A lower bound on the mean of log p(x) over rows.

    Args:
        bound: in nats a row.
        se: the standard error of `bound` over the rows, in nats.
        samples: the number of draws of the latents a row; more draws make the bound tighter.
        n: the number of rows.
    """

    bound: float
    se: float
    samples: int
    n: int

    def __str__(self) -> str:
        return f"log p(x) ≥ {self.bound:.2f} ± {self.se:.2f} nats a row ({self.samples} samples, {self.n} rows)"


def log_likelihood_bound(
    model: Weighted,
    images: RowsLike,
    samples: int = 100,
    *,
    generator: torch.Generator | None = None,
    row_budget: int = 20_000,
) -> Bound:
    """Bounds log p(x) from below by the importance-weighted average of S draws from q.

    mean over rows of log (1/S) sum_s p(x, v_s) / q(v_s | x), with v_s drawn from q(v | x). Its expectation never
    falls when S grows; with S = 1 it is the evidence lower bound.

    References:
        Burda, Grosse and Salakhutdinov, "Importance weighted autoencoders", 2016, Eq. 8.

    Args:
        model: the model, or anything with its `log_weights`.
        images: (rows, ...) of the model's data shape; two rows at least, for the standard error.
        samples: draws a row, S.
        generator: what the draws come from, on the device of the model; None: one with the seed 0.
        row_budget: at most this many rows times samples are in memory at once, but always one row with all its samples,
            for a grey row that is binarised must stay the same row. The draws, and with them the last digits of the
            bound, depend on it.

    Raises:
        DataError: there are fewer than two rows.
        OptionError: `samples` or `row_budget` is not positive.
    """
    images = row_tensor(images, dtype_of(model))
    _check(len(images), samples, row_budget)
    device = _device(model, images)
    source = torch.Generator(device).manual_seed(0) if generator is None else generator
    with torch.no_grad(), _evaluating(model):
        weights = [
            model.log_weights(rows.to(device), samples, source).double().logsumexp(0).cpu()
            for rows in images.split(max(1, row_budget // samples))
        ]
    rows = torch.cat(weights) - log(samples)
    return Bound(rows.mean().item(), rows.std().item() / sqrt(len(rows)), samples, len(rows))


def _check(rows: int, samples: int, row_budget: int) -> None:
    """Refuses what has no bound or no standard error."""
    if rows < 2:
        raise DataError(f"the bound needs at least two rows, for its standard error, got {rows}")
    for name, value in (("samples", samples), ("row_budget", row_budget)):
        if value < 1:
            raise OptionError(f"{name} must be at least 1, got {value}")


def _device(model: Weighted, images: Tensor) -> torch.device:
    """Returns the device of the model's parameters, or of the rows where it has none."""
    parameters = model.parameters() if isinstance(model, torch.nn.Module) else iter(())
    return next((parameter.device for parameter in parameters), images.device)


@contextmanager
def _evaluating(model: object) -> Iterator[None]:
    """Switches a module to evaluation (no dropout), and back."""
    if not isinstance(model, torch.nn.Module) or not model.training:
        yield
        return
    model.eval()
    try:
        yield
    finally:
        model.train()
