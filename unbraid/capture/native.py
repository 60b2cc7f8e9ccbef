"""Native code: the lines of a pass compiled by torch's inductor, which fuses what lies between the products."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from unbraid.capture.line import Line, Name, names_in
from unbraid.capture.program import program
from unbraid.capture.recorder import RANDOM

FUNCTIONS: dict[Callable[..., Any], Callable[..., Any]] = {Tensor.unflatten: torch.unflatten}
"""Methods that the compiler does not know, and the functions that do the same."""

DRAWS = RANDOM | {"uniform", "random", "exponential", "geometric", "log_normal", "cauchy"}
"""Functions that draw, and with an underscore methods that do so in place."""


def native(
    lines: Sequence[Line], inputs: Sequence[str], outputs: Any, device: torch.device
) -> Callable[..., tuple[Any, ...]]:
    """Returns the lines as a function of the same arguments; the compiler starts when it is first called.

    A compiled graph takes no generator, and draws other numbers from torch's own than torch does. So what is drawn, and
    what the draws depend on, stays as it is and goes before, and the noise is the same. On a CUDA device the rest
    becomes a CUDA graph forward and one backward, each launched by one call.

    Args:
        lines: The calls.
        inputs: The names of the function's arguments, "generator" first.
        outputs: What it returns, a tuple of names.
        device: Where it runs.
    """
    lines = [dataclasses.replace(line, function=FUNCTIONS.get(line.function, line.function)) for line in lines]
    before, after = drawn_before(lines)
    used = {name for line in after for name in line.uses()} | set(names_in(outputs))
    passed = [line.result.name for line in before if line.result and line.result.name in used]
    draw = program(before, inputs, tuple(map(Name, passed)))
    as_graph = device.type == "cuda"
    rest: Callable[..., tuple[Any, ...]] = torch.compile(
        program(after, (*passed, *inputs[1:]), outputs),
        fullgraph=True, dynamic=False, mode="reduce-overhead" if as_graph else "default",
    )  # fmt: skip

    def run(generator: torch.Generator | None, *tensors: Tensor) -> tuple[Any, ...]:
        return rest(*draw(generator, *tensors), *tensors)

    def run_as_graph(generator: torch.Generator | None, *tensors: Tensor) -> tuple[Any, ...]:
        torch.compiler.cudagraph_mark_step_begin()
        return tuple(each.clone() for each in run(generator, *tensors))  # the next launch writes over its own

    return run_as_graph if as_graph else run


def drawn_before(lines: Sequence[Line]) -> tuple[list[Line], list[Line]]:
    """Divides lines into those that draw, with all that they depend on, and the others; both in order."""
    needed: set[str] = set()
    before: list[Line] = []
    after: list[Line] = []
    for line in reversed(lines):
        makes = {line.result.name} if line.result else set(_changed(line))
        if draws(line) or makes & needed:
            needed.update(line.uses())
            before.append(line)
        else:
            after.append(line)
    return before[::-1], after[::-1]


def draws(line: Line) -> bool:
    """Says whether a line draws random numbers."""
    return getattr(line.function, "__name__", "").rstrip("_") in DRAWS or "generator" in line.uses()


def _changed(line: Line) -> list[str]:
    """Returns the names of what a line without a result changes in place."""
    return list(names_in(line.kwargs.get("out", line.args[:1])))
