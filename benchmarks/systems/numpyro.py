"""M2 in NumPyro: compiled steps of SVI, networks of stax as in NumPyro's own VAE example, KL terms in closed form.

The digit is enumerated by a plate over its values whose terms are weighted by q. (NumPyro's TraceEnum_ELBO, which needs
funsor, was as fast: 141 and 139 ms, 100 rows, one busy core.)
"""

from __future__ import annotations

import math
import sys
from typing import Any

import jax
import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from jax.example_libraries import stax
from numpyro import handlers
from numpyro.infer import SVI, TraceMeanField_ELBO

from benchmarks.systems.serve import Step, serve
from benchmarks.workload import ALPHA, FLOOR, HIDDEN, PIXELS, STYLE, VALUES, Kind, Workload, batch


class M2:
    """Kingma et al. 2014. A digit is a one-hot vector.

    Args:
        hidden: Units of the hidden layers.
        style_size: Size of the style.
    """

    def __init__(self, hidden: int = HIDDEN, style_size: int = STYLE) -> None:
        self.hidden, self.style_size = hidden, style_size

    def model(self, x: Any, digit: Any) -> None:
        """p(digit) p(style) p(x | digit, style) of known digits, and log q(digit | x) at its weight."""
        with numpyro.plate("data", len(x)):
            numpyro.sample("digit", dist.Categorical(logits=jnp.zeros(VALUES)), obs=digit)
            self.generate(x, jax.nn.one_hot(digit, VALUES))
            with handlers.scale(scale=ALPHA):
                numpyro.sample("digit_aux", dist.Categorical(logits=self.encoder_y(x)), obs=digit)

    def guide(self, x: Any, digit: Any) -> None:
        """q(style | digit, x)."""
        with numpyro.plate("data", len(x)):
            self.style(x, jax.nn.one_hot(digit, VALUES))

    def plug_in_model(self, x: Any) -> None:
        """The children see the probabilities of the digit."""
        with numpyro.plate("data", len(x)):
            self.generate(x, self.probs_prior())

    def plug_in_guide(self, x: Any) -> None:
        """Hands the probabilities of the digit on."""
        with numpyro.plate("data", len(x)):
            self.style(x, self.probs(x))

    def enumerated_model(self, x: Any) -> None:
        """The terms of every digit, weighted by its probability."""
        with numpyro.plate("data", len(x), dim=-1):
            q = self.probs_prior()
        with numpyro.plate("values", VALUES, dim=-2), numpyro.plate("data", len(x), dim=-1), handlers.scale(scale=q.T):
            self.generate(x, values_of(x))

    def enumerated_guide(self, x: Any) -> None:
        """q(style | digit, x) of every digit."""
        with numpyro.plate("data", len(x), dim=-1):
            q = self.probs(x)
        with numpyro.plate("values", VALUES, dim=-2), numpyro.plate("data", len(x), dim=-1), handlers.scale(scale=q.T):
            self.style(jnp.broadcast_to(x, (VALUES, *x.shape)), values_of(x))

    def probs_prior(self) -> Any:
        q = numpyro.sample("probs", dist.ImproperUniform(dist.constraints.simplex, (), (VALUES,)))
        numpyro.factor("digit_kl", -(q * (jnp.log(q) + math.log(VALUES))).sum(-1))
        return q

    def probs(self, x: Any) -> Any:
        return numpyro.sample("probs", dist.Delta(jax.nn.softmax(self.encoder_y(x)), event_dim=1))

    def generate(self, x: Any, y: Any) -> None:
        z = numpyro.sample("style", dist.Normal(0.0, 1.0).expand([self.style_size]).to_event(1))
        decoder = network("decoder", VALUES + self.style_size, self.hidden, PIXELS)
        logits = decoder(jnp.concatenate([y, z], -1))
        numpyro.sample("x", dist.Bernoulli(logits=logits).to_event(1), obs=x)

    def style(self, x: Any, y: Any) -> None:
        encoder = network("encoder_z", VALUES + PIXELS, self.hidden, 2 * self.style_size)
        loc, raw = jnp.split(encoder(jnp.concatenate([y, x], -1)), 2, -1)
        numpyro.sample("style", dist.Normal(loc, jax.nn.softplus(raw) + FLOOR).to_event(1))

    def encoder_y(self, x: Any) -> Any:
        return network("encoder_y", PIXELS, self.hidden, VALUES)(x)


def network(name: str, inputs: int, hidden: int, outputs: int) -> Any:
    """Registers a perceptron; called again, it shares its weights."""
    return numpyro.module(name, stax.serial(stax.Dense(hidden), stax.Relu, stax.Dense(outputs)), (1, inputs))


def values_of(x: Any) -> Any:
    """Returns the one-hot vector of every digit for every row, (values, rows, values)."""
    return jnp.broadcast_to(jnp.eye(VALUES)[:, None], (VALUES, len(x), VALUES))


def svi_of(m2: M2, kind: Kind) -> SVI:
    """Returns the inference of a kind, its loss the sum over rows."""
    pairs = {
        "labelled": (m2.model, m2.guide),
        "enumerated": (m2.enumerated_model, m2.enumerated_guide),
        "plug_in": (m2.plug_in_model, m2.plug_in_guide),
    }
    return SVI(*pairs[kind], numpyro.optim.Adam(1e-3), TraceMeanField_ELBO())


def step_of(workload: Workload, kind: Kind, rows: int) -> Step:
    """Makes a step of training, which waits for its result."""
    svi = svi_of(M2(), kind)
    images, digits = batch(rows)
    given = (jnp.asarray(images), jnp.asarray(digits)) if kind == "labelled" else (jnp.asarray(images),)
    state = svi.init(jax.random.PRNGKey(0), *given)
    update = jax.jit(svi.update, donate_argnums=0)

    def step() -> None:
        nonlocal state
        state, loss = update(state, *given)
        jax.block_until_ready((state, loss))

    return step


if __name__ == "__main__":
    serve(step_of, sys.argv[2])  # type: ignore[arg-type]
