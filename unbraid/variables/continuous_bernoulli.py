"""Grey pixels with a proper density."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.distributions import ContinuousBernoulli as TorchContinuousBernoulli
from torch.distributions import Distribution, Independent, register_kl

from unbraid.variables.constraint import Constraint, Real
from unbraid.variables.family import Family, Learnable, Parameters
from unbraid.variables.ranges import check_unit_interval, refuse_label


class ContinuousBernoulli(Family):
    """Grey pixels in [0, 1] with a proper density: ``ub.ContinuousBernoulli(1, 28, 28)(h)``.

    Source: Loaiza-Ganem & Cunningham 2019.

    Args:
        *shape: The event shape.
        logits: The log-odds parameter of its own prior.
    """

    constraints: Mapping[str, Constraint] = {"logits": Real()}
    support = "unit"

    def __init__(self, *shape: int, logits: float | Tensor | Learnable = 0.0) -> None:
        super().__init__(shape, logits=logits)

    def distribution(self, **parameters: Tensor) -> Distribution:
        """Returns the distribution for `logits` (*batch, *event)."""
        return Independent(_Pixels(parameters["logits"]), len(self.event_shape), validate_args=False)

    def draw(self, parameters: Parameters, shape: tuple[int, ...], generator: torch.Generator | None) -> Tensor:
        """Draws by inverting the distribution function at uniform noise, differentiably."""
        logits = parameters["logits"]
        noise = torch.rand(*shape, *self.event_shape, generator=generator, dtype=logits.dtype, device=logits.device)
        return _Pixels(logits.expand(noise.shape)).icdf(noise)

    def most_probable(self, parameters: Parameters) -> Tensor:
        """Returns the mean of each pixel."""
        return _Pixels(parameters["logits"]).mean

    def check_labels(self, name: str, labels: Tensor) -> None:
        """Raises DataError for labels outside [0, 1]."""
        refuse_label(name, self, labels, (labels < 0) | (labels > 1), "its values lie from 0 to 1")

    def check_data(self, x: Tensor) -> None:
        """Raises DataError for values outside [0, 1]."""
        super().check_data(x)
        check_unit_interval(x, str(self))


class _Pixels(TorchContinuousBernoulli):
    """Torch's distribution for any log-odds l: its own cuts probabilities off at the ends, and is no density there.

        log p(x) = x l - A(l),  A(l) = log((exp(l) - 1) / l)

    With a = |l|, near 0 series take the place of what cancels. Where a formula is for l > 0 only, its mirror image
    serves for l < 0.
    """

    def __init__(self, logits: Tensor) -> None:
        super().__init__(logits=logits, validate_args=False)

    def expand(self, batch_shape: Any, _instance: Any = None) -> _Pixels:
        """Returns the distribution with its parameters repeated to a batch shape."""
        return _Pixels(self.logits.expand(batch_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        """Returns the log-density of each pixel."""
        return (value - 0.5) * self.logits - self.spread()

    def spread(self) -> Tensor:
        """Returns A(l) - l / 2 = log(2 sinh(a / 2) / a), which is even."""
        near, a = _near_zero(self.logits, 0.5)
        square = self.logits**2
        series = square / 24 * (1 - square / 120 * (1 - square / 63))
        return torch.where(near, series, a / 2 + torch.log1p(-torch.exp(-a)) - a.log())

    @property
    def mean(self) -> Tensor:
        """A'(l): 1 / (1 - exp(-l)) - 1 / l."""
        near, a = _near_zero(self.logits, 0.5)
        square = self.logits**2
        series = 0.5 + self.logits / 12 * (1 - square / 60 * (1 - square / 42))
        above = -1 / torch.expm1(-a) - 1 / a
        return torch.where(near, series, torch.where(self.logits > 0, above, 1 - above))

    def icdf(self, value: Tensor) -> Tensor:
        """Inverts the distribution function: log(1 + u (exp(l) - 1)) / l."""
        near, a = _near_zero(self.logits, 0.02)
        series = value + self.logits * value * (1 - value) * (0.5 + self.logits * (1 - 2 * value) / 6)
        positive = self.logits > 0
        share = torch.where(positive, value, 1 - value)
        above = 1 + torch.log(share + (1 - share) * torch.exp(-a)) / a
        return torch.where(near, series, torch.where(positive, above, 1 - above))

    def entropy(self) -> Tensor:
        """Returns -E[log p(x)]."""
        return self.spread() - (self.mean - 0.5) * self.logits


@register_kl(_Pixels, _Pixels)  # type: ignore[untyped-decorator]
def _kl(p: _Pixels, q: _Pixels) -> Tensor:
    """Returns KL(p || q) of an exponential family: E_p[x] (l_p - l_q) - A(l_p) + A(l_q)."""
    return (p.mean - 0.5) * (p.logits - q.logits) - p.spread() + q.spread()


def _near_zero(logits: Tensor, border: float) -> tuple[Tensor, Tensor]:
    """Says where log-odds are near 0, and returns how far they are from it, or the border where they are nearer."""
    a = logits.abs()
    return a < border, a.clamp_min(border)
