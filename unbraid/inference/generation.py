"""Passes through p: generating and sampling rows."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from unbraid.graph.frame import Frame
from unbraid.graph.graph import Node
from unbraid.graph.spread import Spread
from unbraid.inference.known import Known


def generate(frame: Frame, known: Known, rows: int) -> Tensor:
    """Returns the mean of x given latents, shape (rows, *event); latents without a value take p's most probable one."""
    for name, value in known.values.items():
        frame = frame.fix(name, value)
    for name in frame.graph.generative_order():
        if name not in known.values:
            frame = frame.fix(name, known.value(frame, name, frame.graph.factors[name]))
    return mean_of_x(frame, rows)


def mean_of_x(frame: Frame, rows: int) -> Tensor:
    """Returns the mean of x once every latent is fixed, shape (rows, *event)."""
    node = frame.graph.likelihood
    parameters = {name: value.tensor for name, value in frame.parameters(node).items()}
    return node.family.mean(parameters).expand(rows, *node.family.event_shape)


def sample(frame: Frame, fixed: Known, rows: int, generator: torch.Generator | None) -> Frame:
    """Draws the latents that x depends on from p, parents first, but for those that are fixed by hand."""
    for name in frame.graph.generative_order():
        frame = frame.fix(name, fixed.value(frame, name, frame.graph.factors[name], _drawn(rows, generator)))
    return frame


def _drawn(rows: int, generator: torch.Generator | None) -> Callable[[Frame, Node], Spread]:
    """Returns what draws a factor of p."""

    def draw(frame: Frame, node: Node) -> Spread:
        parameters = {key: value.tensor for key, value in frame.parameters(node).items()}
        return Spread(node.family.draw(parameters, (rows,), generator))

    return draw
