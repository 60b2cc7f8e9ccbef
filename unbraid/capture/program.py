"""Programs: recorded lines as a function of Python."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from unbraid.capture.line import Constant, Line, Name, names_in

TITLE = "<a captured pass>"


def program(lines: Sequence[Line], inputs: Sequence[str], outputs: Any) -> Callable[..., tuple[Any, ...]]:
    """Compiles lines into one function without a loop, a look-up or a branch.

    A value is let go after the last line that uses it, so that its memory is used again while it is near.

    Args:
        lines: The calls.
        inputs: The names of the function's arguments.
        outputs: What it returns, a tuple of names.
    """
    scope: dict[str, Any] = {}
    kept = set(names_in(outputs))
    last = {name: number for number, line in enumerate(lines) for name in line.uses()}
    last = {name: number for name, number in last.items() if name not in kept}
    written = [f"def run({', '.join(inputs)}):"]
    for number, line in enumerate(lines):
        given = [_source(each, scope) for each in line.args]
        given += [f"{name}={_source(each, scope)}" for name, each in line.kwargs.items()]
        call = f"{_kept(line.function, scope)}({', '.join(given)})"
        written.append(f"    {line.result} = {call}" if line.result else f"    {call}")
        done = sorted({name for name in line.uses() if last.get(name) == number})
        if done:
            written.append(f"    {' = '.join(done)} = None")
        if line.result and line.result.name not in last and line.result.name not in kept:
            written.append(f"    {line.result} = None")
    written.append(f"    return {_source(tuple(outputs), scope)}")
    exec(compile("\n".join(written), TITLE, "exec"), scope)  # the text is made of numbers and names made here
    run: Callable[..., tuple[Any, ...]] = scope["run"]
    return run


def _source(value: Any, scope: dict[str, Any]) -> str:
    """Returns an argument as Python writes it; what has no such form is kept in the scope."""
    if isinstance(value, Name):
        return str(value)
    if isinstance(value, Constant):
        return _kept(value.tensor, scope)
    if type(value) in (list, tuple):
        return _bracketed((_source(each, scope) for each in value), type(value))
    if isinstance(value, slice):
        return f"slice({', '.join(_source(each, scope) for each in (value.start, value.stop, value.step))})"
    if value is None or type(value) in (int, bool, str) or (type(value) is float and math.isfinite(value)):
        return repr(value)
    return _kept(value, scope)


def _bracketed(items: Iterable[str], kind: type) -> str:
    written = "".join(f"{item}, " for item in items)
    return f"[{written}]" if kind is list else f"({written})"


def _kept(value: Any, scope: dict[str, Any]) -> str:
    """Keeps an object in the scope, once, and returns its name there."""
    name = f"k{id(value)}"
    scope[name] = value
    return name
