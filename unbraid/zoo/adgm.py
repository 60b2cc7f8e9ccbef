"""ADGM: an auxiliary variable between the data and its label makes q expressive."""

from __future__ import annotations

from collections.abc import Mapping

import unbraid as ub
from unbraid.graph import Symbol


class ADGM(ub.Model):
    """The auxiliary deep generative model: the digit lies below a sampled latent, which the decoder scores.

    Source: Maaløe, Sønderby, Sønderby & Winther 2016, "Auxiliary deep generative models": p(digit) p(style) p(a | x,
    digit, style) p(x | digit, style). The auxiliary a leaves p of the data as in M2, and lets q of the rest, with a
    summed out, take any shape.

    Note:
        In the paper each network of q reads x itself; here they share one layer of features of it, which is computed
        once whatever is enumerated. `predict` takes a at its mean, where the paper averages over 100 samples.
    """

    hidden: int = 500
    size: int = 100

    def encode(self, x: Symbol) -> Mapping[str, Symbol]:
        """q(a | x) q(digit | x, a) q(style | x, a, digit)."""
        h = ub.mlp(self.hidden)(x)
        a = ub.Normal(self.size)(ub.mlp(self.hidden)(h))
        digit = ub.Categorical(10)(ub.mlp(self.hidden)(h, a))
        style = ub.Normal(self.size)(ub.mlp(self.hidden)(h, a, digit))
        return {"a": a, "digit": digit, "style": style}

    def decode(self, x: Symbol, digit: Symbol, style: Symbol) -> Mapping[str, Symbol]:
        """p(x | digit, style) and p(a | x, digit, style)."""
        likelihood = ub.Bernoulli(1, 28, 28)(ub.mlp(self.hidden, self.hidden)(digit, style))
        return {"x": likelihood, "a": ub.Normal(self.size)(ub.mlp(self.hidden)(x, digit, style))}
