"""Repeat: a sub-model, as many times as a count says."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, get_args

from unbraid.errors import ModelError, OptionError
from unbraid.graph.steps import Example, Order, Step, Steps, copied, placeholder, trace_of, variables_of
from unbraid.graph.symbol import Symbol, Trace, calling_line, describe
from unbraid.graph.template import Copy
from unbraid.repeat.count import presences, whole_number
from unbraid.repeat.state import first_state, next_state
from unbraid.repeat.submodel import Submodel

RESERVED = tuple(sorted({"state", *(name for name in (*dir(Steps), *dir(Step)) if not name.startswith("_"))}))
"""What steps have besides the latents of the sub-model."""


class Repeat:
    """Latents of variable number: ``items = ub.Repeat(Item(), at_most=3)(h, count)``.

    The sub-model's program is traced once and put into the graph `at_most` times, with the same layers and with random
    variables of its own in every step; each step may see the state of the step before. Step t is there if count > t: a
    step past the count adds nothing to the objective, to x or to any gradient. What a step adds is multiplied by its
    presence, 1[count > t], which under `plug_in` is P(count > t); under `enumerate` every count is evaluated, and the
    steps, which do not depend on it, are computed once. The number of steps is the cost, whatever the counts are.

    Labels, predictions and values by hand have a step axis: ``labels={"items.digit": array of (rows, steps)}``, with -1
    or NaN in steps past the count and in steps without a label.

    Source: the paper's appendix ("have to handle number of inputs and inter-repeat-state"); Eslami et al. 2016, for
    which counts are a special case of presences.

    Args:
        submodel: The program of a step.
        at_most: How many steps there can be; by default as many as the count can say.
        state: The size of the recurrent state, where the sub-model's encode takes one and has none of its own.
        order: "given": labels of items belong to the steps in the order given. "matched": each row's labelled items
            are assigned to its steps as q finds most probable (Kuhn 1955, by scipy), anew whenever they are seen.

    Raises:
        ModelError: If the sub-model is none.
        OptionError: If an option cannot have its value.
    """

    def __init__(
        self, submodel: Submodel | Any, at_most: int | None = None, *, state: int = 64, order: Order = "given"
    ) -> None:
        if not isinstance(submodel, Submodel):
            found = submodel.__name__ if isinstance(submodel, type) else type(submodel).__name__
            hint = " Make one: ub.Repeat(Item(), ...)." if isinstance(submodel, type) else ""
            raise ModelError(f"{calling_line()}: Repeat takes a sub-model (a ub.Submodel), got {found}.{hint}")
        if order not in get_args(Order):
            raise OptionError(f"Repeat: order must be 'given' or 'matched', got {order!r}.")
        if not isinstance(state, int) or state < 1:
            raise OptionError(f"Repeat: state, the size of the recurrent state, must be at least 1, got {state!r}.")
        most = None if at_most is None else whole_number(at_most)
        if at_most is not None and (most is None or most < 1):
            raise OptionError(f"Repeat: at_most must be a whole number of at least 1, got {at_most!r}.")
        self.submodel, self.at_most, self.state, self.order = submodel, most, state, order

    def __call__(self, *inputs: Any) -> Steps:
        """Adds the steps to the program.

        Args:
            *inputs: What the sub-model's encode takes, then the count: a Categorical, one Bernoulli bit, or a number of
                steps. Where an input is the steps of another `Repeat`, each step is given its own.

        Returns:
            The steps.

        Raises:
            ModelError: If the inputs are not what the sub-model takes, or the count can be larger than `at_most`.
        """
        if not inputs:
            raise ModelError(f"{calling_line()}: a Repeat is given inputs and a count: ub.Repeat(Item(), 3)(h, count).")
        there = presences(inputs[-1], self.at_most)
        named = self._named(inputs[:-1], len(there))
        example, trace = Example.of(named), trace_of(inputs)
        with _own_draws(trace, self.title) as seen:
            arguments = dict(example.arguments)
            state = placeholder("state", trace) if self.stateful else None
            if state is not None:
                arguments["state"] = state
            step = self._returned(self.submodel.encode(**arguments))
            seen.update(step)
            after = None if state is None else next_state(self.submodel, state, step, arguments, self.state)
        draws = frozenset(id(symbol) for symbol in variables_of(step))
        before = first_state(self.submodel, named, self.state) if self.stateful else None
        each = []
        for place, presence in enumerate(there):
            copy = Copy({**example.replaced(place), **_state_at(state, before)}, draws)
            each.append(copied(step, copy, presence))
            before = None if after is None else copy.of(after)
        return Steps(self.title, tuple(each), there, getattr(self.submodel, "decode", None), self.order)

    @property
    def title(self) -> str:
        """The sub-model's name in messages."""
        return type(self.submodel).__name__

    @property
    def stateful(self) -> bool:
        """Whether a step sees the state of the step before."""
        return "state" in inspect.signature(self.submodel.encode).parameters

    def _named(self, inputs: tuple[Any, ...], steps: int) -> dict[str, Any]:
        """Gives the inputs the names that encode has for them."""
        taken = [name for name in inspect.signature(self.submodel.encode).parameters if name != "state"]
        if len(taken) != len(inputs):
            raise ModelError(
                f"{calling_line()}: {self.title}.encode takes {len(taken)} inputs ({', '.join(taken) or 'none'}), and "
                f"the Repeat is given {len(inputs)} beside the count, which comes last."
            )
        for name, value in zip(taken, inputs, strict=True):
            if not isinstance(value, (Symbol, Steps)):
                raise ModelError(f"{calling_line()}: the input {name!r} of {self.title} is a {type(value).__name__}.")
            if isinstance(value, Steps) and len(value) < steps:
                raise ModelError(
                    f"{calling_line()}: the input {name!r} of {self.title} has {len(value)} steps, and this Repeat can "
                    f"have {steps}."
                )
        return dict(zip(taken, inputs, strict=True))

    def _returned(self, returned: Any) -> dict[str, Symbol | Steps]:
        """Checks what the sub-model's encode returned: symbols by name."""
        if not isinstance(returned, Mapping) or not returned:
            raise ModelError(
                f"{self.title}.encode must return a dict of latents by name, got {type(returned).__name__}: return "
                "{'digit': digit}."
            )
        for name, value in returned.items():
            if not isinstance(name, str) or not name.isidentifier() or name.startswith("_") or name in RESERVED:
                raise ModelError(
                    f"{self.title}.encode: {name!r} is no name for what a step returns: take a Python identifier, and "
                    f"none of {', '.join(RESERVED)}."
                )
            if not isinstance(value, (Symbol, Steps)):
                raise ModelError(f"{self.title}.encode: {name!r} is a {type(value).__name__}, not a symbol.")
            if isinstance(value, Steps) and value.order == "matched":
                raise ModelError(
                    f"{self.title}.encode: {name!r} is a Repeat inside a Repeat, whose items cannot be matched to "
                    "labels: take order='given' there."
                )
        return dict(returned)


def _state_at(placed: Symbol | None, state: Symbol | None) -> dict[int, Symbol]:
    """Says what stands in the place of the state in one step."""
    return {} if placed is None or state is None else {id(placed): state}


@contextmanager
def _own_draws(trace: Trace | None, title: str) -> Iterator[dict[str, Symbol | Steps]]:
    """Takes the random variables of the step that is traced out of the program, which gets copies of them.

    Yields:
        Where to put what the step returned.

    Raises:
        ModelError: If a variable was made that was not returned.
    """
    returned: dict[str, Symbol | Steps] = {}
    before = len(trace.draws) if trace is not None else 0
    yield returned
    if trace is None:
        return
    made, known = trace.draws[before:], set(map(id, variables_of(returned)))
    del trace.draws[before:]
    for draw in made:
        if id(draw) not in known:
            raise ModelError(
                f"{title}.encode: the {describe(draw.operation)} of {draw.line} has no name: add it to the dict that "
                "is returned."
            )
