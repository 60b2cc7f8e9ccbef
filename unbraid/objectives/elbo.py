"""The evidence lower bound of a graph, with any of its latents observed."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from unbraid.estimators.estimator import Estimator, Site
from unbraid.graph.frame import Frame
from unbraid.graph.graph import Graph, Node
from unbraid.graph.spread import SAMPLES, Spread, union
from unbraid.objectives.terms import Terms, add


@dataclass(frozen=True, slots=True)
class Pass:
    """One pass through a graph: what is observed in its rows, and how the rest is estimated.

    Attributes:
        graph: The graph.
        target: What the likelihood scores, shape (rows, *event).
        observed: The values of the observed latents.
        estimators: An estimator for each discrete latent.
        samples: How many independent samples S of the sampled latents.
        generator: Where noise is drawn from.
        progress: How far the training has come, 0 to 1.
        baselines: For each discrete latent the running means of its terms, for estimators that keep some.
    """

    graph: Graph
    target: Spread
    observed: Mapping[str, Spread]
    estimators: Mapping[str, Estimator]
    samples: int = 1
    generator: torch.Generator | None = None
    progress: float = 1.0
    baselines: dict[str, dict[str, Tensor]] = field(default_factory=dict)


def elbo_terms(run: Pass, frame: Frame) -> Terms:
    """Returns the terms of the bound for rows that all have the same latents observed.

    With O observed and U not, the terms add up to (Siddharth et al. 2017; Kingma et al. 2014, Eqs. 6 and 7)

        E_q(U | x, O) [ log p(x | v) + sum_O log p(v) + sum_U (log p(v) - log q(v | pa)) ],

    and beside it stands E_q(U | x, O) [ sum_O log q(v | pa) ] as "log q(v)".

    Args:
        run: What is observed, and how the rest is estimated.
        frame: The frame of these rows.

    Returns:
        The terms, without axes: one number a row.
    """
    terms = _expect(run, frame, tuple(run.graph.latents))
    carried = union((*terms.values.values(), *((terms.evidence,) if terms.evidence else ())))
    if SAMPLES not in carried:
        return terms
    samples = torch.full(
        (run.samples, 1), -math.log(run.samples), dtype=run.target.tensor.dtype, device=run.target.tensor.device
    )
    return terms.expect(Spread(samples, (SAMPLES,)), SAMPLES)


def _expect(run: Pass, frame: Frame, pending: tuple[str, ...]) -> Terms:
    """Fixes the pending latents one after the other, and takes the expectation of the terms over each."""
    if not pending:
        return _score(run, frame)
    name, rest = pending[0], pending[1:]
    if name in run.observed:
        return _expect(run, frame.fix(name, run.observed[name]), rest)
    node = run.graph.latents[name]
    if node.family.cardinality is not None:
        return run.estimators[name](_site(run, frame, name), lambda value: _expect(run, frame.fix(name, value), rest))
    return _expect(run, frame.fix(name, sample(frame, node, run.samples, run.target.rows, run.generator)), rest)


def _site(run: Pass, frame: Frame, name: str) -> Site:
    """Describes a discrete latent to its estimator."""
    logits = frame.parameters(run.graph.latents[name])["logits"]
    baseline = run.baselines.setdefault(name, {})
    return Site(name, logits, run.graph.axes[name], frame.settle, run.samples, run.generator, run.progress, baseline)


def sample(frame: Frame, node: Node, samples: int, rows: int, generator: torch.Generator | None) -> Spread:
    """Draws a latent from q, for every row by itself, along the axis of samples where there are several."""
    parameters = frame.parameters(node)
    axes = union(parameters.values())
    if samples > 1 and SAMPLES not in axes:
        axes = (*axes, SAMPLES)
    aligned = {key: value.align(axes) for key, value in parameters.items()}
    batch = len(axes)
    shape = [*torch.broadcast_shapes(*(value.shape[:batch] for value in aligned.values())), rows]
    if SAMPLES in axes:
        shape[axes.index(SAMPLES)] = samples
    return Spread(node.family.draw(aligned, tuple(shape), generator), axes)


def _score(run: Pass, frame: Frame) -> Terms:
    """Scores every factor once all latents are fixed."""
    graph = run.graph
    values = {"log p(x)": frame.score(graph.likelihood, run.target)}
    evidence: Spread | None = None
    for name, node in graph.latents.items():
        factor, value = graph.factors[name], frame[node]
        if name not in run.observed:
            values[f"KL({name})"] = _divergence(run, frame, name, value)
            continue
        values[f"log p({name})"] = frame.score(factor, value)
        values[f"log q({name})"] = score = frame.score(node, value)
        if not graph.q_ancestors[name] <= run.observed.keys():
            evidence = score if evidence is None else add(evidence, score)
    return Terms(values, evidence)


def closed_form(graph: Graph, observed: Collection[str], name: str) -> bool:
    """Says whether the divergence of an unobserved latent v is KL(q(v) || p(v)) instead of log q - log p at its value.

    It is where the expectation over v is q's own, and q and p are of one family. It is not where p(v | ...) depends on
    what follows v in q, nor where a label below v reweights it.

    Args:
        graph: The graph.
        observed: The latents that are observed in the row.
        name: The latent.
    """
    below = graph.descendants(name)
    own = below.isdisjoint(observed) and (below | {name}).isdisjoint(graph.p_parents[name])
    return own and type(graph.latents[name].family) is type(graph.factors[name].family)


def _divergence(run: Pass, frame: Frame, name: str, value: Spread) -> Spread:
    """Returns log q - log p of an unobserved latent: in closed form where there is one (see `closed_form`)."""
    q, p = run.graph.latents[name], run.graph.factors[name]
    if closed_form(run.graph, run.observed, name):
        left, right = frame.parameters(q), frame.parameters(p)
        axes = union((*left.values(), *right.values()))
        aligned = [{key: part.align(axes) for key, part in side.items()} for side in (left, right)]
        divergence = q.family.kl(*aligned)
        if divergence is not None:
            return Spread(divergence, axes)
    score_p = frame.score(p, value)
    return add(frame.score(q, value), Spread(-score_p.tensor, score_p.axes))
