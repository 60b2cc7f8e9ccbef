"""Matching: labelled items whose order says nothing are assigned to the steps of a `Repeat`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from unbraid.graph.frame import Frame
from unbraid.graph.graph import Graph
from unbraid.graph.series import Series
from unbraid.graph.spread import Spread
from unbraid.inference.known import Known
from unbraid.inference.labelled import is_labelled

OUT = 1e9
"""What a step costs that cannot hold an item: nats."""


def matched(frame: Frame, labels: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Assigns the labelled items of every row to the steps that q finds most probable.

    Item j in step t costs -sum log q(label_j | step t) over its labelled variables. What is above has the row's label,
    or the most probable value where the row has none, so a row does not depend on its batch. A row's items get the
    assignment of least cost (Kuhn 1955; the idea for sets of objects: Carion et al. 2020, Eq. 1). With a labelled count
    they are assigned to the steps below it.

    Args:
        frame: The root frame of the rows.
        labels: By latent of the graph, for all rows; only those of `Repeat`s with ``order="matched"`` change places.

    Returns:
        The labels, in the order of the steps. No gradient passes; but what the frame now holds, such as the networks'
        results, was computed with gradients for those who use it next.
    """
    changed = dict(labels)
    for given in _given_items(frame.graph, labels):
        changed |= _assigned(frame, labels, given)
    return changed


