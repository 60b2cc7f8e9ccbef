"""Row by row: what a function or a module makes of a row is the same each time, and depends on this row alone."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

import torch
from torch import Tensor

from unbraid.errors import ModelError
from unbraid.graph.frame import Frame
from unbraid.graph.graph import Node
from unbraid.graph.spread import Spread
from unbraid.graph.symbol import Layer, describe

ROWS = 5
CHOSEN = [4, 1]
"""The rows that are computed again without the others: in another order, so that sums over the rows above show."""


def refuse_noise(node: Node, state: Tensor, where: str) -> None:
    """Raises ModelError if a function or module that was computed drew from torch's random numbers.

    Args:
        node: The node of the function or module.
        state: Of torch's generator before.
        where: Names its line, for messages.
    """
    if not torch.equal(state, torch.get_rng_state()):
        raise ModelError(
            f"{where}: {describe(node.operation)} draws random numbers each time, also when the model is asked. "
            "Dropout is ub.dropout(0.5)(h), which is off then; other noise is a random variable, or a module of your "
            "own that looks at self.training: ub.module(Noise())(h)."
        )


def refuse_mixed_rows(frame: Frame, node: Node, where: str) -> None:
    """Raises ModelError if a function or module makes something else of a row when it is given without the others.

    One that keeps the number of rows may mix them all the same, as ``h.softmax(0)`` does, and attention that was not
    told ``batch_first=True``. It is computed of random rows, and of some of them alone; one that does not accept random
    rows, or changes from call to call, is not checked. Modules are in evaluation mode.

    Args:
        frame: The frame of the dry run, in which the inputs have values.
        node: The node of the function or module.
        where: Names its line, for messages.
    """
    state = torch.get_rng_state()
    generator = torch.Generator().manual_seed(0)
    inputs = {index: _random_rows(frame[frame.graph.nodes[index]], generator) for index in node.inputs}
    mixed = False
    with suppress(Exception):
        beside = _computed(frame, node, inputs)[CHOSEN]
        alone = _computed(frame, node, {index: rows[CHOSEN] for index, rows in inputs.items()})
        mixed = not _agree(beside, alone) and _agree(beside, _computed(frame, node, inputs)[CHOSEN])
    refuse_noise(node, state, where)
    if mixed:
        of_modules = " Modules of sequences take batch_first=True." if isinstance(node.operation, Layer) else ""
        raise ModelError(
            f"{where}: {describe(node.operation)} mixes the rows: what it makes of a row depends on those beside it. "
            f"The first dimension is the row; work on the others (dim=1 and above).{of_modules}"
        )


def _random_rows(value: Spread, generator: torch.Generator) -> Tensor:
    """Returns rows of the shape and type of a value, random from 0 to 1; of whole numbers its first row, repeated."""
    tensor = value.tensor
    if not (tensor.is_floating_point() or tensor.is_complex()):
        return tensor[:1].expand(ROWS, *value.event_shape)
    drawn = torch.rand(ROWS, *value.event_shape, dtype=tensor.dtype, device="cpu", generator=generator)
    return drawn.to(tensor.device)


def _computed(frame: Frame, node: Node, inputs: Mapping[int, Tensor]) -> Tensor:
    """Computes a node of the given values of its inputs."""
    alone = Frame(frame.graph, frame.modules, None, root=False)
    alone.values |= {index: Spread(rows) for index, rows in inputs.items()}
    return alone[node].tensor


def _agree(left: Tensor, right: Tensor) -> bool:
    """Says whether two tensors are the same up to rounding; infinite values say nothing."""
    if left.shape != right.shape:
        return False
    if not (left.is_floating_point() or left.is_complex()):
        return torch.equal(left, right)
    apart = (left - right).abs().nan_to_num(posinf=0.0).mean()
    size = left.abs().nan_to_num(posinf=0.0).mean()
    return not bool(apart > torch.finfo(left.dtype).eps ** 0.5 * size)
