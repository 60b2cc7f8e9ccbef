"""Steps: what a program sees of a sub-model that is repeated."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from unbraid.errors import ModelError, did_you_mean
from unbraid.graph.symbol import Call, Data, Draw, Several, Symbol, Trace, calling_line, describe
from unbraid.graph.template import Copy

Order = Literal["given", "matched"]


@dataclass(frozen=True, slots=True, eq=False)
class Presence:
    """Whether a step is there.

    Attributes:
        gate: The symbol of it, (rows, 1): 1 or 0; under `plug_in` the probability that the count is above the step.
        counts: The counts that decide it, outer ones first, and the step that each must exceed.
    """

    gate: Symbol
    counts: tuple[tuple[Symbol, int], ...]

    def within(self, outer: Presence) -> Presence:
        """Returns the presence of a step of a `Repeat` inside a step of another."""
        return Presence(outer.gate * self.gate, (*outer.counts, *self.counts))


class Steps(Several):
    """The steps of a repeated sub-model: what ``ub.Repeat(Item(), at_most=3)(h, count)`` returns.

    An attribute is what the sub-model returned under this name, in every step: ``items.digit`` has the shape (rows,
    steps, *event) and is zero in steps past the count, so that they add nothing and get no gradient.

    Args:
        title: The sub-model's name, for messages.
        each: By step and name, what the sub-model returned: symbols, or the steps of a `Repeat` inside it.
        presences: Of each step; None where the number of steps is given, so that each is there.
        decoder: The sub-model's `decode`, if it has one.
        order: Whether labels of items are taken in the order given, or matched to the steps.
    """

    def __init__(
        self,
        title: str,
        each: tuple[Mapping[str, Symbol | Steps], ...],
        presences: tuple[Presence | None, ...],
        decoder: Callable[..., Any] | None = None,
        order: Order = "given",
    ) -> None:
        self._title, self._each, self._presences, self._decoder, self._order = title, each, presences, decoder, order
        self._line = calling_line()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        names = self._each[0]
        if name not in names:
            raise ModelError(f"{calling_line()}: a step of {self._title} has no {name!r}.{did_you_mean(name, names)}")
        values = [step[name] for step in self._each]
        if isinstance(values[0], Steps):
            return Nested(tuple(value for value in values if isinstance(value, Steps)))
        return self._stacked([value for value in values if isinstance(value, Symbol)])

    @property
    def present(self) -> Symbol:
        """Which steps are there, (rows, steps): 1 or 0; under `plug_in` the probability of each."""
        one = Symbol(Call(_ones, "ones"), (_some_symbol(self._each[0].values()),))
        return Symbol(Call(beside, "cat"), tuple(one if each is None else each.gate for each in self._presences))

    def each(self, function: Callable[..., Any]) -> Symbol:
        """Applies a part of the program to every step, with the same layers, and returns (rows, steps, ...).

        Args:
            function: Takes by the names of its arguments what the sub-model returned, and returns a symbol. It is
                called once.

        Returns:
            Its results, zero in steps past the count.

        Raises:
            ModelError: If it takes or returns something else, or makes a random variable.
        """
        example, trace = Example.of({"step": self}), trace_of((self,))
        before = len(trace.draws) if trace is not None else 0
        result = function(**self._arguments(function, example.arguments["step"]))
        if not isinstance(result, Symbol):
            found = type(result).__name__
            raise ModelError(f"{calling_line()}: each takes a function that returns a symbol; it returned {found}.")
        if trace is not None and len(trace.draws) > before:
            draw = trace.draws[before]
            raise ModelError(
                f"{draw.line}: each makes no random variables, and here is a {describe(draw.operation)}: return it "
                "from the sub-model's encode, or repeat a sub-model."
            )
        return self._stacked([Copy(example.replaced(place), ()).of(result) for place in range(len(self))])

    def decode(self) -> Symbol:
        """Applies the sub-model's own `decode` to every step, and returns (rows, steps, ...): see `each`."""
        if self._decoder is None:
            raise ModelError(f"{calling_line()}: {self._title} has no method decode: write one, or use each(function).")
        return self.each(self._decoder)

    @property
    def order(self) -> Order:
        """Whether labels of items are taken in the order given, or matched to the steps."""
        return self._order

    def instead(self) -> str:
        """Says what it is, and what to write in its place."""
        values = ", ".join(f"items.{name}" for name in self._each[0])
        return (
            f"the steps of {self._title} are no symbol, but hold one for all steps, (rows, steps, ...), by each name: "
            f"{values}. Write one of these, items.decode(), items.each(function) or items.present."
        )

    def __len__(self) -> int:
        return len(self._each)

    def _arguments(self, function: Callable[..., Any], step: Step) -> dict[str, Any]:
        taken: dict[str, Any] = {}
        for name, parameter in inspect.signature(function).parameters.items():
            if name in step.values:
                taken[name] = step.values[name]
            elif parameter.default is parameter.empty:
                raise ModelError(
                    f"{calling_line()}: a step of {self._title} has no {name!r}.{did_you_mean(name, step.values)} "
                    "A function of a step takes by name what the sub-model returns."
                )
        return taken

    def _stacked(self, values: list[Symbol]) -> Symbol:
        pairs = zip(values, self._presences, strict=True)
        gated = [value if each is None else Symbol(Call(gate, "gate"), (value, each.gate)) for value, each in pairs]
        return Symbol(Call(_stacked, "stack"), tuple(gated))

    def __repr__(self) -> str:
        return f"<{len(self._each)} steps of {self._title}, {self._line}>"