def labelled_first(graph: Graph, labels: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Puts the labelled items of a row before its others, in `Repeat`s with ``order="matched"``: a set has no gaps.

    Args:
        graph: The graph.
        labels: By latent of the graph, one a row.

    Returns:
        The labels. Each step of these `Repeat`s has some now, if only -1 or NaN throughout.
    """
    changed = dict(labels)
    for given in _given_items(graph, labels):
        whole = {each.name: _stacked(graph, each, labels) for each in given}
        places = (~_known_items(given, whole)).long().argsort(dim=1, stable=True)
        changed |= _moved(given, whole, places)
    return changed


def _given_items(graph: Graph, labels: Mapping[str, Tensor]) -> Iterator[list[Series]]:
    """Yields, for each `Repeat` whose items are matched, the series that have labels."""
    for repeat in sorted(graph.matched):
        series = [each for each in graph.series.values() if each.name.startswith(f"{repeat}.")]
        given = [each for each in series if any(member in labels for member in each.members)]
        if given:
            yield given


def _assigned(frame: Frame, labels: Mapping[str, Tensor], given: list[Series]) -> dict[str, Tensor]:
    """Moves the labels of one `Repeat`."""
    graph, steps = frame.graph, given[0].steps[0]
    whole = {each.name: _stacked(graph, each, labels) for each in given}
    known = _known_items(given, whole)
    cost = _costs(frame, labels, given, whole)
    there = _there(graph, given[0], labels, len(known), steps)
    cost = cost.masked_fill(~there.to(cost.device)[:, :, None], OUT)
    return _moved(given, whole, assigned(cost, known))


def _moved(given: list[Series], whole: Mapping[str, Tensor], places: Tensor) -> dict[str, Tensor]:
    """Gives each step the label of the item at its place, (rows, steps), and cuts the labels by step."""
    moved: dict[str, Tensor] = {}
    for each, label in zip(given, whole.values(), strict=True):
        moved |= each.split(placed(label, places))
    return moved


def assigned(cost: Tensor, known: Tensor) -> Tensor:
    """Assigns the items of each row to steps, at the least cost in all.

    Args:
        cost: Of each item in each step, (rows, steps, items), as many steps as items.
        known: Which items are to be assigned, (rows, items).

    Returns:
        The item that each step gets, (rows, steps); steps without one get the others, in order.
    """
    costs, items_of = cost.double().cpu().numpy(), known.cpu().numpy()
    rows, steps = items_of.shape
    places = np.tile(np.arange(steps), (rows, 1))
    for row in np.flatnonzero(items_of.any(1)):
        items = np.flatnonzero(items_of[row])
        chosen, order = linear_sum_assignment(costs[row][:, items])
        places[row] = _order(steps, chosen, items[order])
    return torch.from_numpy(places)


def placed(label: Tensor, places: Tensor) -> Tensor:
    """Puts items, (rows, items, ...), into the order of the steps, as `assigned` returns it."""
    index = places.to(label.device).reshape(*places.shape, *(1,) * (label.dim() - 2)).expand_as(label)
    return label.gather(1, index)


def _order(steps: int, chosen: NDArray[np.intp], items: NDArray[np.intp]) -> NDArray[np.intp]:
    """Returns for each step the item that it gets; steps without one get the rest, which carry no label."""
    order = np.full(steps, -1)
    order[chosen] = items
    order[order < 0] = np.setdiff1d(np.arange(steps), items)
    return order


def _stacked(graph: Graph, series: Series, labels: Mapping[str, Tensor]) -> Tensor:
    """Returns the labels of a series (rows, *steps, ...), missing in steps that have none."""
    some = next(labels[member] for member in series.members if member in labels)
    missing = torch.full_like(some, torch.nan if some.is_floating_point() else -1)
    return series.join({member: labels.get(member, missing) for member in series.members})


def _known_items(given: list[Series], whole: Mapping[str, Tensor]) -> Tensor:
    """Says which items carry a label of any variable, (rows, steps)."""
    return torch.stack([_known(whole[each.name], each) for each in given]).any(0)


def _known(label: Tensor, series: Series) -> Tensor:
    """Says which items carry a label of one variable, (rows, steps)."""
    rows, steps = label.shape[:2]
    flat = is_labelled(label.reshape(-1, *label.shape[1 + len(series.steps) :]))
    return flat.reshape(rows, steps, -1).any(2)


def _costs(frame: Frame, labels: Mapping[str, Tensor], given: list[Series], whole: Mapping[str, Tensor]) -> Tensor:
    """Returns what each item costs in each step, (rows, steps, items), in nats."""
    graph = frame.graph
    inside = {member for each in given for member in each.members}
    x = next(iter(frame.values.values())).tensor
    values, partly = dict[str, Spread](), dict[str, Tensor]()
    for name in labels.keys() - inside:
        label = labels[name].to(x.device)
        if bool(is_labelled(label).all()):
            values[name] = Spread(graph.latents[name].family.value_of(label).to(x.dtype))
        else:
            partly[name] = label
    above = Known(values, partly)
    for name, node in graph.latents.items():
        frame = frame.fix(name, above.value(frame, name, node))
    cost: Tensor | None = None
    for each in (each for each in given if len(each.steps) == 1):
        label = whole[each.name].to(x.device)
        for step, member in enumerate(each.members):
            node = graph.latents[member]
            for item in range(each.steps[0]):
                target, known = label[:, item], is_labelled(label[:, item])
                if not known.any():
                    continue
                filled = torch.where(known.view(-1, *(1,) * (target.dim() - 1)), target, target[known.int().argmax()])
                score = frame.score(node, Spread(node.family.value_of(filled).to(x.dtype))).tensor.detach()
                if cost is None:
                    cost = score.new_zeros(len(known), each.steps[0], each.steps[0])
                cost[:, step, item] -= torch.where(known, score, 0.0).clamp_min(-OUT / 10)
    return cost if cost is not None else torch.zeros(len(next(iter(whole.values()))), *given[0].steps[:1] * 2)


def _there(graph: Graph, series: Series, labels: Mapping[str, Tensor], rows: int, steps: int) -> Tensor:
    """Says which steps can hold an item, (rows, steps): those below a labelled count."""
    there = torch.ones(rows, steps, dtype=torch.bool)
    for step, member in enumerate(series.members[:: len(series.members) // steps]):
        for count, least in graph.counts.get(member, ())[:1]:
            if count in labels:
                there[:, step] = (labels[count] < 0).cpu() | (labels[count] > least).cpu()
    return there
