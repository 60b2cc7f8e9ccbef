"""M2: a digit and a style, both seen in the data."""

from __future__ import annotations

from collections.abc import Mapping

import unbraid as ub
from unbraid.graph import Symbol


class M2(ub.Model):
    """The generative semi-supervised model M2.

    Source: Kingma, Mohamed, Rezende & Welling 2014, "Semi-supervised learning with deep generative models", Eqs. 2
    and 4; trained by Eqs. 6 to 9.

    Note:
        The paper's networks have softplus units, and a scale of q(z | x, y) that does not depend on y; here they have
        relu units and both parameters of q depend on both.
    """

    hidden: int = 500
    style_size: int = 50

    def encode(self, x: Symbol) -> Mapping[str, Symbol]:
        """q(digit | x) q(style | x, digit)."""
        digit = ub.Categorical(10)(ub.mlp(self.hidden, self.hidden)(x))
        style = ub.Normal(self.style_size)(ub.mlp(self.hidden, self.hidden)(digit, x))
        return {"digit": digit, "style": style}

    def decode(self, digit: Symbol, style: Symbol) -> Symbol:
        """p(x | digit, style)."""
        return ub.Bernoulli(1, 28, 28)(ub.mlp(self.hidden, self.hidden)(digit, style))
