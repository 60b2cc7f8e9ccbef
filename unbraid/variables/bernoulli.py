"""Bernoulli pixels, and what to do about grey ones."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Tensor
from torch.distributions import Bernoulli as TorchBernoulli
from torch.distributions import ContinuousBernoulli as TorchContinuousBernoulli
from torch.distributions import Distribution, Independent
from torch.nn import functional

from unbraid.errors import DataError, ModelError, did_you_mean
from unbraid.variables.constraint import Constraint, Real
from unbraid.variables.family import Family, Learnable, Parameters

Grey = Literal["binarise", "cross_entropy", "refuse"]


class Bernoulli(Family):
    """Black-and-white pixels: ``ub.Bernoulli(1, 28, 28)(digit, style)``.

    Args:
        *shape: The event shape.
        grey: What to do about values between 0 and 1. "binarise" draws every pixel as 0 or 1 with the grey value as
            its probability, anew each time (Salakhutdinov & Murray 2008): the likelihood of binary images.
            "cross_entropy" scores grey values with x log p + (1 - x) log(1 - p), which is no likelihood (its normaliser
            is missing): bounds on log p(x) are then not comparable; for a density of grey values take
            `ContinuousBernoulli`. "refuse" takes binary data only.
        logits: The log-odds of its own prior.
    """

    constraints: ClassVar[dict[str, Constraint]] = {"logits": Real()}
    reparameterised: ClassVar[bool] = False

    def __init__(self, *shape: int, grey: Grey = "binarise", logits: float | Tensor | Learnable = 0.0) -> None:
        if grey not in Grey.__args__:  # type: ignore[attr-defined]
            raise ModelError(f"Bernoulli: grey={grey!r} is unknown.{did_you_mean(str(grey), Grey.__args__)}")  # type: ignore[attr-defined]
        super().__init__(shape, logits=logits)
        self.grey = grey

    def distribution(self, **parameters: Tensor) -> Distribution:
        """Returns the torch distribution for `logits` (*batch, *event)."""
        pixels = TorchBernoulli(logits=parameters["logits"], validate_args=False)
        return Independent(pixels, len(self.event_shape), validate_args=False)

    def draw(self, parameters: Parameters, shape: tuple[int, ...], generator: torch.Generator | None) -> Tensor:
        """Draws zeros and ones; no gradient passes through a draw."""
        probs = torch.sigmoid(parameters["logits"].detach()).expand(*shape, *self.event_shape)
        return torch.bernoulli(probs, generator=generator)

    def most_probable(self, parameters: Parameters) -> Tensor:
        """Returns the probability of each pixel, which is its mean."""
        return torch.sigmoid(parameters["logits"])

    def log_prob(self, parameters: Parameters, value: Tensor) -> Tensor:
        """Scores pixels: sum of x l - log(1 + e^l) for log-odds l, in nats."""
        logits = parameters["logits"]
        dims = tuple(range(-len(self.event_shape), 0))
        return (value * logits - functional.softplus(logits)).sum(dims)

    def target(self, x: Tensor, generator: torch.Generator | None) -> Tensor:
        """Returns the pixels that are scored: a fresh binary draw of grey ones under ``grey="binarise"``."""
        if self.grey != "binarise":
            return x
        return (torch.rand(x.shape, generator=generator, dtype=x.dtype, device=x.device) < x).to(x.dtype)

    def check_data(self, x: Tensor) -> None:
        """Raises DataError for values outside [0, 1], and for grey ones under ``grey="refuse"``."""
        super().check_data(x)
        _check_unit_interval(x, str(self))
        if self.grey == "refuse" and bool(((x > 0) & (x < 1)).any()):
            raise DataError(
                f"x has grey values and the likelihood {self} takes 0 and 1 only: choose grey='binarise' or "
                "grey='cross_entropy', or ub.ContinuousBernoulli."
            )


class ContinuousBernoulli(Family):
    """Grey pixels in [0, 1] with a proper density: ``ub.ContinuousBernoulli(1, 28, 28)(h)``.

    Source: Loaiza-Ganem & Cunningham 2019.

    Args:
        *shape: The event shape.
        logits: The log-odds parameter of its own prior.
    """

    constraints: ClassVar[dict[str, Constraint]] = {"logits": Real()}

    def __init__(self, *shape: int, logits: float | Tensor | Learnable = 0.0) -> None:
        super().__init__(shape, logits=logits)

    def distribution(self, **parameters: Tensor) -> Distribution:
        """Returns the torch distribution for `logits` (*batch, *event)."""
        pixels = TorchContinuousBernoulli(logits=parameters["logits"], validate_args=False)
        return Independent(pixels, len(self.event_shape), validate_args=False)

    def draw(self, parameters: Parameters, shape: tuple[int, ...], generator: torch.Generator | None) -> Tensor:
        """Draws by inverting the distribution function at uniform noise, differentiably."""
        logits = parameters["logits"]
        noise = torch.rand(*shape, *self.event_shape, generator=generator, dtype=logits.dtype, device=logits.device)
        pixels = TorchContinuousBernoulli(logits=logits.expand(noise.shape), validate_args=False)
        drawn: Tensor = pixels.icdf(noise)
        return drawn

    def most_probable(self, parameters: Parameters) -> Tensor:
        """Returns the mean of each pixel."""
        return TorchContinuousBernoulli(logits=parameters["logits"], validate_args=False).mean

    def check_data(self, x: Tensor) -> None:
        """Raises DataError for values outside [0, 1]."""
        super().check_data(x)
        _check_unit_interval(x, str(self))


def _check_unit_interval(x: Tensor, likelihood: str) -> None:
    low, high = float(x.min()), float(x.max())
    if low < 0 or high > 1:
        hint = " Bytes? Divide by 255." if 1 < high <= 255 and low >= 0 else " Rescale x, or choose ub.Normal."
        raise DataError(
            f"x has values from {low:.4g} to {high:.4g}; the likelihood {likelihood} takes values from 0 to 1.{hint}"
        )
