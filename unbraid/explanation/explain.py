"""The text that says what is maximised for given labels."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import Any

import torch
from torch import Tensor

from unbraid.data.label_values import by_variable, label_array
from unbraid.data.labels import unlabelled_classes
from unbraid.estimators.choice import choose_estimators, split_names
from unbraid.estimators.estimator import Estimator
from unbraid.explanation.formula import WIDTH, Weights
from unbraid.explanation.lines import lines
from unbraid.explanation.notation import LATEX, TEXT, Notation, factors
from unbraid.explanation.pattern import Pattern
from unbraid.explanation.remarks import join, notes, where
from unbraid.explanation.table import table
from unbraid.graph.graph import Graph
from unbraid.graph.plates import written_once
from unbraid.inference.labelled import is_labelled
from unbraid.objectives.given import given_labels
from unbraid.objectives.options import DEFAULT_ALPHA, Bound, Options, Supervision
from unbraid.objectives.pattern import filled_past_count


def explain(
    graph: Graph,
    labels: Mapping[str, Any] | None = None,
    *,
    estimators: Mapping[str, str | Estimator] | None = None,
    alpha: float = DEFAULT_ALPHA,
    gamma: float = 1.0,
    beta: float = 1.0,
    free_bits: float = 0.0,
    samples: int = 1,
    supervision: Supervision = "default",
    bound: Bound = "elbo",
    rows: int | None = None,
    latex: bool = False,
) -> str:
    """Says in maths what is maximised for the given labels, and how each latent is treated.

    For each pattern of labels that occurs: the terms whose sum over the rows is maximised, as
    `unbraid.objectives.objective` takes them. Below: a table of the variables, what a row costs, and what to beware of.

    Args:
        graph: The graph of a model.
        labels: By latent, one label a row: arrays, tensors or lists, with -1, NaN or None where a row has none; None
            for rows without labels.
        estimators: By discrete latent, the name of an estimator, perhaps with options, or an estimator.
        alpha: The weight of log q of observed latents.
        gamma: The weight of rows with any label.
        beta: The weight of the KL terms.
        free_bits: Nats of each KL term that cost nothing.
        samples: How many samples of the sampled latents.
        supervision: "default" or "eq4"; see `unbraid.objectives.Options`.
        bound: "elbo" or "importance".
        rows: How many rows the data have; as many as there are labels if not given.
        latex: Whether to return the formulas, and only these, as LaTeX (with the package amsmath).

    Returns:
        The text, at most some 100 characters wide where formulas and names allow it.

    Raises:
        DataError: If labels do not fit the latents or the number of rows.
        OptionError: If an estimator does not exist or does not fit, or an option cannot have its value.

    Example:
        >>> import unbraid as ub
        >>> class Pair(ub.Model):
        ...     def encode(self, x):
        ...         return {"digit": ub.Categorical(3)(x)}
        ...
        ...     def decode(self, digit):
        ...         return ub.Normal(2)(digit)
        >>> print(explain(Pair().graph, {"digit": [0, 1, 2, -1, -1]}).split("digit  ")[0])
        q(digit | x)
        p(digit) p(x | digit)
        <BLANKLINE>
        2 rows without labels maximise
            Σ_digit q(digit | x) log p(x | digit)
          − KL(q(digit | x) ‖ p(digit))
        <BLANKLINE>
        3 rows with digit observed maximise
            log p(x | digit)
          + log p(digit)
          + 50 · log q(digit | x)
        <BLANKLINE>
        variable  family ...
    """
    chosen = choose_estimators(graph, estimators)
    Options(alpha, gamma, beta, free_bits, samples, supervision, bound)  # refuses what the objective would
    weights = Weights(alpha, gamma, beta, free_bits, supervision, bound)
    normal, rows = _normal(graph, by_variable(labels, graph.series), rows)
    patterns = [
        Pattern(graph, frozenset(names), chosen, samples, count, bound)
        for names, count in _counted(graph, filled_past_count(graph, normal), rows)
    ]
    if latex:
        return _latex(graph, patterns, weights)
    cardinalities = {name: node.family.cardinality for name, node in graph.latents.items()}
    asked = {name for name, node in graph.latents.items() if node.family.estimator is not None} | set(
        split_names(graph, estimators or {})
    )
    beware = notes(patterns, unlabelled_classes(normal, cardinalities), weights, TEXT)
    labelled = {name: int(is_labelled(label).sum()) for name, label in normal.items()}
    blocks = [
        [
            TEXT.product(factors("q", written_once(graph.q_parents))),
            TEXT.product(factors("p", written_once(graph.p_parents))),
        ],
        *(_block(pattern, weights) for pattern in patterns),
        table(patterns, labelled, asked, rows),
        [_costs(patterns)],
        [_filled(note) for note in beware],
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _normal(graph: Graph, labels: Mapping[str, Any], rows: int | None) -> tuple[dict[str, Tensor], int | None]:
    """Returns labels in their normal form, and the number of rows."""
    if rows is None and labels:
        name, values = next(iter(labels.items()))
        rows = next(iter(label_array(values, name).shape), 0)
    return given_labels(graph, labels, rows or 0, missing_class="allow"), rows


def _counted(graph: Graph, labels: Mapping[str, Tensor], rows: int | None) -> list[tuple[tuple[str, ...], int | None]]:
    """Counts the rows with each set of latents observed: the smallest set first, then in the order of the latents."""
    names = [name for name in graph.latents if name in labels]
    if not names:
        return [((), rows)]
    masks = torch.stack([is_labelled(labels[name]) for name in names], dim=1)
    found, counts = torch.unique(masks, dim=0, return_counts=True)
    seen = [tuple(i for i, labelled in enumerate(row) if labelled) for row in found.tolist()]
    ordered = sorted(zip(seen, counts.tolist(), strict=True), key=lambda item: (len(item[0]), item[0]))
    return [(tuple(names[i] for i in each), count) for each, count in ordered]


def _which(pattern: Pattern, notation: Notation = TEXT) -> str:
    """Says which rows a pattern's are."""
    names = [notation.in_line(notation.name(name)) for name in pattern.treated("observed")]
    return f"with {join(names)} observed" if names else "without labels"


