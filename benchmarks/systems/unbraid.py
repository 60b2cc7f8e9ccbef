"""Both models in unbraid. `unbraid_bf16` runs the networks in bf16, `unbraid_compiled` compiles where it gains."""

from __future__ import annotations

import sys
from typing import Any

import torch

import unbraid as ub
from benchmarks.systems.serve import Step, serve
from benchmarks.workload import ALPHA, HIDDEN, STYLE, Kind, Workload, batch
from examples.digits import Digits
from unbraid.capture.trial import AFTER
from unbraid.training.precision import networks_in
from unbraid.training.settings import Precision

PRECISION: Precision = "bf16" if sys.argv[1:2] == ["unbraid_bf16"] else "fp32"
COMPILED = sys.argv[1:2] == ["unbraid_compiled"]


class M2(ub.Model):
    """Kingma et al. 2014: a digit and its style, each with an encoder of its own."""

    hidden: int = HIDDEN
    style_size: int = STYLE

    def encode(self, x: Any) -> Any:
        digit = ub.Categorical(10)(ub.mlp(self.hidden)(x))
        return {"digit": digit, "style": ub.Normal(self.style_size)(ub.mlp(self.hidden)(digit, x))}

    def decode(self, digit: Any, style: Any) -> Any:
        return ub.Bernoulli(1, 28, 28, grey="cross_entropy")(ub.mlp(self.hidden)(digit, style))


def step_of(workload: Workload, kind: Kind, rows: int) -> Step:
    """Makes a step of training: forward, backward, a fused Adam."""
    model: ub.Model = M2() if workload == "m2" else Digits()
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    generator = torch.Generator().manual_seed(0)
    images, digits = batch(rows)
    x = torch.from_numpy(images).view(rows, 1, 28, 28)
    labels = {"digit": torch.from_numpy(digits)} if kind == "labelled" else {}
    estimators = {"digit": "plug_in" if kind == "plug_in" else "enumerate"}

    def step() -> None:
        with networks_in(PRECISION, x.device):
            found = model.objective(x, labels, estimators=estimators, generator=generator, alpha=ALPHA)
        optimizer.zero_grad(set_to_none=True)
        found.loss.backward()
        optimizer.step()

    if COMPILED:
        torch._dynamo.utils.counters.clear()
        model.captures.compile = True
        for _ in range(AFTER + 2):  # the trial is over before any step is timed
            step()
        print(f"{kind}_{rows}: {model.captures}", file=sys.stderr, flush=True)
    return step


def compilations() -> int:
    """Counts the graphs that were compiled since the last `step_of`."""
    return int(torch._dynamo.utils.counters["stats"]["unique_graphs"])


if __name__ == "__main__":
    serve(step_of, sys.argv[2], compilations if COMPILED else None)  # type: ignore[arg-type]
