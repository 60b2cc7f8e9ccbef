"""ADGM: an auxiliary variable between the data and its label makes q expressive."""

from __future__ import annotations

from collections.abc import Mapping

import unbraid as ub
from unbraid.graph import Symbol


class ADGM(ub.Model):
    """The auxiliary deep generative model: the digit lies below a sampled latent, which the decoder scores.

    Source: Maaløe, Sønderby, Sønderby & Winther 2016, "Auxiliary deep generative models", Eqs. 8 to 12.

    Note:
        In the paper all of q's networks read x itself; here they share one layer of features of it, which is computed
        once whatever is enumerated.
    """

    hidden: int = 500
    size: int = 100

    def encode(self, x: Symbol) -> Mapping[str, Symbol]:
        """q(a | x) q(digit | a, x) q(style | a, digit, x)."""
        h = ub.mlp(self.hidden)(x)
        a = ub.Normal(self.size)(ub.mlp(self.hidden)(h))
        digit = ub.Categorical(10)(ub.mlp(self.hidden)(a, h))
        style = ub.Normal(self.size)(ub.mlp(self.hidden)(a, digit, h))
        return {"a": a, "digit": digit, "style": style}

    def decode(self, x: Symbol, digit: Symbol, style: Symbol) -> Mapping[str, Symbol]:
        """p(x | digit, style) and p(a | x, digit, style)."""
        likelihood = ub.Bernoulli(1, 28, 28)(ub.mlp(self.hidden, self.hidden)(digit, style))
        return {"x": likelihood, "a": ub.Normal(self.size)(ub.mlp(self.hidden)(x, digit, style))}
