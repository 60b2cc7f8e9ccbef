"""The importance-weighted bound, in maths."""

from __future__ import annotations

from unbraid.explanation.formula import WIDTH, expectations
from unbraid.explanation.notation import Notation
from unbraid.explanation.pattern import Pattern


def importance(pattern: Pattern, notation: Notation) -> str:
    """Writes the bound of rows, log (1/S) sum_s p(x, O, u_s) / q(u_s | ...).

    As in the objective, a discrete latent is summed out after the average over samples where no discrete latent
    depends on a sample, and within it where one does.
    """
    free = [name for name in pattern.graph.latents if name not in pattern.observed]
    log = notation.log.format("").strip()
    joint = notation.product(pattern.p(name) for name in (*pattern.graph.latents, "x"))
    if not free:
        return f"{log} {notation.in_brackets(joint)}"
    ratio = notation.ratio.format(joint, notation.product(map(pattern.q, free)))
    averaged = f"{log} {notation.average.format(pattern.samples)}" if pattern.averages() else log
    summed = tuple(name for name in pattern.over(free) if not pattern.along_samples(name))
    operators, _ = expectations(pattern, summed, notation)
    if not summed or pattern.samples_first or not pattern.averages():
        return _broken(f"{operators} {averaged}".strip(), ratio)
    return f"{averaged} {notation.exp.format(_broken(f'{operators} {log}', ratio))}"


def _broken(operators: str, body: str) -> str:
    """Puts a body behind its operators, on a line of its own where both are too long; and so for the denominator."""
    if len(body) > WIDTH:
        body = body.replace(" / ( ", "\n        / ( ")
    return f"{operators}\n      {body}" if len(operators) + len(body) > WIDTH else f"{operators} {body}"
