"""Given labels: what users write, `items.digit` with a step axis among it, brought to the latents of the graph."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor

from unbraid.data.label_values import by_variable, label_array, with_component
from unbraid.data.labels import normalise_labels, refuse_unlabelled, unlabelled_classes
from unbraid.errors import DataError, did_you_mean
from unbraid.graph.graph import Graph
from unbraid.graph.series import Series, split
from unbraid.inference.labelled import is_labelled
from unbraid.objectives.matching import labelled_first
from unbraid.objectives.pattern import check_label


def given_labels(
    graph: Graph, labels: Mapping[str, Any] | None, rows: int, *, missing_class: Literal["error", "allow"] = "error"
) -> dict[str, Tensor]:
    """Checks labels against the latents of a graph, and makes tensors of them.

    Args:
        graph: The graph.
        labels: By latent as users name it, one label a row (see `normalise_labels`); of a latent in a `Repeat` one for
            every step, (rows, steps, ...), with -1 or NaN for none. Labels of one component may lack the axis of it.
        rows: How many rows the data have.
        missing_class: What to do where no row is labelled with some class, in no step.

    Returns:
        By latent of the graph: (rows,) int64 with -1, or (rows, ...) float32 with NaN. Steps without any label are left
        out. Items that are matched to steps are a set: the labelled ones come first.

    Raises:
        DataError: See `normalise_labels`; also if labels are not by latent or have another shape than the latent's
            values, or an item is labelled past the labelled count.
    """
    flat: dict[str, Any] = {}
    for name, values in by_variable(labels, graph.series).items():
        _check_known(graph, name)
        series = graph.series.get(name)
        flat |= {name: values} if series is None or not series.steps else _steps(graph, series, values, rows)
    cardinalities = {name: node.family.cardinality for name, node in graph.latents.items()}
    normal = _with_components(graph, normalise_labels(flat, rows, cardinalities, missing_class="allow"))
    for name, label in normal.items():
        check_label(graph, name, label, rows)
        graph.latents[name].family.check_labels(name, label)
    if graph.matched:
        normal = {name: label for name, label in labelled_first(graph, normal).items() if is_labelled(label).any()}
    refuse_past_count(graph, normal)
    if missing_class == "error":
        _refuse_missing(graph, normal)
    return normal


def batch_labels(graph: Graph, labels: Mapping[str, Any] | None, rows: int) -> dict[str, Tensor]:
    """Checks the labels of a batch, whose classes need not all occur, and cuts them by step.

    Every label is looked at, in every call: this is for labels that a user hands over, not for the steps of `fit`.

    Args:
        graph: The graph.
        labels: By latent as users name it: tensors, arrays or lists, of whole numbers with -1, or of floats with NaN;
            of a latent in a `Repeat` (rows, steps, ...). Labels of one component may lack the axis of it.
        rows: How many rows the batch has.

    Returns:
        By latent of the graph, on the device of the labels. Items that are matched to steps are a set: the labelled
        ones come first.

    Raises:
        DataError: If labels are not by latent, there is no such latent, labels have another shape, type or range than
            its values, or an item is labelled past the labelled count.
    """
    labels = by_variable(labels, graph.series)
    for name in labels:
        _check_known(graph, name)
    parts = split(graph.series, {name: _tensor(name, label) for name, label in labels.items()})
    parts = _with_components(graph, parts)
    for name, label in parts.items():
        check_label(graph, name, label, rows)
        graph.latents[name].family.check_labels(name, label)
    parts = labelled_first(graph, parts)
    refuse_past_count(graph, parts)
    return parts


def _tensor(name: str, labels: Any) -> Tensor:
    """Makes a tensor of labels: floats, or int64."""
    tensor = labels if isinstance(labels, Tensor) else torch.tensor(label_array(labels, name))
    return tensor if tensor.is_floating_point() else tensor.long()


def _with_components(graph: Graph, labels: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Gives labels of one component their axis, by latent of the graph: (rows,) to (rows, 1)."""
    return {name: with_component(label, 1, graph.latents[name].family.label_shape) for name, label in labels.items()}


def refuse_past_count(graph: Graph, labels: Mapping[str, Tensor]) -> None:
    """Raises DataError if an item is labelled in a step that the labelled count says is not there."""
    for name, label in labels.items():
        for count, step in graph.counts.get(name, ()):
            if count not in labels:
                continue
            absent = (labels[count] >= 0) & (labels[count] <= step) & is_labelled(label)
            if absent.any():
                row = int(absent.nonzero()[0])
                raise DataError(
                    f"row {row} has a label for {name!r}, and {count!r} is labelled {int(labels[count][row])} there: "
                    f"steps from {int(labels[count][row])} on are not there. Write -1 (or NaN), or mend the count."
                )


def _check_known(graph: Graph, name: str) -> None:
    known = {**graph.series, **graph.latents}
    if name not in known:
        hint = did_you_mean(name, graph.series)
        raise DataError(f"there are labels for {name!r}, which is no latent of this model.{hint}")


def _steps(graph: Graph, series: Series, values: Any, rows: int) -> dict[str, Any]:
    """Cuts labels by step; steps without any are left out."""
    array = label_array(values, series.name)
    if array.ndim == 0 or len(array) != rows:
        raise DataError(
            f"'{series.name}' has {len(array) if array.ndim else 'no'} labels, but the data have {rows} rows: give one "
            f"label a row and step, the shape ({rows}, {', '.join(map(str, series.steps))}, ...)."
        )
    numbers = array.astype(float)
    discrete = graph.latents[series.members[0]].family.cardinality is not None
    missing = (numbers != numbers) | ((numbers == -1) if discrete else False)
    gaps = series.split(missing)
    labelled = [member for member, gap in gaps.items() if not gap.all()]
    if not labelled:
        raise DataError(f"no row is labelled for '{series.name}'; leave it out to train without labels")
    parts = series.split(array)
    return {member: parts[member] for member in labelled}


def _refuse_missing(graph: Graph, normal: Mapping[str, Tensor]) -> None:
    """Raises DataError if no row is labelled with some class of a latent, in no step."""
    pooled, cardinalities = {}, {}
    for name, series in graph.series.items():
        given = [normal[member] for member in series.members if member in normal]
        cardinality = graph.latents[series.members[0]].family.cardinality
        if given and cardinality is not None:
            pooled[name], cardinalities[name] = torch.cat(given), cardinality
    refuse_unlabelled(unlabelled_classes(pooled, cardinalities))
