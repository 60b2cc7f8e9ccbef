"""Passes through a graph that answer a question; none of them needs a gradient."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.distributions import Distribution

from unbraid.graph.frame import Frame
from unbraid.graph.graph import Node
from unbraid.graph.spread import SAMPLES, Spread, union
from unbraid.objectives.bound import sample as draw_latent
from unbraid.objectives.terms import add


def most_probable(frame: Frame, node: Node) -> Spread:
    """Returns the most probable value of a random variable, as its children see it."""
    parameters = frame.parameters(node)
    axes = union(parameters.values())
    return Spread(node.family.most_probable({name: value.align(axes) for name, value in parameters.items()}), axes)


def recognise(frame: Frame, known: Mapping[str, Spread]) -> Frame:
    """Fixes every latent, in the order of q, to its known or most probable value."""
    for name, node in frame.graph.latents.items():
        frame = frame.fix(name, known[name] if name in known else most_probable(frame, node))
    return frame


def infer(frame: Frame, known: Mapping[str, Spread], rows: int) -> dict[str, Distribution]:
    """Returns the distribution q of each latent, with batch shape (rows,)."""
    frame = recognise(frame, known)
    return {name: frame.distribution(node).expand(torch.Size([rows])) for name, node in frame.graph.latents.items()}


def predict(frame: Frame, known: Mapping[str, Spread], rows: int) -> dict[str, Tensor]:
    """Returns the most probable label of each latent, with one row for each row of x."""
    frame = recognise(frame, known)
    labels = {}
    for name, node in frame.graph.latents.items():
        label = node.family.label_of(frame[node].tensor)
        labels[name] = label.expand(rows, *node.family.label_shape)
    return labels


def generate(frame: Frame, values: Mapping[str, Spread], rows: int) -> Tensor:
    """Returns the mean of x given latents, shape (rows, *event); latents without a value take p's most probable one."""
    for name, value in values.items():
        frame = frame.fix(name, value)
    for name in frame.graph.generative_order():
        if name not in values:
            frame = frame.fix(name, most_probable(frame, frame.graph.factors[name]))
    return mean_of_x(frame, rows)


def mean_of_x(frame: Frame, rows: int) -> Tensor:
    """Returns the mean of x once every latent is fixed, shape (rows, *event)."""
    node = frame.graph.likelihood
    parameters = {name: value.tensor for name, value in frame.parameters(node).items()}
    return node.family.mean(parameters).expand(rows, *node.family.event_shape)


def sample(frame: Frame, fixed: Mapping[str, Spread], rows: int, generator: torch.Generator | None) -> Frame:
    """Draws the latents that x depends on from p, parents first, but for those that are fixed by hand."""
    for name in frame.graph.generative_order():
        frame = frame.fix(name, fixed[name] if name in fixed else _draw_prior(frame, name, rows, generator))
    return frame


def _draw_prior(frame: Frame, name: str, rows: int, generator: torch.Generator | None) -> Spread:
    node = frame.graph.factors[name]
    parameters = {key: value.tensor for key, value in frame.parameters(node).items()}
    return Spread(node.family.draw(parameters, (rows,), generator))


def log_weights(frame: Frame, target: Tensor, samples: int, generator: torch.Generator | None) -> Tensor:
    """Draws every latent from q and returns log p(target, v) - log q(v | x), shape (samples, rows)."""
    graph = frame.graph
    for name, node in graph.latents.items():
        frame = frame.fix(name, draw_latent(frame, node, samples, target.shape[0], generator))
    total = frame.score(graph.likelihood, Spread(target))
    for name, node in graph.latents.items():
        total = add(total, frame.score(graph.factors[name], frame[node]))
        score = frame.score(node, frame[node])
        total = add(total, Spread(-score.tensor, score.axes))
    return total.align((SAMPLES,)).expand(samples, target.shape[0])
