"""Whether runs can be computed together, or why not."""

from __future__ import annotations

import copy
from collections.abc import Sequence
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

TOLERANCE = {torch.float64: 1e-8, torch.float32: 1e-3}
"""How far, as a part of itself, a gradient may be from that of a single run before it counts as another."""
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
    task, settings, graph = tasks[0], jobs[0].settings, jobs[0].model.graph
    gathered = [each.gather(next(iter(each.sweep(0)))) for each in tasks]
    alone = [copy.deepcopy(job.model).train() for job in jobs]
    states = [TrainingState.start(copy.deepcopy(job.model).train(), settings, ()) for job in jobs]
    options, stack = settings.options(settings.beta), Stack(states, settings)
    groups = [list(groups_of(graph, labels, len(x))) for x, labels in gathered]
    with networks_in(settings.precision, task.device):
        found = objectives(
            states[0].model, stack, torch.stack([x for x, _ in gathered]), groups, task.estimators, options,
            [Source.of(noise_of_epoch(task.device, job.seed, 0)) for job in jobs], 0.0,
        )  # fmt: skip
    found.losses.sum().backward()
    for number, (model, (x, labels)) in enumerate(zip(alone, gathered, strict=True)):
        around = Surroundings(noise_of_epoch(task.device, jobs[number].seed, 0), 0.0)
        with networks_in(settings.precision, task.device):
            loss = objective(model.graph, model.parts, x, labels, task.estimators, options, around).loss
        loss.backward()
        _refuse_other("the loss", found.losses[number], loss, settings.precision)
        for name, own in model.named_parameters():
            shared = stack.parameters[name].grad
            if own.grad is not None or shared is not None:
                together = None if shared is None else shared[number]
                _refuse_other(f"the gradient of {name}", together, own.grad, settings.precision)


def _refuse_other(what: str, together: Tensor | None, alone: Tensor | None, precision: str) -> None:
    if together is not None and alone is not None:
        tolerance = TOLERANCE.get(alone.dtype, IN_HALF) if precision == "fp32" else IN_HALF
        size, apart = float(alone.detach().norm()), float((together - alone).detach().norm())
        if apart <= tolerance * size + 1e-12 or not (torch.isfinite(alone).all() or torch.isfinite(together).all()):
            return
    raise UnbatchableError(f"computed together, {what} is not that of a single run")
