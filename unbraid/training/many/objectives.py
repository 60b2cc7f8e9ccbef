"""The objectives of one batch a run, computed together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call

from unbraid.estimators.estimator import Estimator
from unbraid.model import Model
from unbraid.objectives.bound import Surroundings
from unbraid.objectives.objective import objective_of_groups
from unbraid.objectives.options import Options
from unbraid.objectives.pattern import Group
from unbraid.objectives.terms import Objective, Term
from unbraid.training.many.noise import OwnNoise, Source
from unbraid.training.many.stack import Stack
from unbraid.training.many.unbatchable import UnbatchableError


@dataclass(frozen=True, slots=True, eq=False)
class Objectives:
    """The objectives of S runs.

    Attributes:
        losses: Shape (S,).
        terms: By name (S, m), one number for each row that it applies to.
        rows: By name, which rows these are, in every run; None for all.
    """

    losses: Tensor
    terms: Mapping[str, Tensor]
    rows: Mapping[str, Tensor | None]

    def of(self, number: int) -> Objective:
        """Returns the objective of one run."""
        terms = {name: Term(values[number], self.rows[name]) for name, values in self.terms.items()}
        return Objective(self.losses[number], terms)

    def only(self, kept: Sequence[int]) -> Objectives:
        """Returns the objectives of some of the runs."""
        terms = {name: values[list(kept)] for name, values in self.terms.items()}
        return Objectives(self.losses[list(kept)], terms, self.rows)


def objectives(
    model: Model,
    stack: Stack,
    x: Tensor,
    groups: Sequence[Sequence[Group]],
    estimators: Mapping[str, Estimator],
    options: Options,
    sources: Sequence[Source],
    progress: float,
) -> Objectives:
    """Returns what `objective` returns for every run, with its own parameters, rows, labels and noise.

    Args:
        model: Any of the models: all have its graph.
        stack: The parameters of all of them.
        x: The rows, (S, rows, *event).
        groups: Of each run; they have the same latents observed in the same places of the batch.
        estimators: Of each discrete latent.
        options: What is maximised.
        sources: Of each run's noise.
        progress: How far the training has come, 0 to 1.

    Raises:
        UnbatchableError: If the groups do not agree, or an estimator keeps a state.
    """
    observed = _together(groups)
    rows: dict[str, Tensor | None] = {}
    runs = torch.arange(len(x), device=x.device)

    def of_one(
        weights: dict[str, Tensor], x: Tensor, observed: list[dict[str, Tensor]], run: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        grouped = [Group(first.rows, each) for first, each in zip(groups[0], observed, strict=True)]
        with OwnNoise(sources, run) as noise:
            around = Surroundings(noise.generator, progress)
            found: Objective = functional_call(_Run(model), weights, (x, grouped, estimators, options, around))
        if any(around.baselines.values()):
            kept = next(name for name, each in around.baselines.items() if each)
            raise UnbatchableError(f"the estimator of {kept!r} keeps running means")
        rows.update({name: term.rows for name, term in found.terms.items()})
        return found.loss, {name: term.values for name, term in found.terms.items()}

    weights = {f"model.{name}": each for name, each in (*stack.parameters.items(), *stack.buffers.items())}
    losses, terms = torch.vmap(of_one)(weights, x, observed, runs)
    return Objectives(losses, terms, rows)


class _Run(nn.Module):
    """A model as a function of its parameters."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.model = model

    def forward(
        self,
        x: Tensor,
        groups: Sequence[Group],
        estimators: Mapping[str, Estimator],
        options: Options,
        around: Surroundings,
    ) -> Objective:
        """Returns the objective of one run's batch."""
        return objective_of_groups(self.model.graph, self.model.parts, x, groups, estimators, options, around)


def _together(groups: Sequence[Sequence[Group]]) -> list[dict[str, Tensor]]:
    """Puts the observed values of all runs together, group by group: (S, m, *event)."""
    first = groups[0]
    for each in groups:
        if [tuple(group.observed) for group in each] != [tuple(group.observed) for group in first] or not all(
            _same(group.rows, other.rows) for group, other in zip(each, first, strict=True)
        ):
            raise UnbatchableError("their batches have other latents observed in other places")
    return [
        {name: torch.stack([each[place].observed[name] for each in groups]) for name in group.observed}
        for place, group in enumerate(first)
    ]


def _same(one: Tensor | None, other: Tensor | None) -> bool:
    if one is None or other is None:
        return one is other
    return torch.equal(one, other)
