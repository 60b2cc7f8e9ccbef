"""CCVAE: the digit below the characteristics that it is read from."""

from __future__ import annotations

from collections.abc import Mapping

import unbraid as ub
from unbraid.graph import Symbol


class CCVAE(ub.Model):
    """The characteristic-capturing VAE: the digit has no edge to x but through continuous characteristics.

    Source: Joy, Schmon, Torr, Siddharth & Rainforth 2021, "Capturing label characteristics in VAEs":
    p(digit) p(characteristics | digit) p(style) p(x | characteristics, style). With a label, samples of q are weighted
    by q(digit | characteristics), self-normalised: take several, ``samples=8``.

    Note:
        The paper's labels are several, binary, each with characteristics of its own.
    """

    hidden: int = 500
    size: int = 10
    style_size: int = 40

    def encode(self, x: Symbol) -> Mapping[str, Symbol]:
        """q(characteristics | x) q(digit | characteristics) q(style | x)."""
        h = ub.mlp(self.hidden, self.hidden)(x)
        characteristics = ub.Normal(self.size)(h)
        digit = ub.Categorical(10)(characteristics)
        return {"characteristics": characteristics, "digit": digit, "style": ub.Normal(self.style_size)(h)}

    def prior(self, digit: Symbol) -> Mapping[str, Symbol]:
        """p(characteristics | digit)."""
        return {"characteristics": ub.Normal(self.size)(digit)}

    def decode(self, characteristics: Symbol, style: Symbol) -> Symbol:
        """p(x | characteristics, style)."""
        return ub.Bernoulli(1, 28, 28)(ub.mlp(self.hidden, self.hidden)(characteristics, style))
