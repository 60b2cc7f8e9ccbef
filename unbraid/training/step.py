"""One step of a training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from unbraid.objectives.bound import Surroundings
from unbraid.objectives.objective import objective
from unbraid.objectives.terms import Objective, Term
from unbraid.training.batches import Batch
from unbraid.training.finite import refuse_non_finite, refuse_wrong_view
from unbraid.training.means import Means
from unbraid.training.precision import networks_in
from unbraid.training.schedule import consistency_weight, kl_weight, learning_rate
from unbraid.training.state import TrainingState
from unbraid.training.task import Task


@dataclass(frozen=True, slots=True)
class Sweep:
    """What the steps of one epoch share.

    Attributes:
        total: How many steps the whole training has.
        generator: Where noise is drawn from.
        means: The means of the terms so far.
    """

    total: int
    generator: torch.Generator
    means: Means


def train_step(task: Task, state: TrainingState, batch: Batch, run: Sweep) -> int:
    """Takes one step of the optimiser and returns how many rows it took."""
    x, labels = task.gather(batch)
    for group in state.optimizer.param_groups:
        group["lr"] = learning_rate(task.settings, state.step, run.total)
    with networks_in(task.settings.precision, task.device):
        found = _objective(task, state, x, labels, run)
        loss, terms = found.loss, dict(found.terms)
        if state.consistency is not None and task.view is not None:
            view = task.view(x, run.generator)
            refuse_wrong_view(view, x, batch, state)
            more, of_views = _view_loss(task, state, (x, view), labels, run.total)
            loss, terms = loss + more, terms | of_views
    refuse_non_finite(loss, terms, batch, state)
    state.optimizer.zero_grad(set_to_none=True)
    loss.backward()
    state.optimizer.step()
    state.step += 1
    if state.average is not None:
        state.average.update()
    run.means.add("loss", loss[None])
    for name, term in terms.items():
        run.means.add(name, term.values)
    return len(x)


def _objective(task: Task, state: TrainingState, x: Tensor, labels: Mapping[str, Tensor], run: Sweep) -> Objective:
    """Returns the objective of the rows as they are."""
    settings, model = task.settings, state.model
    options = settings.options(kl_weight(settings, state.step, run.total))
    around = Surroundings(run.generator, state.step / run.total, state.baselines)
    return objective(model.graph, model.parts, x, labels, task.estimators, options, around)


def _view_loss(
    task: Task, state: TrainingState, pair: tuple[Tensor, Tensor], labels: Mapping[str, Tensor], steps: int
) -> tuple[Tensor, dict[str, Term]]:
    """Returns the loss of the rows' views, and its terms: labels at the weight alpha, consistency at its own."""
    assert state.consistency is not None
    x, view = pair
    supervised, consistent = state.consistency.losses(state.result, x, view, labels)
    weight = consistency_weight(task.settings, state.step, steps / task.settings.epochs)
    loss = x.new_zeros(())
    for name in supervised:
        loss = loss + task.settings.alpha * supervised[name].sum() + weight * consistent[name].sum()
    terms = {f"consistency({name})": Term(values) for name, values in consistent.items()}
    labelled = {name: torch.arange(len(x), device=x.device)[labels[name] >= 0] for name in supervised if name in labels}
    terms |= {f"log q({name} | view)": Term(-supervised[name][rows], rows) for name, rows in labelled.items()}
    return loss / len(x), terms
