"""Pyro's own recipe for M2, examples/vae/ss_vae_M2.py of Pyro 1.9, written again on our rows at its defaults.

Hidden layers of 500 softplus units whose weights begin at N(0, 0.001), a style of 50, Adam at 4.2e-4, batches of 200,
the digit enumerated in parallel, grey pixels under a Bernoulli, and the auxiliary loss times 46 in a step of its own.
As there, every (rows / labelled rows)-th batch of an epoch is labelled until each labelled row was seen: with 100
labels, one batch an epoch. `pyro_often` takes a labelled batch every 16th time instead, as often as the example does at
its default of 3000 labels, and sees the same rows again and again.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyro
import pyro.distributions as dist
import torch
import torch.nn.functional as F
from pyro.infer import SVI, Trace_ELBO, TraceEnum_ELBO, config_enumerate
from torch import Tensor, nn

from benchmarks.accuracy.task import Task, task_of

PIXELS, VALUES, HIDDEN, STYLE = 784, 10, 500, 50
BATCH, MULTIPLIER, RATE, EPOCHS = 200, 46.0, 0.00042, 1000
OFTEN = 16
NOTED = 50
"""Batches between two looks at the error."""


def perceptron(inputs: int, outputs: int) -> nn.Sequential:
    hidden = nn.Linear(inputs, HIDDEN)
    nn.init.normal_(hidden.weight, 0, 0.001)
    nn.init.normal_(hidden.bias, 0, 0.001)
    return nn.Sequential(hidden, nn.Softplus(), nn.Linear(HIDDEN, outputs))


class SemiSupervised(nn.Module):
    """The model, the guide, and the model of the auxiliary loss."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder_y = perceptron(PIXELS, VALUES)
        self.encoder_z = perceptron(VALUES + PIXELS, 2 * STYLE)
        self.decoder = perceptron(STYLE + VALUES, PIXELS)

    def model(self, x: Tensor, y: Tensor | None = None) -> None:
        pyro.module("m2", self)
        with pyro.plate("data"):
            z = pyro.sample("z", dist.Normal(x.new_zeros(len(x), STYLE), x.new_ones(len(x), STYLE)).to_event(1))
            y = pyro.sample("y", dist.OneHotCategorical(x.new_full((len(x), VALUES), 1 / VALUES)), obs=y)
            probs = self.decoder(joined(z, y)).sigmoid()
            pyro.sample("x", dist.Bernoulli(probs, validate_args=False).to_event(1), obs=x)

    def guide(self, x: Tensor, y: Tensor | None = None) -> None:
        with pyro.plate("data"):
            if y is None:
                y = pyro.sample("y", dist.OneHotCategorical(self.encoder_y(x).softmax(-1)))
            loc, log_scale = self.encoder_z(joined(x, y)).chunk(2, -1)
            pyro.sample("z", dist.Normal(loc, log_scale.exp()).to_event(1))

    def auxiliary_model(self, x: Tensor, y: Tensor) -> None:
        pyro.module("m2", self)
        with pyro.plate("data"), pyro.poutine.scale(scale=MULTIPLIER):
            pyro.sample("y_aux", dist.OneHotCategorical(self.encoder_y(x).softmax(-1)), obs=y)

    def auxiliary_guide(self, x: Tensor, y: Tensor) -> None:
        """Has nothing to guess."""


def joined(*parents: Any) -> Tensor:
    shape = torch.broadcast_shapes(*(each.shape[:-1] for each in parents))
    return torch.cat([each.expand(*shape, -1) for each in parents], -1)


def batches(labelled: Tensor, unlabelled: Tensor, every: int, again: bool) -> Iterator[tuple[Tensor, bool]]:
    """Yields an epoch's batches of row numbers, and whether they are labelled, in the example's order.

    Args:
        labelled: The numbers of the labelled rows.
        unlabelled: Those of the others.
        every: A labelled batch comes before every so many others, the first before the second one.
        again: Whether labelled rows come again in the same epoch.
    """
    waiting = shuffled(labelled)
    for i, batch in enumerate(shuffled(unlabelled)):
        if i % every == 1 and waiting:
            yield waiting[0], True
            waiting = waiting[1:] or (shuffled(labelled) if again else [])
        yield batch, False


def shuffled(rows: Tensor) -> list[Tensor]:
    return list(rows[torch.randperm(len(rows))].split(BATCH))


def train(task: Task) -> None:
    warnings.filterwarnings("ignore", "TraceEnum_ELBO found no sample sites")  # of labelled batches
    pyro.set_rng_seed(task.seed)
    m2, optimizer = SemiSupervised(), pyro.optim.Adam({"lr": RATE, "betas": (0.9, 0.999)})
    guide = config_enumerate(m2.guide, "parallel", expand=True)
    basic = SVI(m2.model, guide, optimizer, loss=TraceEnum_ELBO(max_plate_nesting=1))
    auxiliary = SVI(m2.auxiliary_model, m2.auxiliary_guide, optimizer, loss=Trace_ELBO())
    images, digits = task.train.images.flatten(1), np.asarray(task.labels["digit"])
    labelled, unlabelled = (torch.from_numpy(np.flatnonzero(chosen)) for chosen in (digits >= 0, digits < 0))
    one_hot = F.one_hot(torch.from_numpy(digits).clamp_min(0), VALUES).float()
    every = OFTEN if task.given.system == "pyro_often" else len(images) // len(labelled)
    for epoch in range(EPOCHS):
        for number, (rows, known) in enumerate(batches(labelled, unlabelled, every, every == OFTEN), start=1):
            if known:
                basic.step(images[rows], one_hot[rows])
                auxiliary.step(images[rows], one_hot[rows])
            else:
                basic.step(images[rows])
            if number % NOTED == 0:
                task.note(epoch + number * BATCH / len(images), error_of(m2, task))


@torch.no_grad()
def error_of(m2: SemiSupervised, task: Task) -> float:
    found = m2.encoder_y(task.watched.images.flatten(1)).argmax(1)
    return float((found != torch.from_numpy(task.watched.labels["digit"])).double().mean())


if __name__ == "__main__":
    train(task_of())
