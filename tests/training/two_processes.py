"""A program for test_together: a training that one process runs alone, or several together.

Arguments: what to train, how many processes, a folder; then, to die, the number of the process and of the step. The
first process writes the weights and the history into the folder.
"""

from __future__ import annotations

import atexit
import importlib
import json
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

import unbraid as ub
from tests.training.small import LABELS, ROWS, SIZES, STATEFUL, TEST, Small
from unbraid.training.history import comparable

LOOP: Any = importlib.import_module("unbraid.training.fit")


class Rowwise(ub.Normal):
    """A normal variable whose noise is a function of the row, so that it does not depend on who draws it."""

    def draw(self, parameters: Mapping[str, Tensor], shape: tuple[int, ...], generator: Any) -> Tensor:
        loc, scale = parameters["loc"], parameters["scale"]
        noise = torch.sin(10 * loc.detach()).expand(*shape, *self.event_shape)
        return loc + scale * noise


class Digits(ub.Model):
    """A digit and its style, without any noise that depends on the batch."""

    def encode(self, x: Any) -> Any:
        h = ub.mlp(16)(x)
        digit = ub.Categorical(10)(h)
        return {"digit": digit, "style": Rowwise(3)(digit, h)}

    def decode(self, digit: Any, style: Any) -> Any:
        return ub.Bernoulli(1, 28, 28, grey="cross_entropy")(ub.mlp(16)(digit, style))


def begin(what: str, devices: int, out: Path) -> ub.Run:
    """Trains, or goes on."""
    common: dict[str, Any] = {**SIZES, "epochs": 2, "devices": devices, "out": out, "resume": True, "test": TEST}
    if (
        what == "equal"
    ):  # the 100 rows without labels, 33 at a time, leave one: a row for one process, none for the other
        test = (TEST.images.double(), TEST.labels)
        common |= {"mixed": False, "average": 0.9, "batch_size": 33, "labelled_batch_size": 7, "choose": "best"}
        return ub.fit(Digits().double(), ROWS.images.double(), LABELS, **{**common, "test": test, "validation": test})
    return ub.fit(Small(), ROWS.images, LABELS, **{**common, **STATEFUL, "epochs": 3, "validation": TEST})


def no_group_is_left() -> None:
    """Ends the process with an error where threads of gloo outlive Python: one may abort it then."""
    if torch.distributed.is_initialized():
        os._exit(3)


def main() -> None:
    atexit.register(no_group_is_left)
    what, devices, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    rank = int(os.environ.get("LOCAL_RANK", "0"))
    torch.set_num_threads(1)
    if len(sys.argv) > 4 and rank == int(sys.argv[4]):
        taken, last = LOOP.train_step, int(sys.argv[5])

        def dies(task: Any, state: Any, *rest: Any) -> Any:
            if state.step == last:
                os.kill(os.getpid(), signal.SIGKILL)
            return taken(task, state, *rest)

        LOOP.train_step = dies
    run = begin(what, devices, folder / "run")
    save_file(run.model.state_dict(), folder / f"weights_{rank}.safetensors")
    records = {"history": comparable(run.history), "test": run.test["digit"]["error"]}
    (folder / f"records_{rank}.json").write_text(json.dumps(records))


if __name__ == "__main__":
    main()
