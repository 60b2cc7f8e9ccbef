"""The Gaussian-mixture VAE: the prior of the latent is a mixture."""

from __future__ import annotations

from collections.abc import Mapping

import unbraid as ub
from unbraid.graph import Symbol


class GMVAE(ub.Model):
    """A variational auto-encoder whose prior is a mixture of normal distributions, one component a digit.

    Source: Dilokthanakul et al. 2016, "Deep unsupervised clustering with Gaussian mixture variational autoencoders";
    Jiang et al. 2017, "Variational deep embedding": p(component) p(z | component) p(x | z).

    Note:
        q(z | x) does not depend on the component, as in Jiang et al.; their q(component | x) is p(component | z), here
        it is a network. Dilokthanakul et al. move the components by a further latent w. Where the component is
        labelled, it is a class; where nowhere, a cluster.
    """

    hidden: int = 500
    size: int = 10

    def encode(self, x: Symbol) -> Mapping[str, Symbol]:
        """q(digit | x) q(z | x)."""
        h = ub.mlp(self.hidden, self.hidden)(x)
        return {"digit": ub.Categorical(10)(h), "z": ub.Normal(self.size)(h)}

    def prior(self, digit: Symbol) -> Mapping[str, Symbol]:
        """p(z | digit): a mean and a scale for each component."""
        return {"z": ub.Normal(self.size)(digit)}

    def decode(self, z: Symbol) -> Symbol:
        """p(x | z)."""
        return ub.Bernoulli(1, 28, 28)(ub.mlp(self.hidden, self.hidden)(z))
