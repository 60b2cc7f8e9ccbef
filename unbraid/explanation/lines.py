"""The lines of a formula: the terms with their signs, and what surrounds them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from unbraid.explanation.formula import Addend, Weights, addends, expected
from unbraid.explanation.importance import importance
from unbraid.explanation.notation import Notation
from unbraid.explanation.pattern import Pattern


def lines(pattern: Pattern, weights: Weights, notation: Notation) -> list[str]:
    """Writes what is maximised: the terms, one a line, each with its sign but for the first."""
    found = addends(pattern, weights)
    scores = [each for each in found if each.q and not each.p]
    if weights.bound == "importance":
        return [f"  {importance(pattern, notation)}", *_signed(pattern, scores, 0.0, notation, first=False)]
    if weights.supervision == "eq4" and scores:
        once = [replace(each, weight=-1.0) if each in scores else each for each in found]
        inside = [f"    {line}" for line in _signed(pattern, once, weights.free_bits, notation)]
        return [
            f"  {_likelihood_of_labels(pattern, scores, notation)}{notation.times}{notation.left}",
            *inside,
            f"  {notation.right}",
        ]
    return _signed(pattern, found, weights.free_bits, notation)


def _signed(
    pattern: Pattern, found: Sequence[Addend], free: float, notation: Notation, first: bool = True
) -> list[str]:
    """Writes terms, one a line; the first has no sign if it is the first of all."""
    written: list[str] = []
    for addend in found:
        divergence = addend.q and addend.p
        sign = notation.minus if addend.weight < 0 or divergence else "+"
        size = abs(addend.weight)
        factor = "" if size == 1 else f"{size:g}{notation.times}"
        text = expected(pattern, addend, notation)
        text = notation.at_least.format(f"{free:g}", text) if divergence and free else text
        written.append(f"{sign if written or not first else ' '} {factor}{text}")
    return written


def _likelihood_of_labels(pattern: Pattern, scores: Sequence[Addend], notation: Notation) -> str:
    """Writes what Eq. 4 multiplies the bound with: q of the labels, the exponential of the expected log q."""
    if not any(each.over for each in scores):
        return notation.product(each.q for each in scores if each.q)
    return notation.exp.format(" + ".join(expected(pattern, each, notation) for each in scores))
