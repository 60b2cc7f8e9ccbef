"""Whether runs can be computed together, or why not."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from unbraid.objectives.bound import Surroundings
from unbraid.objectives.objective import objective
from unbraid.objectives.pattern import groups_of
from unbraid.training.fit import noise_of_epoch
from unbraid.training.many.job import Job
from unbraid.training.many.noise import Source
from unbraid.training.many.objectives import objectives
from unbraid.training.many.stack import Stack
from unbraid.training.many.unbatchable import UnbatchableError
from unbraid.training.precision import networks_in
from unbraid.training.state import TrainingState
from unbraid.training.task import Task

TOLERANCE = {torch.float64: 1e-8, torch.float32: 0.02}
"""How far, as a part of itself, a loss or gradient may be from that of a single run before it counts as another.

Other noise moves a gradient by a tenth of itself and more. In single precision rounding can move one by a thousandth,
where it takes a unit over the kink of its activation.
"""
Gathered = tuple[Tensor, Mapping[str, Tensor]]
"""The rows of a batch and their labels, as `Task.gather` gives them."""
IN_HALF = 0.1
"""The same where networks multiply in half precision."""


def why_not(jobs: Sequence[Job], tasks: Sequence[Task]) -> str:
    """Says why runs cannot be computed together; the empty text if they can.

    What can be known from the settings and the labels is looked at first. Then a step of the first two runs, on copies
    of their models, is computed together and one by one: whatever a program is made of, both must give the same losses
    and gradients.

    Args:
        jobs: The runs.
        tasks: Made of them.
    """
    found = _settings(jobs) or _plans(tasks)
    if found:
        return found
    try:
        with torch.random.fork_rng():
            _compare(jobs[:2], tasks[:2])
    except UnbatchableError as error:
        return str(error)
    except RuntimeError as error:  # torch.vmap's own refusals have no class
        return f"torch cannot compute this program for several runs together: {str(error).strip().splitlines()[0]}"
    return ""


def _settings(jobs: Sequence[Job]) -> str:
    first = jobs[0]
    for job in jobs[1:]:
        if type(job.model) is not type(first.model) or job.model.fields != first.model.fields:
            return f"the model of seed {job.seed} is another than that of seed {first.seed}"
        one, other = (replace(each.settings, seed=0).to_json() for each in (first, job))
        different = [name for name in one if one[name] != other[name]]
        if different:
            return f"the runs have other values of {' and '.join(different)}"
    if first.settings.consistency:
        return "consistency between views keeps running means, and draws views run by run"
    if first.settings.swap:
        return "what is set by hand is drawn, and read again, run by run"
    return ""


def _plans(tasks: Sequence[Task]) -> str:
    """Looks for labels with which the runs' batches would have other sizes, or other latents observed."""
    first = tasks[0].plan
    for task in tasks:
        plan, rows = task.plan, task.plan.labelled_rows
        if list(plan.variables) != list(first.variables) or len(rows) != len(first.labelled_rows):
            return f"the runs have other numbers of labels: {first.describe()}, and {plan.describe()}"
        for name, labels in plan.variables.items():
            if not torch.equal(labels.rows, rows):
                return f"batches differ in which of their rows are labelled for {name!r}: not all labelled rows are"
    return ""


def _compare(jobs: Sequence[Job], tasks: Sequence[Task]) -> None:
    """Raises UnbatchableError if a step computed together is not that of single runs."""
    batches = [task.gather(next(iter(task.sweep(0)))) for task in tasks]
    losses, gradients = _together(jobs, tasks[0], batches)
    for number, job in enumerate(jobs):
        loss, own = _alone(job, tasks[number], *batches[number])
        size = float(torch.stack([each.norm() for each in own.values()]).norm())
        limit = IN_HALF if job.settings.precision != "fp32" else TOLERANCE.get(loss.dtype, IN_HALF)
        _refuse_other("the loss", losses[number], loss, limit * abs(float(loss)))
        if not torch.isfinite(loss):  # for the training to say
            continue
        if own.keys() != gradients.keys():
            raise UnbatchableError("computed together, other parameters have gradients than in a single run")
        for name, gradient in own.items():
            allowed = limit * (float(gradient.norm()) + 0.01 * size)  # one that is 0 but for rounding has no digits
            _refuse_other(f"the gradient of {name}", gradients[name][number], gradient, allowed)


def _together(jobs: Sequence[Job], task: Task, batches: Sequence[Gathered]) -> tuple[Tensor, dict[str, Tensor]]:
    """Returns the losses and the gradients of the first step of some runs, on copies of their models."""
    settings, graph = jobs[0].settings, jobs[0].model.graph
    states = [TrainingState.start(copy.deepcopy(job.model).train(), settings, ()) for job in jobs]
    stack, sources = Stack(states, settings), [Source.of(noise_of_epoch(task.device, job.seed, 0)) for job in jobs]
    x, groups = torch.stack([x for x, _ in batches]), [list(groups_of(graph, labels, len(x))) for x, labels in batches]
    options = settings.options(settings.beta)
    with networks_in(settings.precision, task.device):
        found = objectives(states[0].model, stack, x, groups, task.estimators, options, sources, 0.0)
    found.losses.sum().backward()
    return found.losses.detach(), _gradients(stack.parameters)


def _alone(job: Job, task: Task, x: Tensor, labels: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
    """Returns the loss and the gradients of the same step of one of the runs."""
    settings, model = job.settings, copy.deepcopy(job.model).train()
    around, options = Surroundings(noise_of_epoch(task.device, job.seed, 0), 0.0), settings.options(settings.beta)
    with networks_in(settings.precision, task.device):
        loss = objective(model.graph, model.parts, x, labels, task.estimators, options, around).loss
    loss.backward()
    return loss.detach(), _gradients(dict(model.named_parameters()))


def _gradients(parameters: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: each.grad for name, each in parameters.items() if each.grad is not None}


def _refuse_other(what: str, together: Tensor, alone: Tensor, allowed: float) -> None:
    """Raises UnbatchableError if two tensors differ, unless neither is finite."""
    neither = not (torch.isfinite(together).all() or torch.isfinite(alone).all())
    if not neither and not float((together - alone).norm()) <= allowed:
        raise UnbatchableError(f"computed together, {what} is not that of a single run")
