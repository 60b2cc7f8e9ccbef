"""Which estimator each discrete variable gets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from unbraid.errors import OptionError, did_you_mean
from unbraid.estimators.enumeration import Enumerate
from unbraid.estimators.estimator import Estimator
from unbraid.estimators.joint import LIMIT, check_joint
from unbraid.estimators.named import named, text_of
from unbraid.estimators.reinforce import Reinforce
from unbraid.estimators.sum_and_sample import SumAndSample
from unbraid.graph.graph import Graph
from unbraid.graph.once import once
from unbraid.graph.series import series_name
from unbraid.variables.family import Family

BUDGET = 64
"""How many evaluations a row the defaults may cost: the product of how many rows the children see for each."""
MOST = 2**20
"""How many evaluations a row chosen estimators may cost."""


def choose_estimators(graph: Graph, chosen: Any = None) -> dict[str, Estimator]:
    """Gives each discrete latent an estimator: the chosen one or its program's, else what the budget allows.

    In the order of q a variable without one gets the first of these that the budget has room for: `Enumerate`;
    `SumAndSample`, over as many values as there is room for beside the sampled one; `Reinforce` with one sample. For a
    vector of more than 16 bits, whose values have no table, it is `Reinforce`, with two samples where there is room.

    Args:
        graph: The graph.
        chosen: By latent, an estimator or the text of one: its name, perhaps with options (see `named`).

    Returns:
        An estimator for each discrete latent.

    Raises:
        OptionError: If there is no such latent or estimator, the latent is not discrete, the estimator does not fit, or
            together they would evaluate a row more than 2^20 times.
    """
    if chosen is not None and not isinstance(chosen, Mapping):
        raise OptionError(
            f"estimators go by latent, {{{next(iter(graph.latents), 'digit')!r}: 'enumerate'}}, got {chosen!r}."
        )
    given = tuple((chosen or {}).items())
    if all(isinstance(each, str) for _, each in given):
        return dict(_chosen_by_name(graph, given))
    return _chosen(graph, given)


Given = tuple[tuple[str, str | Estimator], ...]


@once
def _chosen_by_name(graph: Graph, given: Given) -> dict[str, Estimator]:
    """Chooses once for each choice: a step of training asks every time."""
    return _chosen(graph, given)


def _chosen(graph: Graph, given: Given) -> dict[str, Estimator]:
    """Does the work of `choose_estimators`."""
    chosen = dict(given)
    for name in chosen:
        _check_discrete(graph, name)
    chosen = split_names(graph, chosen)
    estimators: dict[str, Estimator] = {}
    product = 1
    for name, node in graph.latents.items():
        values = node.family.n_values
        if not node.family.discrete or values is None:
            continue
        asked = chosen.get(name, node.family.estimator)
        members = graph.series[series_name(name)].members
        if asked is not None:
            estimators[name] = named(asked)
        elif name == members[0]:
            estimators[name] = _default(node.family, values, _root(BUDGET // product, len(members)))
        else:
            estimators[name] = estimators[members[0]]
        _check_fits(name, node.family, estimators[name])
        product *= estimators[name].copies(values)
        if product > MOST:
            raise OptionError(
                f"the estimators would evaluate every row {product:,} times ({_spelled(estimators)}); at most {MOST:,} "
                "are allowed. Choose plug_in, gumbel, reinforce or sum_and_sample for some of these variables."
            )
    return estimators


def split_names(graph: Graph, chosen: Mapping[str, str | Estimator]) -> dict[str, str | Estimator]:
    """Gives what is chosen for a latent in a `Repeat` to each of its steps."""
    return {member: each for name, each in chosen.items() for member in _members(graph, name)}


def _members(graph: Graph, name: str) -> tuple[str, ...]:
    return graph.series[name].members if name in graph.series else (name,)


def _root(room: int, steps: int) -> int:
    """Returns how many evaluations each of several steps may cost, so that all together have room."""
    each = 1
    while (each + 1) ** steps <= room:
        each += 1
    return each


def _spelled(estimators: Mapping[str, Estimator]) -> str:
    return ", ".join(f"{name}: {text_of(each)}" for name, each in estimators.items())


def _default(family: Family, values: int, room: int) -> Estimator:
    """Returns the estimator of a variable for which so many evaluations are left."""
    if values <= room:
        return Enumerate()
    if room < 2:
        return Reinforce(samples=1)
    if family.cardinality is None and values > LIMIT:
        return Reinforce(samples=2)
    return SumAndSample(k=room - 1)


def _check_discrete(graph: Graph, name: str) -> None:
    """Raises OptionError if there is no discrete latent of this name."""
    if name not in graph.latents and name not in graph.series:
        raise OptionError(
            f"an estimator for {name!r}, which is no latent of this model.{did_you_mean(name, graph.series)}"
        )
    family = graph.latents[_members(graph, name)[0]].family
    if not family.discrete:
        raise OptionError(f"{name!r} is {family}: it is sampled, and only discrete variables take an estimator.")


def _check_fits(name: str, family: Family, estimator: Estimator) -> None:
    """Raises OptionError if an estimator that goes through all values is chosen for too many."""
    match estimator:
        case Enumerate():
            check_joint(family, name, "enumerate")
        case SumAndSample():
            check_joint(family, name, "sum_and_sample")
