"""The table of variables: family, prior, labels, treatment and terms."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import torch
from torch import Tensor

from unbraid.estimators.named import text_of
from unbraid.explanation.pattern import Pattern
from unbraid.graph.graph import Graph, Node
from unbraid.graph.symbol import Layer
from unbraid.variables.head import Fixed, Learned

HEADER = ("variable", "family", "prior", "observed", "where unobserved", "terms")


def table(
    patterns: Sequence[Pattern], counts: Mapping[str, int], chosen: Collection[str], rows: int | None
) -> list[str]:
    """Writes the table, one line a variable below a header.

    Args:
        patterns: The patterns of labels that occur.
        counts: The number of labelled rows of each latent that has labels.
        chosen: The latents whose estimator was chosen, by the program or beside it.
        rows: The number of rows, if known.
    """
    graph = patterns[0].graph
    cells = [HEADER]
    for name, node in graph.latents.items():
        observed = [pattern for pattern in patterns if name in pattern.observed]
        terms = (["KL"] if len(observed) < len(patterns) else []) + (["log p", "log q"] if observed else [])
        treated = treatment(patterns, name, name in chosen)
        cells.append(
            (name, str(node.family), prior(graph, name), _rows(counts.get(name, 0)), treated, ", ".join(terms))
        )
    everywhere = "every row" if rows is None else _rows(rows)
    cells.append(("x", str(graph.likelihood.family), "", everywhere, "", "log p"))
    return _aligned(cells)


def treatment(patterns: Sequence[Pattern], name: str, chosen: bool) -> str:
    """Says how a latent is treated where it is unobserved."""
    pattern = next((pattern for pattern in patterns if name not in pattern.observed), None)
    if pattern is None:
        return "nowhere"
    by = "chosen" if chosen else "default"
    match pattern.treatment(name):
        case "enumerated":
            return f"enumerate × {pattern.graph.latents[name].family.n_values} ({by})"
        case "plugged in":
            return f"plug-in ({by})"
        case _:
            estimator = pattern.estimators.get(name)
            return f"{text_of(estimator)} ({by})" if estimator else f"sampled × {pattern.samples}"


def prior(graph: Graph, name: str) -> str:
    """Says what the generative factor of a latent is: its parents, or the parameters that it has."""
    node = graph.factors[name]
    family = "" if str(node.family) == str(graph.latents[name].family) else f"{node.family}, "
    if graph.p_parents[name]:
        return f"{family}given {', '.join(graph.p_parents[name])}"
    return family + ", ".join(_parameter(graph, node, key) for key in node.kwargs)


def _parameter(graph: Graph, node: Node, key: str) -> str:
    """Says what a parameter is: a number, learned, or a fixed tensor."""
    operation = graph.node(node.kwargs[key]).operation
    module = operation.module if isinstance(operation, Layer) else None
    if isinstance(module, Learned):
        return f"{key} learned"
    if not isinstance(module, Fixed):
        return f"{key} computed"
    if node.family.discrete and _all_equal(torch.softmax(node.family.logits({key: module.value}), -1)):
        return "uniform"
    return f"{key} {float(module.value.flatten()[0]):.4g}" if _all_equal(module.value) else f"{key} fixed"


def _all_equal(value: Tensor) -> bool:
    return bool(torch.all(value == value.flatten()[0]))


def _rows(count: int) -> str:
    return "no row" if count == 0 else f"{count:,} row{'' if count == 1 else 's'}"


def _aligned(cells: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
