"""Remarks on formulas: what stands for a latent, how labels reweight one, and what to beware of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from unbraid.estimators.gumbel import Gumbel
from unbraid.explanation.children import seen_by_children
from unbraid.explanation.formula import Weights
from unbraid.explanation.notation import Notation
from unbraid.explanation.pattern import Pattern
from unbraid.graph.graph import Graph


def where(pattern: Pattern, weights: Weights, notation: Notation) -> list[str]:
    """Says what the symbols of a pattern's formula mean, and how its expectations are weighted."""
    said = []
    for name in pattern.treated("plugged in"):
        mean = notation.in_line(f"{notation.mean_of(name)} = {notation.density(pattern.q(name))}")
        said.append(f"where {notation.in_line(notation.name(name))} is replaced by its mean {mean}")
    said += [_relaxation(pattern, name, notation) for name in pattern.treated("relaxed")]
    if pattern.bound == "importance" and pattern.averages():
        drawn = notation.in_line(notation.product(map(pattern.q, pattern.sampled_together())))
        said.append(f"where {notation.in_line('s')} runs over {pattern.samples} samples of {drawn}")
    if pattern.reweighted():
        said.append(_reweighting(pattern, notation))
    if weights.free_bits and pattern.bound == "elbo" and len(pattern.observed) < len(pattern.graph.latents):
        free = notation.in_line(notation.at_least.format(f"{weights.free_bits:g}", "·"))
        said.append(f"where {free} is of a term's mean over the rows of a batch: so many nats of it cost nothing")
    return said


def _relaxation(pattern: Pattern, name: str, notation: Notation) -> str:
    """Says what a relaxed sample is."""
    estimator = pattern.estimators[name]
    assert isinstance(estimator, Gumbel)
    density = pattern.q(name).of_value()
    start = "" if estimator.start is None else f", T from {estimator.start:g} to {estimator.temperature:g} in training"
    temperature = f"{estimator.temperature:g}" if estimator.start is None else "T"
    return (
        f"where {notation.in_line(notation.relaxed_of(name))} is a relaxed sample of "
        f"{notation.in_line(notation.density(density))}: softmax((log q + Gumbel noise) / {temperature}){start}"
    )


def _reweighting(pattern: Pattern, notation: Notation) -> str:
    """Says what the expectation over latents with a label below them is, and what it is taken over."""
    names = pattern.reweighted()
    joint = [*map(pattern.q, names), *map(pattern.q, pattern.evidence())]
    summed = [name for name in names if pattern.treatment(name) == "enumerated"]
    sampled = [name for name in names if name not in summed]
    posterior = f"{notation.density(pattern.posterior(names))} {notation.proportional} {notation.product(joint)}"
    text = f"where {notation.in_line(posterior)}"
    if not sampled:
        return f"{text}, summed exactly"
    number = max(map(pattern.draws, sampled))
    draws = "one sample" if number == 1 else f"{number} samples"
    every = join([notation.in_line(notation.name(name)) for name in summed]) if summed else ""
    proposal = notation.in_line(notation.product(map(pattern.q, sampled)))
    weights = notation.in_line(notation.product(map(pattern.q, (*summed, *pattern.evidence()))))
    domain = f"every value of {every} and {draws}" if every else draws
    return f"{text}, over {domain} of {proposal}, weighted by {weights}, normalised"


def notes(
    patterns: Sequence[Pattern], lacking: Mapping[str, Sequence[int]], weights: Weights, notation: Notation
) -> list[str]:
    """Returns what a reader should beware of."""
    found = [_unlabelled_classes(name, classes) for name, classes in lacking.items()]
    graph = patterns[0].graph
    alone = [name for name in graph.latents if any(_trained_by_alpha(pattern, name) for pattern in patterns)]
    observed = [name for name in graph.latents if any(name in pattern.observed for pattern in patterns)]
    if weights.supervision == "eq4" and observed:
        found.append(_eq4(observed, patterns[0], notation))
    elif alone:
        found += _observed_rows(alone, patterns[0], weights, notation)
    for name in graph.latents:
        pattern = next((pattern for pattern in patterns if name not in pattern.observed), None)
        if pattern is not None and name in pattern.estimators:
            found += seen_by_children(name, pattern)
    found += _presences(graph)
    if weights.bound == "importance" and patterns[0].samples == 1:
        found.append("Note: with one sample the importance bound is the evidence lower bound; take samples=5 or more.")
    if any(_one_weight(pattern) for pattern in patterns):
        found.append(
            "Warning: with one sample its weight is 1, so a label does not reweight the sampled latents above it; take "
            "samples=2 or more."
        )
    return found


def _presences(graph: Graph) -> list[str]:
    """Says for each `Repeat` what its terms are multiplied by."""
    counts = dict.fromkeys((name.split("[")[0], above[0][0]) for name, above in graph.counts.items())
    return [
        f"Note: the terms of {repeat}[t], and what x sees of it, are multiplied by whether it is there, {count} > t; "
        f"where {count} is plugged in, by the probability of it."
        for repeat, count in counts
    ]


def _eq4(names: Sequence[str], pattern: Pattern, notation: Notation) -> str:
    """Warns of Eq. 4."""
    trained = notation.product(pattern.q(name).of_value() for name in names)
    return (
        f"Warning: supervision='eq4' multiplies the bound of rows with {join(names)} observed by {trained} (Siddharth "
        "et al. 2017, Eq. 4 of the first version). Where the bound is negative, as for images of binary pixels, ascent "
        "drives q of the right label to 0: the label is un-learnt. alpha has no part in it."
    )


def _unlabelled_classes(name: str, classes: Sequence[int]) -> str:
    if len(classes) == 1:
        return f"Warning: class {classes[0]} of {name} has no labelled row: nothing tells the model what it means."
    some = ", ".join(map(str, classes[:5])) + (", …" if len(classes) > 5 else "")
    which = f"{len(classes)} classes of {name} ({some})"
    return f"Warning: {which} have no labelled row: nothing tells the model what they mean."


def _trained_by_alpha(pattern: Pattern, name: str) -> bool:
    return name in pattern.observed and not (name in pattern.evidence() and pattern.reweighs())


def _observed_rows(names: Sequence[str], pattern: Pattern, weights: Weights, notation: Notation) -> list[str]:
    """Says by what alone observed rows train q, and what the objective is not."""
    trained = join([notation.density(pattern.q(name).of_value()) for name in names])
    if weights.alpha == 0:
        return [f"Warning: alpha is 0, so rows with {join(names)} observed do not train {trained}."]
    return [
        f"Note: where observed, {trained} {'is' if len(names) == 1 else 'are'} trained by the log q term alone, whose "
        f"weight is alpha = {weights.alpha:g}. The other terms are not multiplied by q of the label, as Eq. 4 of "
        "Siddharth et al. (2017) in its first version has it: where they add up to a negative number, as for images "
        "of binary pixels, ascent would drive q of the right label to 0."
    ]


def _one_weight(pattern: Pattern) -> bool:
    return any(pattern.treatment(name) != "enumerated" and pattern.draws(name) == 1 for name in pattern.reweighted())


def join(names: Sequence[str]) -> str:
    """Writes a list: a, b and c."""
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)
