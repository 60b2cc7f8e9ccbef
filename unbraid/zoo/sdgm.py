"""SDGM: an auxiliary variable that the data skip to."""

from __future__ import annotations

from collections.abc import Mapping

import unbraid as ub
from unbraid.graph import Symbol


class SDGM(ub.Model):
    """The skip deep generative model: as ADGM, and x depends on the auxiliary variable too.

    Source: Maaløe, Sønderby, Sønderby & Winther 2016, "Auxiliary deep generative models":
    p(digit) p(style) p(a | digit, style) p(x | a, digit, style).

    Note:
        In the paper each network of q reads x itself; here they share one layer of features of it, which is computed
        once whatever is enumerated.
    """

    hidden: int = 500
    size: int = 100

    def encode(self, x: Symbol) -> Mapping[str, Symbol]:
        """q(a | x) q(digit | x, a) q(style | x, a, digit)."""
        h = ub.mlp(self.hidden)(x)
        a = ub.Normal(self.size)(ub.mlp(self.hidden)(h))
        digit = ub.Categorical(10)(ub.mlp(self.hidden)(h, a))
        return {"a": a, "digit": digit, "style": ub.Normal(self.size)(ub.mlp(self.hidden)(h, a, digit))}

    def prior(self, digit: Symbol, style: Symbol) -> Mapping[str, Symbol]:
        """p(a | digit, style)."""
        return {"a": ub.Normal(self.size)(ub.mlp(self.hidden, self.hidden)(digit, style))}

    def decode(self, a: Symbol, digit: Symbol, style: Symbol) -> Symbol:
        """p(x | a, digit, style)."""
        return ub.Bernoulli(1, 28, 28)(ub.mlp(self.hidden, self.hidden)(a, digit, style))
