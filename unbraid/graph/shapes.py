"""Shapes: a dry run over rows of zeros sizes the lazy layers and finds what does not fit, before any data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import nn

from unbraid.errors import ModelError
from unbraid.graph.frame import Frame
from unbraid.graph.graph import Graph, Node, refs_in
from unbraid.graph.rowwise import refuse_mixed_rows, refuse_noise
from unbraid.graph.spread import Spread
from unbraid.graph.symbol import Call, Data, Draw, Layer, describe

ROWS = 13
"""How many rows of zeros: a number that is seldom the size of anything else."""


def settle_shapes(graph: Graph, modules: nn.ModuleDict, title: str) -> dict[int, tuple[int, ...]]:
    """Runs a graph over rows of zeros.

    Args:
        graph: The graph.
        modules: Its modules by name; lazy ones take their sizes.
        title: The model's name, for messages.

    Returns:
        The event shape of every node.

    Raises:
        ModelError: If a node cannot be computed, does not keep the rows apart, or draws noise when the model is asked;
            the message names it, its line and the shapes that it was given.
    """
    frame = Frame(graph, modules, torch.zeros(ROWS, *graph.likelihood.family.event_shape))
    for name, node in graph.latents.items():
        frame = frame.fix(name, Spread(torch.zeros(ROWS, *node.family.event_shape)))
    shapes: dict[int, tuple[int, ...]] = {}
    modes = [(module, module.training) for module in modules.modules()]
    modules.eval()
    with torch.no_grad():
        for node in graph.nodes:
            shapes[node.index] = _settle(frame, node, shapes, title)
        for node in _unknown(graph):
            refuse_mixed_rows(frame, node, _where(node, title))
    for module, training in modes:
        module.training = training
    return shapes


def _unknown(graph: Graph) -> Iterable[Node]:
    """Returns the nodes of functions and modules that might mix the rows; of those that `Repeat`'s steps share, one."""
    operations = [(node, node.operation) for node in graph.nodes]
    calls = {id(each): node for node, each in operations if isinstance(each, Call) and not each.elementwise}
    modules = {id(each.module): node for node, each in operations if isinstance(each, Layer) and each.foreign}
    return [*calls.values(), *modules.values()]


def _where(node: Node, title: str) -> str:
    """Names the method and the line of a node, for messages."""
    return f"{title}.{node.part} ({node.where})"


def _settle(frame: Frame, node: Node, shapes: Mapping[int, tuple[int, ...]], title: str) -> tuple[int, ...]:
    """Computes one node of the dry run and returns its event shape."""
    where = _where(node, title)
    if isinstance(node.operation, Draw):
        _check_parameters(node, shapes, where)
        return node.family.event_shape
    start = ROWS if isinstance(node.operation, Data) else 1
    state = torch.get_rng_state()
    try:
        value = frame[node].tensor
        rows = max((frame[frame.graph.node(ref)].rows for ref in refs_in((node.args, node.kwargs))), default=start)
    except ModelError as error:
        raise ModelError(f"{where}: {describe(node.operation)} {error}") from error
    except Exception as error:
        given = ", ".join(
            f"{frame.graph.node(ref).name}: (rows, {', '.join(map(str, shapes[ref.index]))})"
            for ref in refs_in((node.args, node.kwargs))
        )
        text = f"{where}: {describe(node.operation)} does not accept what it is given ({given}). "
        raise ModelError(text + (_other_sizes(frame.graph, node, shapes) or _reason(error))) from error
    if value.dim() == 0 or value.shape[0] != rows:
        raise ModelError(
            f"{where}: {describe(node.operation)} does not keep the rows: it maps {rows} rows to a tensor of shape "
            f"{tuple(value.shape)}. The first dimension must stay the row; work on the others (dim=1 and above)."
        )
    if isinstance(node.operation, Call):
        refuse_noise(node, state, where)
    return tuple(value.shape[1:])


def _other_sizes(graph: Graph, node: Node, shapes: Mapping[int, tuple[int, ...]]) -> str | None:
    """Says that a layer was given other sizes where it was used before; None where it was not."""
    now = [shapes[index] for index in node.inputs]
    for other in graph.nodes[: node.index]:
        before = [shapes[index] for index in other.inputs]
        if isinstance(node.operation, Layer) and other.name == node.name and before != now:
            first, then = (
                " and ".join(f"(rows, {', '.join(map(str, size))})" for size in each) for each in (before, now)
            )
            return (
                f"The same layer was given {first} before and is given {then} here. In a Repeat the layers are the "
                "same in every step, so the sizes of what a step sees must not depend on the step: next_state must "
                "return a state of the size that it is given."
            )
    return None


def _check_parameters(node: Node, shapes: Mapping[int, tuple[int, ...]], where: str) -> None:
    for name, ref in node.kwargs.items():
        expected, found = node.family.parameter_shape(name), shapes[ref.index]
        if expected != found:
            raise ModelError(
                f"{where}: the {name} of {node.family} ({node.name}) must have event shape {expected}, got {found}."
            )


def _reason(error: Exception) -> str:
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0]}" if text else type(error).__name__
