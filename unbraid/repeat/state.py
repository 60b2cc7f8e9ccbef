"""Recurrent state: what a step knows of the steps before."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from unbraid.errors import ModelError, did_you_mean
from unbraid.graph.steps import Steps, beside, gate
from unbraid.graph.symbol import Call, Draw, Layer, Symbol, calling_line
from unbraid.repeat.submodel import Submodel
from unbraid.variables.head import Fixed


def first_state(submodel: Submodel, inputs: Mapping[str, Any], size: int) -> Symbol:
    """Returns the state that the first step is given: the sub-model's own, or zeros (rows, size)."""
    own = getattr(submodel, "first_state", None)
    if own is None:
        return Symbol(Layer(Fixed(torch.zeros(size)), "state", constant=True))
    return _symbol(_asked(own, inputs), f"{type(submodel).__name__}.first_state")


def next_state(
    submodel: Submodel, state: Symbol, step: Mapping[str, Symbol | Steps], inputs: Mapping[str, Any], size: int
) -> Symbol:
    """Returns the state after a step: the sub-model's own, or that of a gated recurrent unit over its latents.

    References:
        Cho et al., "Learning phrase representations using RNN encoder-decoder" (2014).
    """
    own = getattr(submodel, "next_state", None)
    if own is not None:
        return _symbol(_asked(own, {**inputs, **step, "state": state}), f"{type(submodel).__name__}.next_state")
    values = list(_values(step))
    seen = Symbol(Call(beside, "cat"), tuple(value.flatten(1) for value, _ in values))
    return Symbol(Layer(nn.GRUCell(sum(width for _, width in values), size), "gru"), (seen, state))


def _values(step: Mapping[str, Symbol | Steps]) -> list[tuple[Symbol, int]]:
    """Lists a step's latents with how many numbers each is; those of a `Repeat` inside it are zero past its count."""
    found: list[tuple[Symbol, int]] = []
    for value in step.values():
        if isinstance(value, Symbol):
            if isinstance(value.operation, Draw):
                found.append((value, math.prod(value.operation.family.event_shape)))
            continue
        for inner, presence in zip(value._each, value._presences, strict=True):
            for symbol, width in _values(inner):
                seen = symbol if presence is None else Symbol(Call(gate, "gate"), (symbol, presence.gate))
                found.append((seen, width))
    return found


def _asked(method: Callable[..., Any], known: Mapping[str, Any]) -> Any:
    """Calls a method of a sub-model with what its arguments name."""
    given = {}
    for name, parameter in inspect.signature(method).parameters.items():
        if name in known:
            given[name] = known[name]
        elif parameter.default is parameter.empty:
            raise ModelError(
                f"{calling_line()}: {method.__qualname__} takes {name!r}, which is neither an input of encode nor a "
                f"latent of the step.{did_you_mean(name, known)}"
            )
    return method(**given)


def _symbol(value: Any, title: str) -> Symbol:
    if not isinstance(value, Symbol):
        raise ModelError(f"{calling_line()}: {title} must return a symbol, got {type(value).__name__}.")
    return value
