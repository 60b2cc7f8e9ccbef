"""The bound on log p(x) of a graph, with any of its latents observed."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from unbraid.capture import Captures
from unbraid.estimators.estimator import Estimator, Site
from unbraid.graph.frame import Frame
from unbraid.graph.graph import Graph, Node
from unbraid.graph.once import once
from unbraid.graph.series import series_name
from unbraid.graph.spread import SAMPLES, Spread, union
from unbraid.objectives.options import Options
from unbraid.objectives.presence import absent, labelled, logits_where_present, present
from unbraid.objectives.terms import Terms, add
from unbraid.objectives.total import BOUND


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a pass is given beside the rows.

    Attributes:
        generator: Where noise is drawn from; torch's global generator if None.
        progress: How far the training has come, 0 to 1.
        baselines: For each discrete latent the running means of its terms, for estimators that keep some; changed in
            place.
        captures: Where passes are captured to be replayed; None if each is computed as it is written.
    """

    generator: torch.Generator | None = None
    progress: float = 1.0
    baselines: dict[str, dict[str, Tensor]] = field(default_factory=dict)
    captures: Captures | None = None


@dataclass(frozen=True, slots=True)
class Pass:
    """One pass through a graph: what is observed in its rows, and how the rest is estimated.

    Attributes:
        graph: The graph.
        target: What the likelihood scores, shape (rows, *event).
        observed: The values of the observed latents.
        estimators: An estimator for each discrete latent.
        options: What is maximised.
        surroundings: Noise, and how far the training has come.
    """

    graph: Graph
    target: Spread
    observed: Mapping[str, Spread]
    estimators: Mapping[str, Estimator]
    options: Options
    surroundings: Surroundings

    @property
    def samples_first(self) -> bool:
        """Whether samples are averaged before discrete latents are summed out: no discrete one depends on a sample."""
        latents = self.graph.latents
        free = [name for name in latents if name not in self.observed]
        drawn = {name for name in free if name not in self.estimators}
        return all(self.graph.q_ancestors[name].isdisjoint(drawn) for name in free if name in self.estimators)

    @property
    def outside(self) -> bool:
        """Whether discrete latents are outside of the importance bound's logarithm: one value for all samples."""
        return self.options.bound == "importance" and self.samples_first


def bound_terms(run: Pass, frame: Frame) -> Terms:
    """Returns the terms of the bound for rows that all have the same latents observed.

    With O observed and U not, the terms add up to (Siddharth et al. 2017; Kingma et al. 2014, Eqs. 6 and 7)

        E_q(U | x, O) [ log p(x | v) + sum_O log p(v) + sum_U (log p(v) - log q(v | pa)) ],

    and beside it stands E_q(U | x, O) [ sum_O log q(v | pa) ] as "log q(v)".

    Under ``bound="importance"`` there is one more term, log (1/S) sum_s p(x, O, u_s) / q(u_s | x, ...) with U drawn
    from q (Burda et al. 2016, Eq. 8), and the others are its parts, for the record. Discrete latents k are outside of
    the logarithm, E_q(k) [log p(k) / q(k) + log (1/S) sum_s ...], unless one of them depends on a sample: then all are
    inside, log (1/S) sum_s exp E_q(k) [log p(x, O, u_s, k) / q(u_s, k | x, ...)], which is a bound as well.

    Args:
        run: What is observed, and how the rest is estimated.
        frame: The frame of these rows.

    Returns:
        The terms, without axes: one number a row.
    """
    return _over_samples(run, _expect(run, frame, tuple(run.graph.latents)))


def _over_samples(run: Pass, terms: Terms) -> Terms:
    """Averages the terms over the samples; the importance bound is the logarithm of an average."""
    carried = union((*terms.values.values(), *((terms.evidence,) if terms.evidence else ())))
    if SAMPLES not in carried:
        return terms
    target, samples = run.target.tensor, run.options.samples
    weights = torch.full((samples, 1), -math.log(samples), dtype=target.dtype, device=target.device)
    averaged = terms.expect(Spread(weights, (SAMPLES,)), SAMPLES)
    bound = terms.values.get(BOUND)
    if bound is None:
        return averaged
    dim = bound.axes.index(SAMPLES)
    left = tuple(axis for axis in bound.axes if axis != SAMPLES)
    whole = Spread(torch.logsumexp(bound.tensor, dim) - math.log(samples), left)
    return Terms({**averaged.values, BOUND: whole}, averaged.evidence)


def _expect(run: Pass, frame: Frame, pending: tuple[str, ...]) -> Terms:
    """Fixes the pending latents one after the other, and takes the expectation of the terms over each."""
    if not pending:
        return _score(run, frame)
    name, rest = pending[0], pending[1:]
    if name in run.observed:
        return _expect(run, frame.fix(name, run.observed[name]), rest)
    if name in run.estimators:
        return run.estimators[name](_site(run, frame, name), lambda value: _expect(run, frame.fix(name, value), rest))
    drawn = sample(frame, run.graph.latents[name], run.options.samples, run.target.rows, run.surroundings.generator)
    return _expect(run, frame.fix(name, drawn), rest)


def _site(run: Pass, frame: Frame, name: str) -> Site:
    """Describes a discrete latent to its estimator."""
    family, parameters = run.graph.latents[name].family, frame.parameters(run.graph.latents[name])
    axes = union(parameters.values())
    logits = Spread(family.logits({key: value.align(axes) for key, value in parameters.items()}), axes)
    around = run.surroundings
    return Site(
        name=name,
        family=family,
        logits=logits_where_present(frame, name, logits),
        axis=run.graph.axes[name],
        settle=frame.settle,
        samples=1 if run.outside else run.options.samples,
        generator=around.generator,
        progress=around.progress,
        baseline=around.baselines.setdefault(name, {}),
    )


