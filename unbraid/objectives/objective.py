"""The objective of a batch with any pattern of labels."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from unbraid.estimators.estimator import Estimator
from unbraid.graph.frame import Frame
from unbraid.graph.graph import Graph
from unbraid.graph.spread import Spread
from unbraid.objectives.elbo import Pass, elbo_terms
from unbraid.objectives.pattern import groups_of
from unbraid.objectives.terms import Objective, Term

DEFAULT_ALPHA = 50.0


def objective(
    graph: Graph,
    modules: nn.ModuleDict,
    x: Tensor,
    labels: Mapping[str, Tensor],
    estimators: Mapping[str, Estimator],
    *,
    alpha: float = DEFAULT_ALPHA,
    gamma: float = 1.0,
    beta: float = 1.0,
    samples: int = 1,
    generator: torch.Generator | None = None,
) -> Objective:
    """Returns the objective of a batch: rows with the same latents observed are taken together.

    For each row, J = E[log p(x | v) + sum_O log p(v) - beta * sum_U KL(v)] + alpha * E[sum_O log q(v)] with the
    latents O observed and U not (NIPS version of Siddharth et al. 2017; Kingma et al. 2014, Eq. 9).

    Args:
        graph: The graph.
        modules: Its modules by name.
        x: The data, shape (rows, *event).
        labels: By latent: int64 (rows,) with -1, or floats (rows, *event) with NaN, where a row is not labelled.
        estimators: An estimator for each discrete latent.
        alpha: The weight of log q of the observed latents.
        gamma: The weight of rows with any label.
        beta: The weight of the KL terms; 1 for a bound on log p(x).
        samples: How many samples of the latents that are sampled.
        generator: Where noise is drawn from; torch's global generator if None.

    Returns:
        The loss, and its named terms.
    """
    target = graph.likelihood.family.target(x, generator)
    root = Frame(graph, modules, x)
    collected: dict[str, list[Term]] = {}
    loss = x.new_zeros(())
    for group in groups_of(graph, labels, x.shape[0]):
        frame = root if group.rows is None else root.rows(group.rows)
        scored = target if group.rows is None else target.index_select(0, group.rows)
        observed = {name: Spread(value.to(x.dtype)) for name, value in group.observed.items()}
        terms = elbo_terms(Pass(graph, Spread(scored), observed, estimators, samples, generator), frame)
        values = {name: _each_row(term.tensor, scored.shape[0]) for name, term in terms.values.items()}
        total = _total(values, alpha, beta).sum()
        loss = loss - (gamma * total if group.observed else total)
        for name, value in values.items():
            collected.setdefault(name, []).append(Term(value, group.rows))
    return Objective(loss / x.shape[0], {name: _together(parts) for name, parts in collected.items()})


def _total(values: Mapping[str, Tensor], alpha: float, beta: float) -> Tensor:
    """Returns the weighted sum of the terms of each row."""
    terms = iter(values.items())
    total = next(terms)[1]
    for name, value in terms:
        weight = -beta if name.startswith("KL(") else alpha if name.startswith("log q(") else 1.0
        total = torch.add(total, value, alpha=weight)
    return total


def _each_row(value: Tensor, rows: int) -> Tensor:
    return value.expand(rows) if value.shape[0] != rows else value


def _together(parts: list[Term]) -> Term:
    if len(parts) == 1:
        return parts[0]
    rows = [part.rows for part in parts if part.rows is not None]
    return Term(torch.cat([part.values for part in parts]), torch.cat(rows))
