"""The conditional VAE: everything is given the digit."""

from __future__ import annotations

from collections.abc import Mapping

import unbraid as ub
from unbraid.graph import Symbol


class CVAE(ub.Model):
    """The conditional variational auto-encoder: q, p and the prior of the style are given the digit.

    Source: Sohn, Lee & Yan 2015, "Learning structured output representation using deep conditional generative models":
    log p(x | digit) >= E_q(style | x, digit) [log p(x | digit, style)] - KL(q(style | x, digit) || p(style |
    digit)).

    Note:
        The paper's condition is an image and its output a picture of labels; here the condition is the digit and the
        output the image. The digit is to be labelled in every row: nothing infers it, q(digit) is its prior.
    """

    hidden: int = 500
    style_size: int = 50

    def encode(self, x: Symbol) -> Mapping[str, Symbol]:
        """q(digit) q(style | x, digit)."""
        digit = ub.Categorical(10)()
        return {"digit": digit, "style": ub.Normal(self.style_size)(ub.mlp(self.hidden, self.hidden)(digit, x))}

    def prior(self, digit: Symbol) -> Mapping[str, Symbol]:
        """p(style | digit)."""
        return {"style": ub.Normal(self.style_size)(ub.mlp(self.hidden)(digit))}

    def decode(self, digit: Symbol, style: Symbol) -> Symbol:
        """p(x | digit, style)."""
        return ub.Bernoulli(1, 28, 28)(ub.mlp(self.hidden, self.hidden)(digit, style))
