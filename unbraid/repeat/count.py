"""Counts: how many steps there are."""

from __future__ import annotations

import operator
from typing import Any

from unbraid.errors import ModelError
from unbraid.graph.steps import Presence, chance_from
from unbraid.graph.symbol import Call, Draw, Symbol, calling_line, describe
from unbraid.variables.bernoulli import Bernoulli
from unbraid.variables.categorical import Categorical


def presences(count: Symbol | int, at_most: int | None) -> tuple[Presence | None, ...]:
    """Returns for each step whether it is there: None for a step that always is.

    Args:
        count: A discrete latent, ``ub.Categorical(4)(h)`` for 0 to 3 steps or ``ub.Bernoulli(1)(h)`` for 0 or 1; or a
            number of steps.
        at_most: How many steps there can be.

    Raises:
        ModelError: If it is no count, is a number below 1, or can be larger than `at_most`.
    """
    largest = _largest(count)
    at_most = largest if at_most is None else at_most
    steps = at_most if isinstance(count, Symbol) else largest
    if steps < 1:
        raise ModelError(f"{calling_line()}: Repeat: there must be at least 1 step, got {steps}.")
    if largest > at_most:
        remedy = f"write ub.Categorical({at_most + 1}) for 0 to {at_most}, or raise at_most to {largest}"
        raise ModelError(f"{calling_line()}: Repeat: the count can be {largest}, and at_most is {at_most}: {remedy}.")
    if isinstance(count, Symbol):
        return tuple(_presence(count, step) for step in range(steps))
    return (None,) * steps


def whole_number(value: Any) -> int | None:
    """Returns a whole number of any type, as NumPy's; None for what is none."""
    try:
        return None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        return None


def _presence(count: Symbol, step: int) -> Presence:
    bit = isinstance(count.operation, Draw) and isinstance(count.operation.family, Bernoulli)
    first = step if bit else step + 1  # a bit is its own P(count > 0)
    return Presence(Symbol(Call(chance_from(first), f"count > {step}"), (count,)), ((count, step),))


def _largest(count: Symbol | int) -> int:
    number = whole_number(count)
    if number is not None:
        return number
    if isinstance(count, Symbol) and isinstance(count.operation, Draw):
        match count.operation.family:
            case Categorical(cardinality=int(values)):
                return values - 1
            case Bernoulli(event_shape=(1,)):
                return 1
    found = describe(count.operation) if isinstance(count, Symbol) else repr(count)
    raise ModelError(
        f"{calling_line()}: the last thing that a Repeat is given is the count, a Categorical, one Bernoulli bit or a "
        f"number of steps; got {found}. Write ub.Repeat(sub_model, at_most=3)(h, count)."
    )
