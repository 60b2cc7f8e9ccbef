"""Tracing: a program's three methods, called once with symbols, become a graph."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from torch import nn

from unbraid.errors import ModelError, did_you_mean
from unbraid.graph.assembly import Assembly
from unbraid.graph.graph import Graph
from unbraid.graph.series import series_name
from unbraid.graph.steps import Presence, Steps, flattened
from unbraid.graph.symbol import Data, Draw, Symbol, Trace, describe
from unbraid.variables.family import Family
from unbraid.variables.head import variable

RESERVED = ("generator", "n", "seed", "self", "x")
"""What the methods of a model that take latents by name call their other arguments: no names for latents."""


def trace(program: Any) -> tuple[Graph, nn.ModuleDict]:
    """Calls `encode`, `prior` and `decode` with symbols and returns the graph, and its modules by name.

    Raises:
        ModelError: If the program is no model; the message names the variable, the method and the line.
    """
    title = type(program).__name__
    refuse_repeated_names(program.encode, f"{title}.encode")
    x = Symbol(Data("x"))
    x.trace = seen = Trace("encode")
    _check_takes_x(program.encode, x, f"{title}.encode")
    returned = program.encode(x)
    latents, presences = _latents(returned, seen, f"{title}.encode")
    named = {**latents, **returned}
    priors: dict[str, Symbol] = {}
    if hasattr(program, "prior"):
        refuse_repeated_names(program.prior, f"{title}.prior")
        priors = _factors(_call(program.prior, named, x, f"{title}.prior"), latents, f"{title}.prior", with_x=False)
        _refuse_forgotten(seen, (*latents.values(), *priors.values()), f"{title}.prior")
    refuse_repeated_names(program.decode, f"{title}.decode")
    decoded = _call(program.decode, named, x, f"{title}.decode")
    decoded = {"x": decoded} if isinstance(decoded, Symbol) else decoded
    scored = _factors(decoded, latents, f"{title}.decode", with_x=True)
    _refuse_forgotten(seen, (*latents.values(), *priors.values(), *scored.values()), f"{title}.decode")
    if "x" not in scored:
        raise ModelError(f"{title}.decode returns no likelihood of x: return one, or a dict with an entry 'x'.")
    twice = set(priors) & set(scored)
    if twice:
        raise ModelError(f"{title}: p({sorted(twice)[0]}) is given by prior and by decode; give it once.")
    own = _own_priors({name: symbol for name, symbol in latents.items() if name not in {**priors, **scored}})
    parameters = set(map(id, program.parameters()))
    matched = frozenset(
        name for name, value in returned.items() if isinstance(value, Steps) and value.order == "matched"
    )
    return Assembly(title, latents, {**own, **priors}, scored, parameters, presences, matched).graph()


def _own_priors(latents: Mapping[str, Symbol]) -> dict[str, Symbol]:
    """Makes the variables' own priors; the steps of a `Repeat` share theirs."""
    shared: dict[str, Symbol] = {}
    own: dict[str, Symbol] = {}
    for name, symbol in latents.items():
        assert isinstance(symbol.operation, Draw)
        prior = shared.setdefault(series_name(name), variable(symbol.operation.family, (), {}))
        own[name] = Symbol(prior.operation, prior.args, prior.kwargs)
    return own


def _call(method: Callable[..., Any], latents: Mapping[str, Symbol | Steps], x: Symbol, title: str) -> Any:
    """Calls `prior` or `decode` with the latents that its arguments name."""
    known = {"x": x, **{name: value for name, value in latents.items() if "[" not in name}}
    arguments: dict[str, Symbol | Steps] = {}
    for name, parameter in inspect.signature(method).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise ModelError(f"{title}: name the latents it takes; '*{name}' cannot be matched with them.")
        if name in known:
            arguments[name] = known[name]
        elif parameter.default is parameter.empty:
            raise ModelError(f"{title} takes {name!r}, which is no latent of encode.{did_you_mean(name, known)}")
    return method(**arguments)


def _check_takes_x(encode: Callable[..., Any], x: Symbol, title: str) -> None:
    """Raises ModelError if `encode` cannot be called with the data alone."""
    try:
        inspect.signature(encode).bind(x)
    except (TypeError, ValueError) as error:
        raise ModelError(f"{title} is given the data and nothing else: write encode(self, x). ({error})") from None


