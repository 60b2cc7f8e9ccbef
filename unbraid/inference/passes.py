"""Passes through a graph that answer a question; none of them needs a gradient."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.distributions import Distribution

from unbraid.errors import ModelError
from unbraid.graph.frame import Frame
from unbraid.graph.graph import Graph, Node
from unbraid.graph.spread import SAMPLES, Spread
from unbraid.inference.domains import outside_domain
from unbraid.inference.known import Known
from unbraid.objectives.bound import sample as draw_latent
from unbraid.objectives.terms import add, multiply


def recognise(frame: Frame, known: Known) -> Frame:
    """Fixes every latent, in the order of q, to its known or most probable value."""
    for name, node in frame.graph.latents.items():
        frame = frame.fix(name, known.value(frame, name, node))
    return frame


def infer(frame: Frame, known: Known, rows: int) -> dict[str, Distribution]:
    """Returns the distribution q of each series of latents, with batch shape (rows, *steps).

    Raises:
        ModelError: If the program gives a distribution a parameter outside its domain.
    """
    frame = recognise(frame, known)
    latents = frame.graph.latents
    if found := outside_domain(frame, "q", latents):
        raise ModelError(found)
    return {
        name: _together([latents[member] for member in each.members], frame, (rows, *each.steps))
        for name, each in frame.graph.series.items()
    }


def parameters_of_q(frame: Frame, rows: int) -> dict[str, dict[str, Tensor]]:
    """Returns the parameters of the distribution q of each series of latents, (rows, *steps, *event)."""
    return {
        name: _stacked([frame.graph.latents[member] for member in each.members], frame, (rows, *each.steps))
        for name, each in frame.graph.series.items()
    }


def _together(nodes: list[Node], frame: Frame, batch: tuple[int, ...]) -> Distribution:
    """Returns the distributions of a series as one, of this batch shape."""
    if len(nodes) == 1 and len(batch) == 1:
        whole: Distribution = frame.distribution(nodes[0]).expand(torch.Size(batch))
        return whole
    return nodes[0].family.distribution(**_stacked(nodes, frame, batch))


def _stacked(nodes: list[Node], frame: Frame, batch: tuple[int, ...]) -> dict[str, Tensor]:
    """Returns the parameters of the distributions of a series, of this batch shape."""
    parameters: dict[str, list[Tensor]] = {}
    for node in nodes:
        for name, value in frame.parameters(node).items():
            parameters.setdefault(name, []).append(value.tensor.expand(batch[0], *value.event_shape))
    if len(batch) == 1:
        return {name: each[0] for name, each in parameters.items()}
    return {name: torch.stack(each, 1).unflatten(1, batch[1:]) for name, each in parameters.items()}


def predict(frame: Frame, known: Known, rows: int) -> dict[str, Tensor]:
    """Returns the most probable label of each latent of the graph, with one row for each row of x."""
    frame = recognise(frame, known)
    labels = {}
    for name, node in frame.graph.latents.items():
        label = node.family.label_of(frame[node].tensor)
        labels[name] = label.expand(rows, *node.family.label_shape)
    return labels


def without_absent(graph: Graph, labels: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Marks the labels of steps past their count as missing: -1, or NaN."""
    shown = dict(labels)
    for name, counts in graph.counts.items():
        for count, step in counts:
            absent = (labels[count] <= step).view(-1, *(1,) * (labels[name].dim() - 1))
            shown[name] = shown[name].masked_fill(absent, torch.nan if shown[name].is_floating_point() else -1)
    return shown


def log_weights(frame: Frame, target: Tensor, samples: int, generator: torch.Generator | None) -> Tensor:
    """Draws every latent from q and returns log p(target, v) - log q(v | x), shape (samples, rows)."""
    graph = frame.graph
    for name, node in graph.latents.items():
        frame = frame.fix(name, draw_latent(frame, node, samples, target.shape[0], generator))
    total = frame.score(graph.likelihood, Spread(target))
    for name, node in graph.latents.items():
        score = frame.score(node, frame[node])
        ratio = add(frame.score(graph.factors[name], frame[node]), Spread(-score.tensor, score.axes))
        there = frame.presence(name)
        total = add(total, ratio if there is None else multiply(ratio, there))
    return total.align((SAMPLES,)).expand(samples, target.shape[0])
