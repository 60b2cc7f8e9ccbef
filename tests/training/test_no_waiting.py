"""A step waits for no device: nothing in it asks for the value of a tensor that is there.

No other device is needed to see it: a tensor on torch's "meta" device has no values, and raises an error when asked.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

import unbraid as ub
from tests.training.small import LABELS, ROWS, Small
from unbraid.errors import TrainingError
from unbraid.objectives.terms import Term
from unbraid.training import finite
from unbraid.training.batches import Batch
from unbraid.training.finite import Guard
from unbraid.training.means import Means
from unbraid.training.settings import Settings
from unbraid.training.state import TrainingState
from unbraid.training.step import StepLoss, Sweep, train_step
from unbraid.training.task import Task

META = torch.device("meta")
ROW = int((LABELS["digit"] >= 0).nonzero()[0][0])


class Constant(Small):
    """The same with a matrix of the program's own."""

    def encode(self, x: Any) -> Any:
        h: Any = ub.mlp(self.hidden)(x) @ torch.eye(self.hidden)
        digit = ub.Categorical(10)(h)
        return {"digit": digit, "style": ub.Normal(3)(digit, h)}


class AnyRows:
    """A source whose rows are on a device without values."""

    on_disk = False

    def __len__(self) -> int:
        return 120

    def gather(self, rows: Tensor) -> Tensor:
        """Returns rows without values."""
        return torch.empty(len(rows), 1, 28, 28, device=META)


class Down(torch.optim.Optimizer):
    """Gradient descent; torch's fused Adam does not know the device without values."""

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """Takes a step."""
        for group in self.param_groups:
            for each in group["params"]:
                each.sub_(each.grad, alpha=group["lr"])


class Blur:
    """A view that draws nothing."""

    def __call__(self, images: Tensor, generator: torch.Generator | None = None) -> Tensor:
        return images * 0.5


def begin(model: ub.Model, **changes: Any) -> tuple[Task, TrainingState, Sweep]:
    """Starts a training on the CPU, and moves all of it but the plan to the device without values."""
    settings = Settings(batch_size=50, labelled_batch_size=20, average=0.9, **changes)
    views = Blur() if settings.consistency else None
    task = Task.of(model, ROWS.images, LABELS, views, settings)
    on_device = {name: getattr(task, name) for name in Task.__slots__} | {"source": AnyRows(), "device": META}
    task = Task(**on_device)
    state = TrainingState.start(model.to(META), settings, task.consistent)
    state.optimizer = Down(model.parameters(), {"lr": 0.1})
    guard = Guard(state, waits=False)
    return task, state, Sweep(StepLoss(task, state), task.total_steps(), None, Means(), guard)


@pytest.mark.parametrize("model", [Small, Constant])
@pytest.mark.parametrize(
    "changes", [{}, {"mixed": False}, {"consistency": 1.0}, {"swap": 1.0}, {"estimators": {"digit": "plug_in"}}]
)
def test_a_step_asks_for_no_value(model: type[ub.Model], changes: Any) -> None:
    task, state, run = begin(model(), **changes)
    for batch in task.sweep(0):
        train_step(task, state, batch, task.gather(batch), run)
    assert state.step == task.steps(0)
    with pytest.raises((RuntimeError, NotImplementedError), match="meta"):  # to show that asking would be seen
        run.guard.settle()
    with pytest.raises((RuntimeError, NotImplementedError), match="meta"):
        run.means()


def losses(*values: float) -> list[tuple[Tensor, dict[str, Term]]]:
    """Losses of one row, with a term of that name."""
    return [(torch.tensor(value), {"log p(x)": Term(torch.tensor([value]))}) for value in values]


def test_a_guard_that_does_not_wait_keeps_the_weights_as_they_were_before_the_loss_was_not_finite(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With fused Adam, which looks at the flag itself, here on the CPU."""
    monkeypatch.setattr(finite, "LOOK", 5)
    model = Small()
    state = TrainingState.start(model, Settings(), ())
    guard = Guard(state, waits=False)
    before = {}

    def steps() -> None:
        for step, (loss, terms) in enumerate(losses(1.0, 2.0, torch.nan, 4.0, 5.0)):
            guard.check(loss, terms, Batch(unlabelled=torch.tensor([11 + step])))
            if step == 2:
                before.update({name: each.clone() for name, each in model.state_dict().items()})
            for each in model.parameters():
                each.grad = torch.ones_like(each)
            state.optimizer.step()
            state.step += 1

    with pytest.raises(
        TrainingError, match=r"the loss is nan in epoch 1, step 3: log p\(x\) is nan in row 13\. The we"
    ):
        steps()
    assert state.step == 4
    for name, weight in model.state_dict().items():
        assert torch.equal(weight, before[name])
    assert not torch.equal(next(model.parameters()), next(Small().parameters()))


def test_the_last_losses_of_an_epoch_are_looked_at() -> None:
    guard = Guard(TrainingState.start(Small(), Settings(), ()), waits=False)
    for loss, terms in losses(1.0, torch.inf):
        guard.check(loss, terms, Batch(unlabelled=torch.tensor([ROW])))
    with pytest.raises(TrainingError, match=rf"the loss is inf .* in row {ROW}\."):
        guard.settle()
    guard.settle()
    for loss, terms in losses(1.0, 2.0):
        guard.check(loss, terms, Batch(unlabelled=torch.tensor([ROW])))
    guard.settle()
