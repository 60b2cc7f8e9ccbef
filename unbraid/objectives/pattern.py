"""Patterns of labels: which latents are observed in which rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from unbraid.errors import DataError, did_you_mean
from unbraid.graph.graph import Graph
from unbraid.inference.labelled import is_labelled

_BITS = 62  # of a number of 64


@dataclass(frozen=True, slots=True)
class Group:
    """Rows of a batch with the same latents observed.

    Attributes:
        rows: Their numbers in the batch, shape (m,); None for all rows, in order.
        observed: The values of the observed latents, as children see them: (m, *event).
    """

    rows: Tensor | None
    observed: Mapping[str, Tensor]


def groups_of(graph: Graph, labels: Mapping[str, Tensor], rows: int) -> Iterator[Group]:
    """Groups the rows of a batch by which latents are observed.

    Args:
        graph: The graph.
        labels: By latent: int64 (rows,) with -1, or floats (rows, *event) with NaN, where a row is not labelled.
        rows: How many rows the batch has.

    Yields:
        One group for each pattern that occurs.

    Raises:
        DataError: If labels are for no latent of the graph, or have another shape, type or range than its values.
    """
    for name, label in labels.items():
        check_label(graph, name, label, rows)
    if graph.counts:
        labels = filled_past_count(graph, labels)
    if not labels:
        yield Group(None, {})
        return
    masks = {name: is_labelled(label) for name, label in labels.items()}
    code, patterns = _patterns(list(masks.values()))
    for number, pattern in patterns.items():
        index = None if len(patterns) == 1 else (code == number).nonzero().squeeze(1)
        seen = [name for bit, name in enumerate(masks) if pattern >> bit & 1]
        yield Group(index, {name: _value(graph, name, labels[name], index) for name in seen})


def filled_past_count(graph: Graph, labels: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Gives steps past a labelled count some label, so that rows of all counts have one pattern.

    A step that is not there is multiplied by zero wherever it is scored, so any label of it will do: the first that
    there is.
    """
    filled = dict(labels)
    for name, label in labels.items():
        for count, step in graph.counts.get(name, ()):
            known = is_labelled(label)
            if count in labels and known.any():
                absent = (labels[count] >= 0) & (labels[count] <= step)
                some = label[known.int().argmax()].expand_as(label)
                filled[name] = torch.where(_like(absent, label), some, filled[name])
    return filled


def _like(mask: Tensor, value: Tensor) -> Tensor:
    return mask.view(-1, *(1,) * (value.dim() - 1))


def _patterns(masks: list[Tensor]) -> tuple[Tensor, dict[int, int]]:
    """Returns the number of each row's pattern, (rows,), and by number the patterns that occur: a bit a variable."""
    if len(masks) == 1:
        labelled = int(masks[0].sum())
        found = [0] if not labelled else [1] if labelled == len(masks[0]) else [0, 1]
        return masks[0], {each: each for each in found}
    if len(masks) > _BITS:
        rows, code = torch.unique(torch.stack(masks, 1), dim=0, return_inverse=True)
        return code, {each: sum(1 << bit for bit, on in enumerate(row) if on) for each, row in enumerate(rows.tolist())}
    code = torch.stack([mask.long() << bit for bit, mask in enumerate(masks)]).sum(0)
    return code, {each: each for each in torch.unique(code).tolist()}


def check_label(graph: Graph, name: str, label: Tensor, rows: int) -> None:
    """Raises DataError if labels are for no latent of the graph, or have another shape or type than its values.

    Args:
        graph: The graph.
        name: The latent.
        label: What should be int64 (rows,), or floats (rows, *event).
        rows: How many rows there are.
    """
    if name not in graph.latents:
        raise DataError(
            f"there are labels for {name!r}, which is no latent of this model.{did_you_mean(name, graph.latents)}"
        )
    family = graph.latents[name].family
    expected = (rows, *family.label_shape)
    if tuple(label.shape) != expected:
        raise DataError(f"the labels of {name!r} have shape {tuple(label.shape)}, expected {expected}.")
    if label.is_floating_point() != (family.cardinality is None):
        wanted = "floating-point numbers, NaN" if family.cardinality is None else "whole numbers, -1"
        raise DataError(
            f"the labels of {name!r} are {label.dtype}; {family} takes {wanted} where a row is not labelled."
        )


def _value(graph: Graph, name: str, label: Tensor, index: Tensor | None) -> Tensor:
    family = graph.latents[name].family
    try:
        return family.value_of(label if index is None else label.index_select(0, index))
    except RuntimeError as error:
        last = (family.cardinality or 0) - 1
        raise DataError(
            f"the labels of {name!r} must be from 0 to {last}, or -1 where a row is not labelled."
        ) from error
