"""The objective of a batch with any pattern of labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import torch
from torch import Tensor, nn

from unbraid.errors import OptionError
from unbraid.estimators.estimator import Estimator
from unbraid.graph.frame import Frame
from unbraid.graph.graph import Graph
from unbraid.graph.spread import Spread
from unbraid.objectives.bound import Pass, Surroundings, bound_terms
from unbraid.objectives.captured import KEEPS_STATE, flattened, keeps_state, kind_of_pass, restored
from unbraid.objectives.matching import matched
from unbraid.objectives.options import Options
from unbraid.objectives.pattern import Group, groups_of
from unbraid.objectives.terms import Objective, Term
from unbraid.objectives.total import maximised


def objective(
    graph: Graph,
    modules: nn.ModuleDict,
    x: Tensor,
    labels: Mapping[str, Tensor],
    estimators: Mapping[str, Estimator],
    options: Options,
    surroundings: Surroundings,
) -> Objective:
    """Returns the objective of a batch: rows with the same latents observed are taken together.

    For each row, J = E[log p(x | v) + sum_O log p(v) - beta * sum_U KL(v)] + alpha * E[sum_O log q(v)] with the
    latents O observed and U not (NIPS version of Siddharth et al. 2017; Kingma et al. 2014, Eq. 9), unless the options
    say otherwise.

    Args:
        graph: The graph.
        modules: Its modules by name.
        x: The data, shape (rows, *event).
        labels: By latent: int64 (rows,) with -1, or floats (rows, *event) with NaN, where a row is not labelled. On the
            CPU, wherever x is, their patterns are found without waiting for a device.
        estimators: An estimator for each discrete latent.
        options: What is maximised.
        surroundings: Where noise is drawn from, and how far the training has come.

    Returns:
        The loss, and its named terms.

    Raises:
        OptionError: If no row has any weight: gamma is 0 and all rows are labelled.
    """
    if graph.matched and labels:
        labels = matched(Frame(graph, modules, x), labels)
    groups = list(groups_of(graph, labels, x.shape[0]))
    compute = partial(objective_of_groups, graph, modules, x, groups, estimators, options, surroundings)
    if surroundings.captures is None:
        return compute()
    if keeps_state(estimators):
        surroundings.captures.leave(*KEEPS_STATE)
        return compute()
    kind, inputs = kind_of_pass(x, groups, estimators, options, surroundings)
    families = [node.family for node in (*graph.latents.values(), *graph.factors.values(), graph.likelihood)]
    meaning, tensors = surroundings.captures.outputs(
        kind, modules, inputs, surroundings.generator, lambda: flattened(compute()), (*families, *estimators.values())
    )
    return restored(meaning, tensors)


def objective_of_groups(
    graph: Graph,
    modules: nn.ModuleDict,
    x: Tensor,
    groups: Sequence[Group],
    estimators: Mapping[str, Estimator],
    options: Options,
    surroundings: Surroundings,
) -> Objective:
    """Returns the objective of a batch whose rows are already grouped by what is observed; see `objective`.

    Args:
        graph: The graph.
        modules: Its modules by name.
        x: The data, shape (rows, *event).
        groups: As `groups_of` finds them. Nothing that follows depends on the values of labels, so it may be batched.
        estimators: An estimator for each discrete latent.
        options: What is maximised.
        surroundings: Where noise is drawn from, and how far the training has come.

    Returns:
        The loss, and its named terms.

    Raises:
        OptionError: If no row has any weight.
    """
    target = graph.likelihood.family.target(x, surroundings.generator)
    root = Frame(graph, modules, x)
    collected: dict[str, list[Term]] = {}
    losses: list[Tensor] = []
    if options.gamma == 0 and all(group.observed for group in groups):
        raise OptionError(
            "gamma=0 gives rows with a label no weight, and every row of this batch has one: nothing would be learned "
            "from it. Raise gamma, or leave the labels out."
        )
    for group in groups:
        rows = None if group.rows is None else group.rows.to(x.device)
        frame = root if rows is None else root.rows(rows)
        scored = target if rows is None else target.index_select(0, rows)
        observed = {name: Spread(value.to(x)) for name, value in group.observed.items()}
        terms = bound_terms(Pass(graph, Spread(scored), observed, estimators, options, surroundings), frame)
        values = {name: _each_row(term.tensor, scored.shape[0]) for name, term in terms.values.items()}
        evidence = terms.evidence.tensor if terms.evidence is not None else None
        weight = options.gamma if group.observed else 1.0
        if weight:
            losses.append(maximised(values, evidence, options).sum() * (-weight / x.shape[0]))
        for name, value in values.items():
            collected.setdefault(name, []).append(Term(value, rows))
    loss = losses[0] if len(losses) == 1 else torch.stack(losses).sum()
    return Objective(loss, {name: _together(parts) for name, parts in collected.items()})


def _each_row(value: Tensor, rows: int) -> Tensor:
    return value.expand(rows) if value.shape[0] != rows else value


def _together(parts: list[Term]) -> Term:
    if len(parts) == 1:
        return parts[0]
    rows = [part.rows for part in parts if part.rows is not None]
    return Term(torch.cat([part.values for part in parts]), torch.cat(rows))
