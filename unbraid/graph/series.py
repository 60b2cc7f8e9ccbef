"""Series: a latent of a repeated sub-model is one latent a step in the graph, and one array outside."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from unbraid.errors import DataError

_STEP = re.compile(r"\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class Series:
    """The latents that are one latent in each step of a `Repeat`; a latent outside of any is a series of its own.

    Attributes:
        name: What users call it, ``items.digit``.
        steps: The sizes of its step axes: (3,), (3, 2) where one `Repeat` is in another, () outside of any.
        members: The latents of the graph, ``items[0].digit`` and so on, the last step axis fastest.
    """

    name: str
    steps: tuple[int, ...]
    members: tuple[str, ...]

    def split(self, values: Any) -> dict[str, Any]:
        """Cuts an array or tensor (rows, *steps, ...) into one a member, (rows, ...).

        Raises:
            DataError: If it has no such step axes.
        """
        if not self.steps:
            return {self.members[0]: values}
        shape = tuple(values.shape[1 : 1 + len(self.steps)])
        if shape != self.steps:
            axes = ", ".join(map(str, self.steps))
            raise DataError(
                f"{self.name!r} has a value for every step: expected the shape (rows, {axes}, ...), got "
                f"{tuple(values.shape)}. Steps without a value hold -1 (whole numbers) or NaN."
            )
        flat = values.reshape(values.shape[0], len(self.members), *values.shape[1 + len(self.steps) :])
        return {member: flat[:, place] for place, member in enumerate(self.members)}

    def join(self, values: Mapping[str, Tensor]) -> Tensor:
        """Puts the members' tensors (rows, ...) together, (rows, *steps, ...); what `split` undoes."""
        if not self.steps:
            return values[self.members[0]]
        joined = torch.stack([values[member] for member in self.members], dim=1)
        return joined.reshape(joined.shape[0], *self.steps, *joined.shape[2:])


def series_of(latents: Iterable[str]) -> dict[str, Series]:
    """Finds the series of latents by their names, in the order in which they first occur."""
    members: dict[str, list[str]] = {}
    for latent in latents:
        members.setdefault(series_name(latent), []).append(latent)
    found = {}
    for name, each in members.items():
        places = {member: tuple(map(int, _STEP.findall(member))) for member in each}
        steps = tuple(max(place) + 1 for place in zip(*places.values(), strict=True))
        found[name] = Series(name, steps, tuple(sorted(each, key=lambda member: places[member])))
    return found


def series_name(latent: str) -> str:
    """Returns what users call a latent of the graph: ``items.digit`` for ``items[2].digit``."""
    return _STEP.sub("", latent)


def split(series: Mapping[str, Series], values: Mapping[str, Any]) -> dict[str, Any]:
    """Cuts the values of every series into its members'; what is no series stays as it is, to be refused by name."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        found |= series[name].split(value) if name in series else {name: value}
    return found


def join(series: Mapping[str, Series], values: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Puts the values of members together by series; a step that has none is missing in every row (-1 or NaN)."""
    found = {}
    for name, each in series.items():
        given = [values[member] for member in each.members if member in values]
        if given:
            missing = torch.full_like(given[0], torch.nan if given[0].is_floating_point() else -1)
            found[name] = each.join({member: values.get(member, missing) for member in each.members})
    return found
