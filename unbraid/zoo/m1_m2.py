"""M1+M2: the semi-supervised model M2 of the features that M1 learns."""

from __future__ import annotations

from collections.abc import Mapping

import unbraid as ub
from unbraid.graph import Symbol


class M1M2(ub.Model):
    """The stacked generative semi-supervised model M1+M2: x from the features z1, and these from the digit and z2.

    Source: Kingma, Mohamed, Rezende & Welling 2014, "Semi-supervised learning with deep generative models", section
    2.1: p(digit) p(z2) p(z1 | digit, z2) p(x | z1).

    Note:
        The paper trains M1 first, and M2 on its fixed z1; here both are learned at once.
    """

    hidden: int = 500
    size: int = 50

    def encode(self, x: Symbol) -> Mapping[str, Symbol]:
        """q(z1 | x) q(digit | z1) q(z2 | z1, digit)."""
        z1 = ub.Normal(self.size)(ub.mlp(self.hidden, self.hidden)(x))
        digit = ub.Categorical(10)(ub.mlp(self.hidden)(z1))
        return {"z1": z1, "digit": digit, "z2": ub.Normal(self.size)(ub.mlp(self.hidden)(z1, digit))}

    def prior(self, digit: Symbol, z2: Symbol) -> Mapping[str, Symbol]:
        """p(z1 | digit, z2)."""
        return {"z1": ub.Normal(self.size)(ub.mlp(self.hidden)(digit, z2))}

    def decode(self, z1: Symbol) -> Symbol:
        """p(x | z1)."""
        return ub.Bernoulli(1, 28, 28)(ub.mlp(self.hidden, self.hidden)(z1))
