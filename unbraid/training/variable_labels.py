"""The labels of one variable: of its labelled rows only."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Int64
from torch import Tensor

from unbraid.errors import DataError


@dataclass(frozen=True, slots=True, eq=False)
class VariableLabels:
    """The labels of one variable, on the CPU.

    Attributes:
        rows: the labelled rows, in order.
        values: their labels (labelled, ...): int64 for a discrete variable, floats for a real one.
    """

    rows: Int64[Tensor, " labelled"]
    values: Tensor

    @classmethod
    def of(cls, name: str, values: Tensor, rows: int) -> VariableLabels:
        """Takes the labelled rows out of normal labels.

        Args:
            name: of the variable.
            values: (rows, ...) int64 with -1, or floats with NaN, where a row has no label.
            rows: how many rows the data have.

        Returns:
            The labels, copied.

        Raises:
            DataError: labels are of another type, or for another number of rows.
        """
        if values.dtype != torch.int64 and not values.is_floating_point():
            raise DataError(f"the labels of '{name}' must be int64 (classes) or floats, got {values.dtype}")
        if values.ndim == 0 or len(values) != rows:
            raise DataError(
                f"the labels of '{name}' have the shape {tuple(values.shape)}, but the data have {rows} rows"
            )
        known = ~values.isnan() if values.is_floating_point() else values >= 0
        labelled = known.flatten(1).any(1) if known.ndim > 1 else known
        return cls(labelled.nonzero()[:, 0].cpu(), values.detach()[labelled].cpu())

    @property
    def discrete(self) -> bool:
        """Whether the variable has one class a row."""
        return self.values.dtype == torch.int64 and self.values.ndim == 1

    def by_class(self) -> list[Tensor]:
        """Returns the rows of each class that occurs; all rows as one class where the variable has none."""
        if not self.discrete:
            return [self.rows]
        return [self.rows[self.values == each] for each in self.values.unique()]

    def only(self, rows: Int64[Tensor, " chosen"], *, invert: bool = False) -> VariableLabels:
        """Keeps the labels of some rows; with `invert` those of all other rows."""
        kept = torch.isin(self.rows, rows, invert=invert)
        return VariableLabels(self.rows[kept], self.values[kept])

    def at(self, rows: Int64[Tensor, " batch"]) -> Tensor | None:
        """Looks up the labels of rows: (batch, ...), -1 or NaN for a row without one; None where no row has one."""
        place = torch.searchsorted(self.rows, rows).clamp(max=len(self.rows) - 1)
        known = self.rows[place] == rows
        if not known.any():
            return None
        missing = math.nan if self.values.is_floating_point() else -1
        labels = self.values.new_full((len(rows), *self.values.shape[1:]), missing)
        labels[known] = self.values[place[known]]
        return labels

    def count(self) -> str:
        """Says how many labels there are: '10 a class', '3 to 12 a class' (from the least to the most), '50 rows'."""
        if not self.discrete:
            return "1 row" if len(self.rows) == 1 else f"{len(self.rows):,} rows"
        counts = self.values.bincount()
        least, most = int(counts.min()), int(counts.max())
        return f"{most:,} a class" if least == most else f"{least:,} to {most:,} a class"

    def to_json(self) -> dict[str, Any]:
        """Returns the labels in plain values; `from_json` gives them back exactly."""
        return {
            "rows": self.rows.tolist(),
            "shape": list(self.values.shape[1:]),
            "type": str(self.values.dtype).removeprefix("torch."),
            "values": [None if value != value else value for value in self.values.flatten().tolist()],
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> VariableLabels:
        """Makes the labels again from what `to_json` returned."""
        kind = {"int64": torch.int64, "float32": torch.float32, "float64": torch.float64}[value["type"]]
        rows = torch.tensor(value["rows"], dtype=torch.int64)
        values = torch.tensor([math.nan if each is None else each for each in value["values"]], dtype=kind)
        return cls(rows, values.reshape(len(rows), *value["shape"]))
