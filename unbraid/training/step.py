"""One step of a training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from unbraid.inference.labelled import is_labelled
from unbraid.objectives.bound import Surroundings
from unbraid.objectives.objective import objective
from unbraid.objectives.terms import Objective, Term
from unbraid.training.batches import Batch
from unbraid.training.finite import Guard, refuse_wrong_view
from unbraid.training.means import Means
from unbraid.training.precision import networks_in
from unbraid.training.schedule import kl_weight, learning_rate, ramped
from unbraid.training.state import TrainingState
from unbraid.training.swap import swap_losses
from unbraid.training.task import Task


@dataclass(frozen=True, slots=True)
class Sweep:
    """What the steps of one epoch share.

    Attributes:
        loss: The `StepLoss`, or what wraps it where several processes train together.
        total: How many steps the whole training has.
        generator: Where noise is drawn from.
        means: The means of the terms so far.
        guard: Refuses a loss that is not finite.
    """

    loss: nn.Module
    total: int
    generator: torch.Generator | None
    means: Means
    guard: Guard


class StepLoss(nn.Module):
    """The loss of a step as a module whose parameters are the model's, so that what wraps modules can wrap it.

    Args:
        task: What stays the same.
        state: What changes; its model is trained.
    """

    def __init__(self, task: Task, state: TrainingState) -> None:
        super().__init__()
        self.model, self.task, self.training_state = state.model, task, state

    def forward(
        self, x: Tensor, labels: Mapping[str, Tensor], batch: Batch, run: Sweep
    ) -> tuple[Tensor, dict[str, Term]]:
        """Returns the loss of a batch, at the batch's weight, and its terms, without gradients.

        Args:
            x: The rows, (rows, *event).
            labels: Of the labelled ones, on the CPU.
            batch: Their numbers.
            run: What the steps share.
        """
        task, state = self.task, self.training_state
        found = _objective(task, state, x, labels, run)
        loss, terms = found.loss, dict(found.terms)
        if state.consistency is not None and task.view is not None:
            view = task.view(x, run.generator)
            refuse_wrong_view(view, x, batch, state)
            more, of_views = _view_loss(task, state, (x, view), labels, run.total)
            loss, terms = loss + more, terms | of_views
        if task.swapped:
            more, of_swaps = _swap_loss(task, state, x, labels, run)
            loss, terms = loss + more, terms | of_swaps
        if batch.weight != 1:
            loss = loss * batch.weight
        return loss, {name: Term(term.values.detach(), term.rows) for name, term in terms.items()}


def train_step(
    task: Task, state: TrainingState, batch: Batch, rows: tuple[Tensor, dict[str, Tensor]], run: Sweep
) -> int:
    """Takes one step of the optimiser on the rows of a batch, and returns how many they are."""
    x, labels = rows
    for group in state.optimizer.param_groups:
        group["lr"] = learning_rate(task.settings, state.step, run.total)
    with networks_in(task.settings.precision, task.device):
        loss, terms = run.loss(x, labels, batch, run)
    run.guard.check(loss, terms, batch)
    state.optimizer.zero_grad(set_to_none=True)
    loss.backward()
    state.optimizer.step()
    state.step += 1
    if state.average is not None:
        state.average.update()
    run.means.add("loss", loss[None])
    if batch.weight:
        for name, term in terms.items():
            run.means.add(name, term.values)
    return len(x)


def _objective(task: Task, state: TrainingState, x: Tensor, labels: Mapping[str, Tensor], run: Sweep) -> Objective:
    """Returns the objective of the rows as they are."""
    settings, model = task.settings, state.model
    options = settings.options(kl_weight(settings, state.step, run.total))
    around = Surroundings(run.generator, state.step / run.total, state.baselines, model.captures)
    return objective(model.graph, model.parts, x, labels, task.estimators, options, around)


def _view_loss(
    task: Task, state: TrainingState, pair: tuple[Tensor, Tensor], labels: Mapping[str, Tensor], steps: int
) -> tuple[Tensor, dict[str, Term]]:
    """Returns the loss of the rows' views, and its terms: labels at the weight alpha, consistency at its own."""
    assert state.consistency is not None
    x, view = pair
    here = {name: each.to(x.device) for name, each in labels.items()}
    supervised, consistent = state.consistency.losses(state.result, x, view, here)
    weight = ramped(task.settings.consistency, task.settings, state.step, steps / task.settings.epochs)
    loss = x.new_zeros(())
    for name in supervised:
        loss = loss + task.settings.alpha * supervised[name].sum() + weight * consistent[name].sum()
    terms = {f"consistency({name})": Term(values) for name, values in consistent.items()}
    labelled = {name: is_labelled(labels[name]).nonzero()[:, 0].to(x.device) for name in supervised if name in labels}
    terms |= {f"log q({name} | view)": Term(-supervised[name][rows], rows) for name, rows in labelled.items()}
    return loss / len(x), terms


def _swap_loss(
    task: Task, state: TrainingState, x: Tensor, labels: Mapping[str, Tensor], run: Sweep
) -> tuple[Tensor, dict[str, Term]]:
    """Returns the loss of latents that are set by hand, at its weight, and its terms."""
    here = {name: each.to(x.device) for name, each in labels.items()}
    losses = swap_losses(state.model, state.result, x, here, task.swapped, run.generator, task.view)
    weight = ramped(task.settings.swap, task.settings, state.step, run.total / task.settings.epochs)
    loss = weight * torch.stack([each.mean() for each in losses.values()]).sum()
    return loss, {f"swap({name})": Term(each) for name, each in losses.items()}
