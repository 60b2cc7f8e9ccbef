"""Matched items: where their order says nothing, labelled items are compared with the predicted ones most like them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from unbraid.objectives.matching import OUT, assigned, placed
from unbraid.variables.family import Family


def in_predicted_order(
    repeats: Iterable[str],
    families: Mapping[str, Family],
    predicted: Mapping[str, Tensor],
    labels: Mapping[str, Tensor],
) -> dict[str, Tensor]:
    """Assigns each row's labelled items to the predicted steps that they agree with most.

    An item goes to a step that is predicted, where there is one left; then as few discrete values as can be are wrong;
    and then the sum of squared differences of real values is the least.

    Args:
        repeats: The names of the `Repeat`s whose items have no order.
        families: Of the latents, by name.
        predicted: By latent, (rows, steps, ...), -1 or NaN in steps that are not there.
        labels: By latent, of the same shapes, -1 or NaN where missing.

    Returns:
        The labels, those of these `Repeat`s in the order of the predicted steps.
    """
    ordered = dict(labels)
    for repeat in repeats:
        names = [name for name in labels if name.startswith(f"{repeat}.")]
        if names:
            known = torch.stack([_there(labels[name]) for name in names]).any(0)
            there = torch.stack([_there(each) for name, each in predicted.items() if name.startswith(f"{repeat}.")])
            cost = _costs({name: families[name] for name in names}, predicted, labels, there.any(0))
            places = assigned(cost, known)
            ordered |= {name: placed(labels[name], places) for name in names}
    return ordered


def _costs(
    families: Mapping[str, Family], predicted: Mapping[str, Tensor], labels: Mapping[str, Tensor], there: Tensor
) -> Tensor:
    """Returns what each item costs in each step, (rows, steps, items): any wrong value more than all distances."""
    wrong = (~there).double()[:, :, None]  # that a step is not there is one more wrong value
    square = torch.zeros_like(wrong)
    for name, family in families.items():
        step, item = predicted[name][:, :, None], labels[name][:, None]
        if family.cardinality is not None:
            wrong = wrong + _summed((step != item) & (item >= 0))
        else:
            apart = family.difference(step.double(), item) ** 2
            square = square + _summed(apart.nan_to_num(0.0, posinf=OUT).clamp_max(OUT))
    return wrong * (1 + square.sum((1, 2), keepdim=True)) + square


def _summed(values: Tensor) -> Tensor:
    """Adds up what there is of an item in a step, (rows, steps, items, ...) to (rows, steps, items)."""
    return values.double().flatten(3).sum(3) if values.dim() > 3 else values.double()


def _there(values: Tensor) -> Tensor:
    """Says which items, (rows, steps, ...), have any value, (rows, steps)."""
    there = ~values.isnan() if values.is_floating_point() else values >= 0
    return there.flatten(2).any(2) if there.dim() > 2 else there
