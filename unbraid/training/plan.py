"""The supervision plan: which rows are labelled, and with what; the labels of other rows are not in it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Int64
from torch import Tensor

from unbraid.errors import DataError, OptionError, RunError, did_you_mean
from unbraid.training.variable_labels import VariableLabels


@dataclass(frozen=True, slots=True, eq=False)
class SupervisionPlan:
    """Which rows of the data are labelled, for each variable, and with what.

    It holds the labels of these rows only: whatever else was known of the data cannot be reached from it, so a model
    that is trained by a plan cannot have seen another label. All its tensors are on the CPU.

    Attributes:
        rows: how many rows the data have.
        variables: the labels of each variable that has any, by name, in alphabetical order.

    Example:
        >>> plan = SupervisionPlan.of({"digit": torch.tensor([3, -1, -1, 3])}, rows=4)
        >>> plan.labelled_rows
        tensor([0, 3])
        >>> plan.labels_for(torch.tensor([1, 3]))
        {'digit': tensor([-1,  3])}
    """

    rows: int
    variables: Mapping[str, VariableLabels]

    @classmethod
    def of(cls, labels: Mapping[str, Tensor], rows: int) -> SupervisionPlan:
        """Takes the labelled rows out of normal labels (see `unbraid.data.normalise_labels`).

        Args:
            labels: by variable (rows, ...) int64 with -1, or floats with NaN, where a row has no label.
            rows: how many rows the data have.

        Returns:
            The plan, with copies of the labels.

        Raises:
            DataError: labels are of another type, or for another number of rows.
        """
        return cls(rows, _any({name: VariableLabels.of(name, values, rows) for name, values in labels.items()}))

    @property
    def labelled_rows(self) -> Int64[Tensor, " labelled"]:
        """The rows with any label, in order."""
        found = [labels.rows for labels in self.variables.values()]
        return torch.cat(found).unique() if found else torch.zeros(0, dtype=torch.int64)

    @property
    def unlabelled_rows(self) -> Int64[Tensor, " unlabelled"]:
        """The rows without any label, in order."""
        free = torch.ones(self.rows, dtype=torch.bool)
        free[self.labelled_rows] = False
        return free.nonzero()[:, 0]

    def labels_for(self, rows: Int64[Tensor, " batch"]) -> dict[str, Tensor]:
        """Looks up the labels of a batch.

        Args:
            rows: row numbers, on the CPU, in any order.

        Returns:
            By variable with a label in any of these rows: (batch, ...), -1 or NaN for a row without one.
        """
        found = {name: labels.at(rows) for name, labels in self.variables.items()}
        return {name: values for name, values in found.items() if values is not None}

    def labels_of(self, variable: str) -> VariableLabels:
        """Returns the labels of one variable.

        Raises:
            DataError: it has none.
        """
        if variable not in self.variables:
            raise DataError(f"no row is labelled for '{variable}'.{did_you_mean(variable, self.variables)}")
        return self.variables[variable]

    def split(self, share: float, generator: torch.Generator, of: str) -> tuple[SupervisionPlan, SupervisionPlan]:
        """Sets labelled rows aside to choose a model by, the same share of each class.

        A class of several labelled rows gives at least one and keeps at least one; a class of a single one keeps it.
        The rows set aside are unlabelled in the first plan: they lose the labels of all variables.

        Args:
            share: of the labelled rows, between 0 and 1.
            generator: draws the rows; on the CPU.
            of: the variable whose classes count.

        Returns:
            The plan to train by, and the plan of the rows set aside.

        Raises:
            OptionError: the share is not between 0 and 1.
            DataError: the variable has no labels, or too few to set any aside.
        """
        if not 0 < share < 1:
            raise OptionError(f"the share of labels set aside must lie between 0 and 1, got {share}")
        aside = torch.cat([_draw(rows, share, generator) for rows in self.labels_of(of).by_class()])
        if not len(aside):
            raise DataError(f"no label of '{of}' can be set aside: each class has a single one. Label more rows")
        return self._only(aside, invert=True), self._only(aside)

    def _only(self, rows: Int64[Tensor, " chosen"], *, invert: bool = False) -> SupervisionPlan:
        """Keeps the labels of some rows, or of all others."""
        kept = {name: labels.only(rows, invert=invert) for name, labels in self.variables.items()}
        return SupervisionPlan(self.rows, _any(kept))

    def describe(self) -> str:
        """Says how many labels there are.

        Example:
            >>> SupervisionPlan.of({"digit": torch.tensor([0, 1, -1])}, rows=3).describe()
            '2 of 3 rows labelled: digit (1 a class)'
        """
        counts = ", ".join(f"{name} ({labels.count()})" for name, labels in self.variables.items())
        return f"{len(self.labelled_rows):,} of {self.rows:,} rows labelled" + (f": {counts}" if counts else "")

    def to_json(self) -> dict[str, Any]:
        """Returns the plan in plain values; `from_json` gives it back exactly."""
        return {
            "rows": self.rows,
            "variables": {name: labels.to_json() for name, labels in self.variables.items()},
        }

    @classmethod
    def from_json(cls, value: Any) -> SupervisionPlan:
        """Makes the plan again from what `to_json` returned.

        Raises:
            RunError: the value is not a plan.
        """
        try:
            variables = {name: VariableLabels.from_json(each) for name, each in value["variables"].items()}
            return cls(int(value["rows"]), variables)
        except (AttributeError, KeyError, TypeError, ValueError, RuntimeError) as error:
            raise RunError(f"this is not a supervision plan ({error!r}): was plan.json changed by hand?") from error

    def digest(self) -> str:
        """Returns the SHA-256 of the content: two plans with one digest give the same supervision."""
        return hashlib.sha256(json.dumps(self.to_json(), sort_keys=True).encode()).hexdigest()


def _any(variables: Mapping[str, VariableLabels]) -> dict[str, VariableLabels]:
    """Leaves out the variables without a label, and sorts the others, so that a plan read from its file is the same."""
    return {name: labels for name, labels in sorted(variables.items()) if len(labels.rows)}


def _draw(rows: Int64[Tensor, " rows"], share: float, generator: torch.Generator) -> Int64[Tensor, " drawn"]:
    """Draws a share of rows: at least one, but never all."""
    count = min(max(1, round(share * len(rows))), len(rows) - 1)
    return rows[torch.randperm(len(rows), generator=generator)[:count]]