def _latents(returned: Any, seen: Trace, title: str) -> tuple[dict[str, Symbol], dict[str, Presence]]:
    """Checks what `encode` returned: random variables, each under a name of its own, none forgotten.

    Returns:
        The latents, those of repeated sub-models by step; and for these whether their step is there.
    """
    if not isinstance(returned, Mapping) or not returned:
        raise ModelError(
            f"{title} must return a dict of latents by name, got {type(returned).__name__}: return {{'digit': digit}}."
        )
    for name in returned:
        _check_name(name, title)
    latents, presences = _flat(returned)
    names: dict[int, str] = {}
    for name, symbol in latents.items():
        family = _check_draw(name, symbol, title)
        if not family.discrete and not family.reparameterised:
            raise ModelError(
                f"{title}: {name!r} is {family}, which is for prior and decode only: no gradient passes through its "
                "draws. Take a family that is drawn differentiably, as ub.Normal."
            )
        if id(symbol) in names:
            raise ModelError(
                f"{title}: {names[id(symbol)]!r} and {name!r} are the same variable; give a variable one name."
            )
        names[id(symbol)] = name
    _refuse_forgotten(seen, latents.values(), title)
    return latents, presences


def _flat(returned: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Presence]]:
    """Takes the steps of repeated sub-models apart: ``items[0].digit``."""
    flat: dict[str, Any] = {}
    presences: dict[str, Presence] = {}
    for name, value in returned.items():
        if not isinstance(value, Steps):
            flat[name] = value
            continue
        for member, symbol, presence in flattened(name, value):
            flat[member] = symbol
            if presence is not None:
                presences[member] = presence
    return flat, presences


def _refuse_forgotten(seen: Trace, named: Iterable[Symbol], title: str) -> None:
    """Raises ModelError if a variable was made that was not returned by name."""
    known = set(map(id, named))
    for draw in seen.draws:
        if id(draw) not in known:
            raise ModelError(
                f"{title}: the {describe(draw.operation)} of {draw.line} has no name: add it to the dict that is "
                "returned (a name used twice there keeps only the last)."
            )


def _factors(returned: Any, latents: Mapping[str, Symbol], title: str, with_x: bool) -> dict[str, Symbol]:
    """Checks what `prior` or `decode` returned: generative factors of latents, and of x."""
    if not isinstance(returned, Mapping):
        raise ModelError(f"{title} must return random variables by name, got {type(returned).__name__}.")
    known = {**latents, "x": None} if with_x else latents
    factors, _ = _flat(returned)
    for name, symbol in factors.items():
        if name not in known:
            raise ModelError(
                f"{title} returns a factor for {name!r}, which is no latent of encode.{did_you_mean(str(name), known)}"
            )
        _check_draw(name, symbol, title)
        if name in latents:
            _check_same_kind(name, latents[name], symbol, title)
            if symbol is latents[name]:
                raise ModelError(
                    f"{title} returns the latent {name!r} of encode itself; return a variable of p with this name."
                )
    return factors


def _check_name(name: Any, title: str) -> None:
    if not isinstance(name, str) or not name.isidentifier():
        raise ModelError(f"{title}: a latent's name must be a Python identifier, got {name!r}.")
    if name in RESERVED:
        raise ModelError(f"{title}: a latent cannot be called {name!r}: that name is taken. Choose another.")


def _check_draw(name: str, symbol: Any, title: str) -> Family:
    if isinstance(symbol, Symbol) and isinstance(symbol.operation, Draw):
        return symbol.operation.family
    what = (
        f"the result of {describe(symbol.operation)} ({symbol.line})"
        if isinstance(symbol, Symbol)
        else f"a {type(symbol).__name__}"
    )
    raise ModelError(
        f"{title}: {name!r} is {what}, not a random variable. Make it one by a family: ub.Normal(size)(parents) or "
        "ub.Categorical(values)(parents)."
    )


def _check_same_kind(name: str, q: Symbol, p: Symbol, title: str) -> None:
    left, right = _check_draw(name, q, title), _check_draw(name, p, title)
    same = left.support == right.support or (right.support == "real" and left.support in ("positive", "unit"))
    if left.event_shape != right.event_shape or left.cardinality != right.cardinality or not same:
        raise ModelError(f"{title}: {name!r} is {right} here and {left} in encode; both must take the same values.")


def refuse_repeated_names(method: Callable[..., Any], title: str) -> None:
    """Raises ModelError if a dict that the method writes out has a key twice: Python would silently keep the last."""
    try:
        lines, first = inspect.getsourcelines(method)
        tree = ast.parse(textwrap.dedent("".join(lines)))
    except (OSError, TypeError, SyntaxError):
        return
    for written in (node for node in ast.walk(tree) if isinstance(node, ast.Dict)):
        keys = [key.value for key in written.keys if isinstance(key, ast.Constant) and isinstance(key.value, str)]
        for key in keys:
            if keys.count(key) > 1:
                raise ModelError(
                    f"{title} uses the name {key!r} twice in the dict of line {first + written.lineno - 1}; each "
                    "variable needs its own."
                )
