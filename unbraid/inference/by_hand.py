"""Latents set by hand: values that a user gives when a model is asked, checked and laid out for its passes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from unbraid.data.label_values import with_component
from unbraid.errors import DataError, did_you_mean
from unbraid.graph.graph import Graph
from unbraid.graph.series import split
from unbraid.graph.spread import Spread
from unbraid.inference.known import Known
from unbraid.inference.labelled import is_labelled
from unbraid.variables.family import Family
from unbraid.variables.ranges import refuse_label


@dataclass(frozen=True, slots=True)
class ByHand:
    """Checks what latents are set to, and brings it to where the model is.

    Attributes:
        graph: The model's.
        dtype: Of its parameters.
        device: Of its parameters.
    """

    graph: Graph
    dtype: torch.dtype
    device: torch.device

    def check_names(self, names: Iterable[str]) -> None:
        """Raises DataError for what is no latent."""
        for name in names:
            if name not in self.graph.series and name not in self.graph.latents:
                raise DataError(f"{name!r} is no latent of this model.{did_you_mean(name, self.graph.series)}")

    def rows_of(self, values: Mapping[str, Any]) -> int:
        """Returns of how many rows values are: of one, where each is of one row."""
        self.check_names(values)
        tensors = {name: self._tensor(name, value) for name, value in values.items()}
        many = (len(value) for name, value in tensors.items() if value.dim() > len(self._label_shape(name)))
        return max(many, default=1)

    def labels(self, given: Mapping[str, Any], rows: int) -> dict[str, Tensor]:
        """Gives each latent of the graph its labels in every row.

        Args:
            given: By latent as users name it, one value for all rows or one for each.
            rows: How many rows there are.

        Returns:
            By latent of the graph, (rows, *label), on the model's device.

        Raises:
            DataError: If there is no such latent, or it cannot have such a value.
        """
        self.check_names(given)
        return split(self.graph.series, {name: self._label(name, label, rows) for name, label in given.items()})

    def known(self, labels: Mapping[str, Tensor], rows: slice = slice(None)) -> Known:
        """Turns labels, or some of their rows, into what a pass knows."""
        values: dict[str, Spread] = {}
        partly: dict[str, Tensor] = {}
        for name, label in labels.items():
            part = label[rows]
            if name in self.graph.counts and not bool(is_labelled(part).all()):
                partly[name] = part
            else:
                values[name] = Spread(self.graph.latents[name].family.value_of(part).to(self.dtype))
        return Known(values, partly)

    def _label(self, name: str, label: Any, rows: int) -> Tensor:
        """Checks a label where it is, and moves it to where the model is: (rows, *label)."""
        family, shape = self._family(name), self._label_shape(name)
        try:
            tensor = self._tensor(name, label).expand(rows, *shape)
        except RuntimeError:
            raise DataError(f"{name!r} was given {label!r}; expected a number or a tensor {(rows, *shape)}.") from None
        if family.cardinality is None:
            tensor = tensor.to(self.dtype)
            if not self._may_be_absent(name):
                rule = "and a value set by hand is a number: give one, or leave the variable out where it is not known"
                refuse_label(name, family, tensor, torch.isnan(tensor), rule)
            family.check_labels(name, tensor)
        elif rows == 0:
            tensor = tensor.long()
        else:
            least = -1 if self._may_be_absent(name) else 0
            if tensor.is_floating_point() or int(tensor.min()) < least or int(tensor.max()) >= family.cardinality:
                raise DataError(f"{name!r} takes whole numbers from 0 to {family.cardinality - 1}, got {label!r}.")
        return tensor.to(self.device)

    def _tensor(self, name: str, label: Any) -> Tensor:
        """Makes a tensor of a label; one number a row, or a row and step, gets the axis of that number."""
        shape = self._label_shape(name)
        try:
            tensor = torch.as_tensor(label)
        except (RuntimeError, TypeError, ValueError):
            wanted = ", ".join(map(str, ("rows", *shape)))
            raise DataError(f"{name!r} was given {label!r}; expected a number or a tensor ({wanted}).") from None
        return tensor if tensor.shape == shape else with_component(tensor, len(shape), self._family(name).label_shape)

    def _family(self, name: str) -> Family:
        first = self.graph.series[name].members[0] if name in self.graph.series else name
        return self.graph.latents[first].family

    def _label_shape(self, name: str) -> tuple[int, ...]:
        """Returns the shape of a row's labels, with step axes."""
        steps = self.graph.series[name].steps if name in self.graph.series else ()
        return (*steps, *self._family(name).label_shape)

    def _may_be_absent(self, name: str) -> bool:
        """Says whether a latent is in the steps of a `Repeat` with a count, which -1 or NaN may mark as not there."""
        members = self.graph.series[name].members if name in self.graph.series else (name,)
        return any(member in self.graph.counts for member in members)


def several(name: str, values: Any) -> list[Any]:
    """Returns the values that an analogy sets a latent to.

    Raises:
        DataError: If they are not several, but one or none.
    """
    try:
        listed = list(values)
    except TypeError:
        listed = []
    if not listed:
        raise DataError(
            f"analogy sets {name!r} to each of several values, a list, a range or a tensor of them; got {values!r}."
        )
    return listed
