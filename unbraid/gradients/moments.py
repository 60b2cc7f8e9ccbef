"""Moments of gradients: what repeated draws say about their mean, its bias and their spread."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, slots=True)
class Draws:
    """Repeated draws of a gradient, kept as the means of a few subsets of them, so that memory does not grow.

    Attributes:
        means: The means of the subsets, by group of parameters: (subsets, parameters).
        squares: The squared length of each draw, by group: (repeats,).
        inner: The inner product of each draw with a reference, by group: (repeats,); zeros without one.
        milliseconds: The time of one draw, forward and backward: the median.
    """

    means: dict[str, Tensor]
    squares: dict[str, Tensor]
    inner: dict[str, Tensor]
    milliseconds: float

    def mean(self) -> dict[str, Tensor]:
        """Returns the mean of all draws, by group of parameters."""
        return {name: each.mean(0) for name, each in self.means.items()}


@dataclass(frozen=True, slots=True)
class Moments:
    """Inner products of an estimator's gradients g and of the exact ones e, between subsets of independent draws.

    Products of different subsets are free of the noise's own length: their mean estimates the product of the
    expectations without bias (a U-statistic). Moments of groups of parameters add up to those of all.

    Attributes:
        bias: (g - e) . (g - e), (subsets, subsets).
        own: g . g, (subsets, subsets).
        exact: e . e, (subsets, subsets).
        cross: g . e, (subsets, subsets).
        squares: g . g of single draws, (repeats,).
        inner: g . mean of e, of single draws, (repeats,).
    """

    bias: Tensor
    own: Tensor
    exact: Tensor
    cross: Tensor
    squares: Tensor
    inner: Tensor

    @classmethod
    def of(cls, draws: Draws, reference: Draws, group: str) -> Moments:
        """Returns the moments of one group of parameters."""
        own, exact = draws.means[group].double(), reference.means[group].double()
        apart = own - exact
        products = (apart @ apart.T, own @ own.T, exact @ exact.T, own @ exact.T)
        return cls(*products, draws.squares[group], draws.inner[group])

    def __add__(self, other: Moments) -> Moments:
        """Returns the moments of two groups together."""
        return Moments(
            self.bias + other.bias, self.own + other.own, self.exact + other.exact, self.cross + other.cross,
            self.squares + other.squares, self.inner + other.inner,
        )  # fmt: skip

    def squared_bias(self) -> tuple[float, float]:
        """Returns |E g - E e|^2 / |E e|^2 and its standard error, by the jackknife over the subsets."""
        number = len(self.bias)
        rest = [[other for other in range(number) if other != each] for each in range(number)]
        left_out = [_ratio(between(self.bias[r][:, r]), between(self.exact[r][:, r])) for r in rest]
        centre = sum(left_out) / number
        error = math.sqrt((number - 1) / number * sum((each - centre) ** 2 for each in left_out))
        return _ratio(between(self.bias), between(self.exact)), error

    def deviation(self) -> float:
        """Returns the standard deviation of one draw, the root of E |g - E g|^2, over |E e|."""
        variance = float(self.squares.mean()) - between(self.own)
        return math.sqrt(max(_ratio(variance, between(self.exact)), 0.0))

    def cosine(self) -> float:
        """Returns the cosine between E g and E e."""
        lengths = between(self.own) * between(self.exact)
        return min(1.0, _ratio(float(self.cross.mean()), math.sqrt(lengths))) if lengths > 0 else math.nan

    def cosine_of_one(self) -> float:
        """Returns the mean cosine between one draw and the mean of e."""
        lengths = (self.squares * self.exact.mean()).sqrt()
        return float((self.inner / lengths).mean())

    def error_of_exact(self) -> float:
        """Returns the standard error of the mean of e, as a length, over |E e|."""
        noise = float(self.exact.mean()) - between(self.exact)
        return math.sqrt(max(_ratio(noise, between(self.exact)), 0.0))


def between(products: Tensor) -> float:
    """Returns the mean of the products of different subsets, (subsets, subsets)."""
    number = len(products)
    return float((products.sum() - products.trace()) / (number * (number - 1)))


def _ratio(value: float, scale: float) -> float:
    return value / scale if scale > 0 else math.nan
