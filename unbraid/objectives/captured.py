"""Objectives as flat lists of tensors, which is how a pass is captured and replayed."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

from torch import Tensor

from unbraid.capture.captures import signature
from unbraid.estimators.estimator import Estimator
from unbraid.estimators.gumbel import Gumbel
from unbraid.estimators.reinforce import Reinforce
from unbraid.objectives.bound import Surroundings
from unbraid.objectives.options import Options
from unbraid.objectives.pattern import Group
from unbraid.objectives.terms import Objective, Term

Meaning = tuple[tuple[str, bool], ...]
"""The names of the terms, and whether each is of some of the rows only."""
KEEPS_STATE = ("reinforce", "reinforce(samples=1) keeps running means from one pass to the next")
"""The kind of pass that is never captured, and why."""


def kind_of_pass(
    x: Tensor,
    groups: Sequence[Group],
    estimators: Mapping[str, Estimator],
    options: Options,
    surroundings: Surroundings,
) -> tuple[Hashable, list[Tensor]]:
    """Returns what decides which calls an objective makes, and the tensors that it is given.

    Args:
        x: The rows.
        groups: As `groups_of` finds them.
        estimators: An estimator for each discrete latent.
        options: What is maximised.
        surroundings: Their progress counts where an estimator has a schedule, and whether they have a generator.
    """
    inputs, seen = [x], []
    for group in groups:
        if group.rows is not None:
            inputs.append(group.rows)
        inputs += group.observed.values()
        seen.append((group.rows is not None, tuple(group.observed)))
    scheduled = any(isinstance(each, Gumbel) for each in estimators.values())
    progress = surroundings.progress if scheduled else None
    drawn = surroundings.generator is not None  # a pass that draws from torch's own generator is written so
    return (signature(inputs), tuple(seen), tuple(estimators.items()), options, progress, drawn), inputs


def keeps_state(estimators: Mapping[str, Estimator]) -> bool:
    """Says whether an estimator keeps something from one pass to the next, which a replay would not."""
    return any(isinstance(each, Reinforce) and each.samples == 1 for each in estimators.values())


def flattened(found: Objective) -> tuple[Meaning, list[Tensor]]:
    """Returns an objective as tensors, the loss first, and what they mean."""
    meaning = tuple((name, term.rows is not None) for name, term in found.terms.items())
    tensors = [found.loss]
    for term in found.terms.values():
        tensors += [term.values] if term.rows is None else [term.values, term.rows]
    return meaning, tensors


def restored(meaning: Meaning, tensors: Sequence[Tensor]) -> Objective:
    """Turns what `flattened` returns back into an objective."""
    each = iter(tensors)
    loss = next(each)
    return Objective(loss, {name: Term(next(each), next(each) if some else None) for name, some in meaning})
