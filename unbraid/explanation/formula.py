"""The terms of the objective of rows with the same latents observed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from unbraid.explanation.notation import Density, Notation
from unbraid.explanation.pattern import Pattern
from unbraid.objectives.bound import closed_form
from unbraid.objectives.options import Bound, Supervision
from unbraid.variables.family import Family, Learnable

WIDTH = 100
"""Where a line of text is broken, in characters."""


@dataclass(frozen=True, slots=True)
class Weights:
    """The weights of the objective's terms, as in `unbraid.objectives.objective`."""

    alpha: float
    gamma: float
    beta: float
    free_bits: float = 0.0
    supervision: Supervision = "default"
    bound: Bound = "elbo"


@dataclass(frozen=True, slots=True)
class Addend:
    """One term of the objective: a weight times the expectation of logarithms or of a divergence.

    Attributes:
        weight: Its weight, with its sign.
        over: The latents over which the expectation is taken.
        q: The recognition factor, if it takes part.
        p: The generative factor, if it takes part.
        kl: Whether it is the divergence of the two in closed form.
    """

    weight: float
    over: tuple[str, ...]
    q: Density | None = None
    p: Density | None = None
    kl: bool = False


def addends(pattern: Pattern, weights: Weights) -> list[Addend]:
    """Returns the terms that are maximised for these rows, in the order of the objective's own.

    The rule for the divergence is the objective's, `closed_form`; of a latent that is plugged in it is always the
    divergence, because the score of its mean is the expected score.
    """
    found = [Addend(1.0, pattern.over(pattern.graph.p_parents["x"]), p=pattern.p("x"))]
    for name in pattern.graph.latents:
        q, p = pattern.q(name), pattern.p(name)
        if name in pattern.observed:
            found.append(Addend(1.0, pattern.over(p.given), p=p))
            found.append(Addend(weights.alpha, pattern.over(q.given), q=q))
            continue
        kl = pattern.treatment(name) == "plugged in" or _has_kl(pattern, name)
        over = pattern.over((*q.given, *p.given, *(() if kl else (name,))))
        q, p = (q.of_value(), p.of_value()) if kl else (q, p)
        found.append(Addend(-weights.beta, over, q, p, kl))
    return found


def _has_kl(pattern: Pattern, name: str) -> bool:
    family = pattern.graph.latents[name].family
    return closed_form(pattern.graph, pattern.observed, name) and _knows_kl(family)


def _knows_kl(family: Family) -> bool:
    """Says whether a family has a divergence in closed form, by asking for that of its own prior from itself."""
    prior = {key: value.start if isinstance(value, Learnable) else value for key, value in family.prior.items()}
    tensors = {key: value for key, value in prior.items() if not isinstance(value, float)}
    return family.kl(tensors, tensors) is not None


def expected(pattern: Pattern, addend: Addend, notation: Notation) -> str:
    """Writes a term under its expectation; in text, the term goes to a line of its own where both are too long."""
    body = _body(addend, notation)
    if not addend.over:
        return body
    operators, sums = expectations(pattern, addend.over, notation)
    single = addend.kl or not (addend.q and addend.p)
    if all(sums) and single:
        return f"{operators}{notation.space}{body}"
    body = notation.in_brackets(body)
    if len(operators) + len(body) > WIDTH:
        return f"{operators}\n      {body}"
    return f"{operators} {body}" if sums[-1] else operators + body


def expectations(pattern: Pattern, over: Sequence[str], notation: Notation) -> tuple[str, list[bool]]:
    """Writes the expectations over latents, one after the other, and says which of them are sums."""
    given_labels = tuple(name for name in pattern.reweighted() if name in over)
    densities = [pattern.posterior(given_labels)] if given_labels else []
    densities += [pattern.q(name) for name in over if name not in given_labels]
    sums = [all(pattern.treatment(name) == "enumerated" for name in density.names) for density in densities]
    written = (
        notation.sum_over(density) if is_sum else notation.expectation_over(density)
        for density, is_sum in zip(densities, sums, strict=True)
    )
    return notation.space.join(written), sums


def _body(addend: Addend, notation: Notation) -> str:
    if addend.q and addend.p:
        if addend.kl:
            return notation.kl_of(addend.q, addend.p)
        return f"{notation.log_of(addend.q)} {notation.minus} {notation.log_of(addend.p)}"
    density = addend.q or addend.p
    assert density is not None
    return notation.log_of(density)
