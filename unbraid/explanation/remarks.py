"""Remarks on formulas: what stands for a latent, how labels reweight one, and what to beware of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from unbraid.estimators.plug_in import PlugIn
from unbraid.explanation.formula import Weights
from unbraid.explanation.notation import Notation
from unbraid.explanation.pattern import Pattern


def where(pattern: Pattern, notation: Notation) -> list[str]:
    """Says what the symbols of a pattern's formula mean, and how its expectations are weighted."""
    said = []
    for name in pattern.treated("plugged in"):
        estimator = pattern.estimators[name]
        still = ", without gradient" if isinstance(estimator, PlugIn) and not estimator.gradient else ""
        mean, q = notation.mean_of(name), notation.density(pattern.q(name))
        said.append(f"where {notation.name(name)} is replaced by its mean {mean} = {q}{still}")
    if pattern.reweighted():
        said.append(_reweighting(pattern, notation))
    return said


def _reweighting(pattern: Pattern, notation: Notation) -> str:
    """Says what the expectation over latents with a label below them is, and what it is taken over."""
    names = pattern.reweighted()
    joint = [*map(pattern.q, names), *map(pattern.q, pattern.evidence())]
    summed = [name for name in names if pattern.treatment(name) == "enumerated"]
    sampled = [name for name in names if name not in summed]
    text = f"where {notation.density(pattern.posterior(names))} {notation.proportional} {notation.product(joint)}"
    if not sampled:
        return f"{text}, summed exactly"
    draws = "one sample" if pattern.samples == 1 else f"{pattern.samples} samples"
    values = f"every value of {join(summed)} and " if summed else ""
    weights = notation.product([*map(pattern.q, summed), *map(pattern.q, pattern.evidence())])
    return (
        f"{text}, taken over {values}{draws} of {notation.product(map(pattern.q, sampled))}"
        f" with weights {notation.proportional} {weights} that sum to 1"
    )


def notes(patterns: Sequence[Pattern], lacking: Mapping[str, Sequence[int]], weights: Weights, notation: Notation) -> list[str]:
    """Returns what a reader should beware of."""
    found = [_unlabelled_classes(name, classes) for name, classes in lacking.items()]
    alone = [name for name in patterns[0].graph.latents if any(_trained_by_alpha(pattern, name) for pattern in patterns)]
    if alone:
        found += _observed_rows(alone, patterns[0], weights, notation)
    for name in dict.fromkeys(name for pattern in patterns for name in pattern.treated("plugged in")):
        found.append(f"Note: to plug in the mean of {name} is biased unless its q is certain of one value.")
    if any(_one_weight(pattern) for pattern in patterns):
        found.append(
            "Warning: with one sample its weight is 1, so a label does not reweight the sampled latents above it; take samples=2 or more."
        )
    return found


def _unlabelled_classes(name: str, classes: Sequence[int]) -> str:
    which = f"class {classes[0]}" if len(classes) == 1 else f"the classes {join(list(map(str, classes)))}"
    return f"Warning: no row is labelled with {which} of {name}, so nothing tells the model what that means."


def _trained_by_alpha(pattern: Pattern, name: str) -> bool:
    return name in pattern.observed and name not in pattern.evidence()


def _observed_rows(names: Sequence[str], pattern: Pattern, weights: Weights, notation: Notation) -> list[str]:
    """Says by what alone observed rows train q, and what the objective is not."""
    trained = notation.product(pattern.q(name) for name in names)
    if weights.alpha == 0:
        return [f"Warning: alpha is 0, so rows with {join(names)} observed do not train {trained}."]
    own = "its own log q" if len(names) == 1 else "their own log q"
    return [
        f"Note: where {join(names)} {'is' if len(names) == 1 else 'are'} observed, {trained} is trained by {own}, weighted by alpha = "
        f"{weights.alpha:g}, and by nothing else. The other terms are not multiplied by q of the label (as in Eq. 4 of Siddharth et al., "
        "review version): they are negative, about -100 nats for binary images, and ascent would drive q of the right label to 0."
    ]


def _one_weight(pattern: Pattern) -> bool:
    return pattern.samples == 1 and any(pattern.treatment(name) == "sampled" for name in pattern.reweighted())


def join(names: Sequence[str]) -> str:
    """Writes a list: a, b and c."""
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)