def _heading(pattern: Pattern, weights: Weights, notation: Notation) -> str:
    """Says which rows, how many, and their weight."""
    count = pattern.rows
    amount = "Rows" if count is None else f"{count:,} row{'' if count == 1 else 's'}"
    weight = f", weighted by {weights.gamma:g}," if pattern.observed and weights.gamma != 1 else ""
    return f"{amount} {_which(pattern, notation)}{weight} maximise{'s' if count == 1 else ''}"


def _block(pattern: Pattern, weights: Weights) -> list[str]:
    """Returns the lines of a pattern in text."""
    terms = [f"  {line}" for line in lines(pattern, weights, TEXT)]
    said = [_filled(line, indent="  ") for line in where(pattern, weights, TEXT)]
    return [_heading(pattern, weights, TEXT), *terms, *said]


def _costs(patterns: Sequence[Pattern]) -> str:
    """Says how often the likelihood is evaluated for a row of each pattern."""
    first, *others = patterns
    count = first.evaluations()
    text = f"One row {_which(first)} costs {count:,} evaluation{'' if count == 1 else 's'} of p(x | ·)"
    rest = [f", one {_which(pattern)} costs {pattern.evaluations():,}" for pattern in others]
    return _filled(f"{text}{''.join(rest)}.")


def _filled(text: str, indent: str = "") -> str:
    """Breaks a sentence into lines, but not within parentheses, so that a density stays whole."""
    whole = re.sub(r"\([^()]*\)", lambda found: found[0].replace(" ", "\u00a0"), text)
    broken = fill(whole, WIDTH, initial_indent=indent, subsequent_indent=f"{indent}  ")
    return broken.replace("\u00a0", " ")


def _latex(graph: Graph, patterns: Sequence[Pattern], weights: Weights) -> str:
    """Returns the formulas in LaTeX: displays, and sentences between them."""
    parts = [
        _display(
            [
                LATEX.product(factors("q", written_once(graph.q_parents))),
                LATEX.product(factors("p", written_once(graph.p_parents))),
            ]
        )
    ]
    for pattern in patterns:
        parts += [
            _heading(pattern, weights, LATEX),
            _display(lines(pattern, weights, LATEX)),
            *where(pattern, weights, LATEX),
        ]
    return "\n".join(parts)


def _display(formulas: Sequence[str]) -> str:
    body = " \\\\\n".join(f"  & {formula.strip()}" for formula in formulas)
    return f"\\begin{{align*}}\n{body}\n\\end{{align*}}"