class Nested(Several):
    """The steps of a `Repeat` inside the steps of another: an attribute has the shape (rows, outer, inner, ...)."""

    def __init__(self, inner: tuple[Steps | Nested, ...]) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if name in ("decode", "each"):
            raise ModelError(
                f"{calling_line()}: steps inside steps have no {name}(): write groups.each(lambda items: "
                f"items.{name}({'' if name == 'decode' else 'function'}).sum(1))."
            )
        values = [getattr(steps, name) for steps in self._inner]
        if isinstance(values[0], Symbol):
            return Symbol(Call(_stacked, "stack"), tuple(values))
        return Nested(tuple(values))

    def instead(self) -> str:
        """Says what it is, and what to write in its place."""
        return f"a Repeat in a Repeat: {self._inner[0].instead()}"


def flattened(name: str, steps: Steps) -> Iterator[tuple[str, Symbol, Presence | None]]:
    """Yields the random variables of all steps, by name: ``items[0].digit``, with whether they are there."""
    for place, (step, presence) in enumerate(zip(steps._each, steps._presences, strict=True)):
        for part, value in step.items():
            title = f"{name}[{place}].{part}"
            if isinstance(value, Steps):
                yield from flattened(title, value)
            elif isinstance(value.operation, Draw):
                yield title, value, presence


def copied(step: Mapping[str, Symbol | Steps], copy: Copy, outer: Presence | None) -> dict[str, Symbol | Steps]:
    """Copies what a sub-model returned into one step, which is there when the outer presence says so."""
    return {name: _copied(value, copy, outer) for name, value in step.items()}


def _copied(value: Symbol | Steps, copy: Copy, outer: Presence | None) -> Symbol | Steps:
    if isinstance(value, Symbol):
        return copy.of(value)
    presences = tuple(_moved(each, copy, outer) for each in value._presences)
    each = tuple(copied(step, copy, outer) for step in value._each)
    return Steps(value._title, each, presences, value._decoder, value._order)


def _moved(presence: Presence | None, copy: Copy, outer: Presence | None) -> Presence | None:
    if presence is None:
        return outer
    counts = tuple((copy.of(count), step) for count, step in presence.counts)
    moved = Presence(copy.of(presence.gate), counts)
    return moved if outer is None else moved.within(outer)


