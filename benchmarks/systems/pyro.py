"""M2 in Pyro: SVI, the digit enumerated by TraceEnum_ELBO, as in Pyro's own ss_vae_M2 example.

Validation of values is off, as Pyro's documentation recommends for speed. KL terms are estimated from the sample, as
these losses do it; their expectation is that of the other systems.
"""

from __future__ import annotations

import math
import sys

import pyro
import pyro.distributions as dist
import torch
import torch.nn.functional as F
from pyro import poutine
from pyro.infer import SVI, Trace_ELBO, TraceEnum_ELBO, config_enumerate
from torch import Tensor, nn

from benchmarks.systems.serve import Step, serve
from benchmarks.workload import ALPHA, FLOOR, HIDDEN, PIXELS, STYLE, VALUES, Kind, Workload, batch


def perceptron(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, outputs))


class M2(nn.Module):
    """Kingma et al. 2014. A digit is a one-hot vector.

    Args:
        hidden: Units of the hidden layers.
        style_size: Size of the style.
    """

    def __init__(self, hidden: int = HIDDEN, style_size: int = STYLE) -> None:
        super().__init__()
        self.style_size = style_size
        self.encoder_y = perceptron(PIXELS, hidden, VALUES)
        self.encoder_z = perceptron(VALUES + PIXELS, hidden, 2 * style_size)
        self.decoder = perceptron(VALUES + style_size, hidden, PIXELS)

    def model(self, x: Tensor, digit: Tensor | None = None) -> None:
        """p(digit) p(style) p(x | digit, style); of a known digit, log q(digit | x) at its weight too."""
        pyro.module("m2", self)
        with pyro.plate("data", len(x)):
            self.style_prior(x)
            y = pyro.sample("digit", dist.OneHotCategorical(logits=x.new_zeros(len(x), VALUES)), obs=digit)
            self.pixels(x, y)
            if digit is not None:
                with poutine.scale(scale=ALPHA):
                    pyro.sample("digit_aux", dist.OneHotCategorical(logits=self.encoder_y(x)), obs=digit)

    def guide(self, x: Tensor, digit: Tensor | None = None) -> None:
        """q(digit | x), where it is not known, and q(style | digit, x)."""
        with pyro.plate("data", len(x)):
            if digit is None:
                digit = pyro.sample("digit", dist.OneHotCategorical(logits=self.encoder_y(x)))
            self.style(x, digit)

    def plug_in_model(self, x: Tensor) -> None:
        """The children see the probabilities of the digit, whose KL is a factor."""
        pyro.module("m2", self)
        with pyro.plate("data", len(x)):
            q = pyro.sample("probs", dist.ImproperUniform(dist.constraints.simplex, (), (VALUES,)))
            pyro.factor("digit_kl", -(q * (q.log() + math.log(VALUES))).sum(-1))
            self.style_prior(x)
            self.pixels(x, q)

    def plug_in_guide(self, x: Tensor) -> None:
        """Hands the probabilities of the digit on."""
        with pyro.plate("data", len(x)):
            q = pyro.sample("probs", dist.Delta(self.encoder_y(x).softmax(-1), event_dim=1))
            self.style(x, q)

    def style_prior(self, x: Tensor) -> None:
        zeros = x.new_zeros(len(x), self.style_size)
        self.z = pyro.sample("style", dist.Normal(zeros, torch.ones_like(zeros)).to_event(1))

    def style(self, x: Tensor, y: Tensor) -> None:
        loc, raw = self.encoder_z(joined(y, x)).chunk(2, -1)
        pyro.sample("style", dist.Normal(loc, F.softplus(raw) + FLOOR).to_event(1))

    def pixels(self, x: Tensor, y: Tensor) -> None:
        logits = self.decoder(joined(y, self.z))
        pyro.sample("x", dist.Bernoulli(logits=logits).to_event(1), obs=x)


def joined(*parents: Tensor) -> Tensor:
    """Concatenates parents, broadcast over the rows and the enumerated values."""
    shape = torch.broadcast_shapes(*(each.shape[:-1] for each in parents))
    return torch.cat([each.expand(*shape, -1) for each in parents], -1)


def svi_of(m2: M2, kind: Kind) -> SVI:
    """Returns the inference of a kind, its loss the sum over rows."""
    optimizer = pyro.optim.Adam({"lr": 1e-3, "fused": True})
    if kind == "plug_in":
        return SVI(m2.plug_in_model, m2.plug_in_guide, optimizer, loss=Trace_ELBO())
    if kind == "labelled":
        return SVI(m2.model, m2.guide, optimizer, loss=Trace_ELBO())
    guide = config_enumerate(m2.guide, "parallel", expand=True)
    return SVI(m2.model, guide, optimizer, loss=TraceEnum_ELBO(max_plate_nesting=1))


def step_of(workload: Workload, kind: Kind, rows: int) -> Step:
    """Makes a step of training."""
    pyro.enable_validation(False)
    pyro.clear_param_store()
    pyro.set_rng_seed(0)
    svi = svi_of(M2(), kind)
    images, digits = batch(rows)
    x, digit = torch.from_numpy(images), F.one_hot(torch.from_numpy(digits), VALUES).float()
    return lambda: svi.step(x, digit) if kind == "labelled" else svi.step(x)


if __name__ == "__main__":
    serve(step_of, sys.argv[2])  # type: ignore[arg-type]
