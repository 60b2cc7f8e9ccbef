"""M1: a variational auto-encoder, and a classifier of its latent."""

from __future__ import annotations

from collections.abc import Mapping

import unbraid as ub
from unbraid.graph import Symbol


class M1(ub.Model):
    """The latent-feature discriminative model M1: the label below a sampled latent that learns nothing from it.

    Source: Kingma, Mohamed, Rezende & Welling 2014, "Semi-supervised learning with deep generative models", Eqs. 1, 3
    and 5: p(z) p(x | z) and q(z | x), and a classifier of z.

    Note:
        The paper trains the auto-encoder first and a support vector machine on its z afterwards. Here both are learned
        at once, and `detach` keeps the labels from the auto-encoder. The classifier is q(digit | z) and p(digit | z)
        in one, so the digit costs a row without a label nothing: KL(digit) = 0.
    """

    hidden: int = 500
    size: int = 50

    def encode(self, x: Symbol) -> Mapping[str, Symbol]:
        """q(z | x) q(digit | z)."""
        z = ub.Normal(self.size)(ub.mlp(self.hidden, self.hidden)(x))
        self.classifier = ub.dense(10)
        return {"z": z, "digit": ub.Categorical(10)(logits=self.classifier(z.detach()))}

    def prior(self, z: Symbol) -> Mapping[str, Symbol]:
        """p(digit | z)."""
        return {"digit": ub.Categorical(10)(logits=self.classifier(z.detach()))}

    def decode(self, z: Symbol) -> Symbol:
        """p(x | z)."""
        return ub.Bernoulli(1, 28, 28)(ub.mlp(self.hidden, self.hidden)(z))