@dataclass(frozen=True, slots=True, eq=False)
class Step(Several):
    """One step: ``item.digit`` is what the sub-model returned under this name.

    Args:
        title: The sub-model's name, for messages.
        values: By name.
    """

    title: str
    values: Mapping[str, Symbol | Steps]

    def __getattr__(self, name: str) -> Symbol | Steps:
        if name.startswith("_"):
            raise AttributeError(name)
        if name not in self.values:
            hint = did_you_mean(name, self.values)
            raise ModelError(f"{calling_line()}: a step of {self.title} has no {name!r}.{hint}")
        return self.values[name]

    def instead(self) -> str:
        """Says what it is, and what to write in its place."""
        values = ", ".join(f"item.{name}" for name in self.values)
        return f"a step of {self.title} is no symbol, but holds one by each name: {values}. Write one of these."


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """What a part of a program that is copied into every step is traced with.

    Attributes:
        inputs: What the part is given: symbols, the same in every step, and steps, of which each step is given its own.
        arguments: The same with placeholders for what differs from step to step.
    """

    inputs: Mapping[str, Symbol | Steps]
    arguments: Mapping[str, Any]

    @classmethod
    def of(cls, inputs: Mapping[str, Symbol | Steps]) -> Example:
        """Makes the placeholders."""
        trace = trace_of(tuple(inputs.values()))
        return cls(inputs, {name: cls._argument(value, trace) for name, value in inputs.items()})

    @staticmethod
    def _argument(value: Symbol | Steps, trace: Trace | None) -> Symbol | Step:
        return Step(value._title, _placeholders(value._each[0], trace)) if isinstance(value, Steps) else value

    def replaced(self, place: int) -> dict[int, Symbol]:
        """Says what stands in the place of each placeholder in one step, by the placeholder's id."""
        pairs: dict[int, Symbol] = {}
        for name, value in self.inputs.items():
            if isinstance(value, Steps):
                pairs |= _pairs(self.arguments[name].values, value._each[place])
        return pairs


def placeholder(name: str, trace: Trace | None) -> Symbol:
    """Returns a symbol that stands for one that differs from step to step."""
    symbol = Symbol(Data(name))
    symbol.trace = trace
    return symbol


def _placeholders(step: Mapping[str, Symbol | Steps], trace: Trace | None) -> dict[str, Symbol | Steps]:
    return {name: _placeholder(name, value, trace) for name, value in step.items()}


def _placeholder(name: str, value: Symbol | Steps, trace: Trace | None) -> Symbol | Steps:
    if isinstance(value, Symbol):
        return placeholder(name, trace)
    gates = [None if each is None else Presence(placeholder("gate", trace), each.counts) for each in value._presences]
    each = tuple(_placeholders(step, trace) for step in value._each)
    return Steps(value._title, each, tuple(gates), value._decoder, value._order)


def _pairs(held: Mapping[str, Symbol | Steps], step: Mapping[str, Symbol | Steps]) -> dict[int, Symbol]:
    """Pairs the placeholders with the symbols of a step."""
    pairs: dict[int, Symbol] = {}
    for name, left in held.items():
        right = step[name]
        if isinstance(left, Steps) and isinstance(right, Steps):
            for inner, actual in zip(left._each, right._each, strict=True):
                pairs |= _pairs(inner, actual)
            for gated, presence in zip(left._presences, right._presences, strict=True):
                if gated is not None and presence is not None:
                    pairs[id(gated.gate)] = presence.gate
        elif isinstance(left, Symbol) and isinstance(right, Symbol):
            pairs[id(left)] = right
    return pairs


def trace_of(values: Iterable[Any]) -> Trace | None:
    """Returns the trace that symbols and steps belong to."""
    for value in values:
        parts = value._each[0].values() if isinstance(value, Steps) else ()
        found = value.trace if isinstance(value, Symbol) else trace_of(parts)
        if found is not None:
            return found
    return None


def variables_of(step: Mapping[str, Symbol | Steps]) -> Iterator[Symbol]:
    """Yields the random variables of a step, those of a `Repeat` inside it too."""
    for value in step.values():
        if isinstance(value, Steps):
            for inner in value._each:
                yield from variables_of(inner)
        elif isinstance(value.operation, Draw):
            yield value


def gate(value: Tensor, present: Tensor) -> Tensor:
    """Multiplies values (rows, *event) with whether their step is there, (rows, 1)."""
    return value * present.reshape(-1, *(1,) * (value.dim() - 1))


def beside(*values: Tensor) -> Tensor:
    """Puts values (rows, n) beside one another."""
    return torch.cat(values, dim=1)


def _stacked(*values: Tensor) -> Tensor:
    return torch.stack(values, dim=1)


def _some_symbol(values: Iterable[Any]) -> Symbol:
    """Returns a symbol among what a step holds, be it of a step inside."""
    return next(each if isinstance(each, Symbol) else each.present for each in values)


def _ones(value: Tensor) -> Tensor:
    return value.new_ones(value.shape[0], 1)


def chance_from(first: int) -> Callable[[Tensor], Tensor]:
    """Returns the function from a count (rows, K), one-hot or probabilities, to that of its values from `first` on."""

    def present(count: Tensor) -> Tensor:
        return count[:, first:].sum(1, keepdim=True)

    return present