def sample(frame: Frame, node: Node, samples: int, rows: int, generator: torch.Generator | None) -> Spread:
    """Draws a latent from q, for every row by itself, along the axis of samples where there are several."""
    parameters = frame.parameters(node)
    axes = union(parameters.values())
    if samples > 1 and SAMPLES not in axes:
        axes = (*axes, SAMPLES)
    aligned = {key: value.align(axes) for key, value in parameters.items()}
    batch = len(axes)
    leading = (max(sizes) for sizes in zip(*(value.shape[:batch] for value in aligned.values()), strict=True))
    shape = [*leading, rows]
    if SAMPLES in axes:
        shape[axes.index(SAMPLES)] = samples
    return Spread(node.family.draw(aligned, tuple(shape), generator), axes)


def _score(run: Pass, frame: Frame) -> Terms:
    """Scores every factor once all latents are fixed; the terms of a `Repeat`'s steps add up to one."""
    graph = run.graph
    values = {"log p(x)": frame.score(graph.likelihood, run.target)}
    evidence: Spread | None = None
    for name, node in graph.latents.items():
        factor, value, title = graph.factors[name], frame[node], series_name(name)
        if name not in run.observed:
            _put(values, f"KL({title})", present(_divergence(run, frame, name, value), frame.presence(name)))
            continue
        scores = frame.score(factor, value), frame.score(node, value)
        log_p, log_q = labelled(frame, name, run.observed, *scores)
        _put(values, f"log p({title})", log_p)
        _put(values, f"log q({title})", log_q)
        if run.options.supervision == "eq4" or not graph.q_ancestors[name] <= run.observed.keys():
            evidence = log_q if evidence is None else add(evidence, log_q)
    return Terms(values, evidence) if run.options.bound == "elbo" else _weighed(run, values)


def _put(values: dict[str, Spread], name: str, value: Spread) -> None:
    """Adds a value to the term of this name."""
    values[name] = add(values[name], value) if name in values else value


def _weighed(run: Pass, values: Mapping[str, Spread]) -> Terms:
    """Adds log p(x, O, u) - log q(u | x) of the samples u, which need no weights for the labels."""
    total: Spread | None = None
    for name, value in values.items():
        if name.startswith("log q("):
            continue
        signed = Spread(-value.tensor, value.axes) if name.startswith("KL(") else value
        total = signed if total is None else add(total, signed)
    assert total is not None
    terms = Terms({BOUND: total, **values})
    return _over_samples(run, terms) if run.outside else terms


def closed_form(graph: Graph, observed: Collection[str], name: str) -> bool:
    """Says whether the divergence of an unobserved latent v is KL(q(v) || p(v)) instead of log q - log p at its value.

    It is where the expectation over v is q's own, and q and p are of one family. It is not where p(v | ...) depends on
    what follows v in q, nor where a label below v reweights it.

    Args:
        graph: The graph.
        observed: The latents that are observed in the row.
        name: The latent.
    """
    return _closed_form(graph, frozenset(observed), name)


@once
def _closed_form(graph: Graph, observed: frozenset[str], name: str) -> bool:
    """Answers `closed_form`, once for each question: a step of training asks every time."""
    below = graph.descendants(name)
    own = below.isdisjoint(observed) and (below | {name}).isdisjoint(graph.p_parents[name])
    return own and graph.latents[name].family.kind == graph.factors[name].family.kind


def _divergence(run: Pass, frame: Frame, name: str, value: Spread) -> Spread:
    """Returns log q - log p of an unobserved latent: in closed form where there is one (see `closed_form`)."""
    q, p = run.graph.latents[name], run.graph.factors[name]
    known = _known_divergence(run, frame, name)
    if known is not None and closed_form(run.graph, run.observed, name):
        return known
    score_p = frame.score(p, value)
    sampled = add(frame.score(q, value), Spread(-score_p.tensor, score_p.axes))
    if known is None:
        return sampled
    axes = union((known, sampled))
    unlabelled = _nothing_labelled_below(run, frame, name)
    return Spread(torch.where(unlabelled, known.align(axes), sampled.align(axes)), axes)


def _known_divergence(run: Pass, frame: Frame, name: str) -> Spread | None:
    """Returns KL(q || p) in closed form; None where there is none in any row."""
    q, p = run.graph.latents[name], run.graph.factors[name]
    fillers = {below for below in run.graph.descendants(name) & run.observed.keys() if below in run.graph.counts}
    if run.options.bound != "elbo" or not closed_form(run.graph, run.observed.keys() - fillers, name):
        return None
    left, right = frame.parameters(q), frame.parameters(p)
    axes = union((*left.values(), *right.values()))
    divergence = q.family.kl(*({key: part.align(axes) for key, part in side.items()} for side in (left, right)))
    return None if divergence is None else Spread(divergence, axes)


def _nothing_labelled_below(run: Pass, frame: Frame, name: str) -> Tensor:
    """Says in which rows all labels below a latent are of steps that are not there, (rows,)."""
    below = (absent(frame, other) for other in run.graph.descendants(name) & run.observed.keys())
    return torch.stack([missing for missing in below if missing is not None]).all(0)
