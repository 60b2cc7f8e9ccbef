"""Code: the latents of rows, read as named units whose relation to the factors is measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch.distributions import Distribution

from unbraid.errors import DataError, OptionError

Groups = Literal["dimensions", "variables"]


@dataclass(frozen=True, slots=True, eq=False)
class Unit:
    """What is scored as one: a dimension of a latent, or a whole latent.

    Args:
        name: "style[3]" for a dimension, "style" for a variable.
        values: (rows, dimensions); integers for a discrete latent, else float64.
    """

    name: str
    values: NDArray[Any]

    @property
    def discrete(self) -> bool:
        """Says whether the values are classes, which have no order."""
        return self.values.dtype.kind == "i"

    @property
    def columns(self) -> NDArray[np.float64]:
        """The values as a predictor takes them: (rows, columns), one column a class or a standardised dimension."""
        if not self.discrete:
            spread = self.values.std(axis=0)
            columns: NDArray[np.float64] = (self.values - self.values.mean(axis=0)) / np.where(spread > 0, spread, 1)
            return columns
        return np.concatenate([each[:, None] == np.unique(each) for each in self.values.T], axis=1).astype(np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Code:
    """The units of rows, in order."""

    units: tuple[Unit, ...]

    def __len__(self) -> int:
        return len(self.units)

    def __iter__(self) -> Iterator[Unit]:
        return iter(self.units)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the units."""
        return tuple(unit.name for unit in self.units)

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.units[0].values)


def read_code(latents: Any, groups: Groups = "dimensions") -> Code:
    """Reads latents in any form that a model gives them.

    Args:
        latents: (rows, dimensions), an array or a tensor; or by variable, arrays (rows, ...), tensors, or the
            distributions that `model.infer` returns, of which the mean is taken (discrete ones: the mode). Integers and
            booleans are classes, floats are numbers.
        groups: What a unit is: each dimension, or each variable with all its dimensions. An array without names counts
            as one variable, "latent".

    Returns:
        The units.

    Raises:
        DataError: If there are none, their rows differ in number, there are fewer than two, or a value is not finite.
        OptionError: If `groups` is neither of the two.

    Example:
        >>> read_code({"digit": [3, 1], "style": [[0.1, 0.2], [0.3, 0.4]]}).names
        ('digit', 'style[0]', 'style[1]')
        >>> read_code({"digit": [3, 1], "style": [[0.1, 0.2], [0.3, 0.4]]}, "variables").names
        ('digit', 'style')
    """
    check_groups(groups)
    named = latents if isinstance(latents, Mapping) else {"latent": latents}
    variables = [Unit(name, _values(name, values)) for name, values in named.items()]
    if not variables:
        raise DataError("there are no latents: give an array (rows, dimensions), or a mapping such as model.predict(x)")
    rows = {unit.name: len(unit.values) for unit in variables}
    if len(set(rows.values())) > 1:
        raise DataError(f"the latents have different numbers of rows, {rows}: each needs one value a row")
    if variables[0].values.shape[0] < 2:
        raise DataError(f"the latents have {len(variables[0].values)} rows: at least 2 are needed")
    return Code(tuple(variables) if groups == "variables" else tuple(_dimensions(variables)))


def check_groups(groups: str) -> None:
    """Raises OptionError if there is no such way to make units."""
    if groups not in ("dimensions", "variables"):
        raise OptionError(f"groups must be 'dimensions' or 'variables', got {groups!r}")


def _dimensions(variables: list[Unit]) -> Iterator[Unit]:
    """Splits each variable into its dimensions."""
    for unit in variables:
        count = unit.values.shape[1]
        for index in range(count):
            name = unit.name if count == 1 else f"{unit.name}[{index}]"
            yield Unit(name, unit.values[:, [index]])


def _values(name: str, values: Any) -> NDArray[Any]:
    """Returns the values of one variable, (rows, dimensions), int64 or float64."""
    array = np.asarray(_plain(values))
    if array.dtype.kind not in "biuf":
        raise DataError(f"the latent '{name}' must hold numbers, got {array.dtype}")
    if array.ndim == 0 or 0 in array.shape[1:]:
        raise DataError(f"the latent '{name}' has the shape {array.shape}: (rows, ...) is needed, with a dimension")
    flat = array.reshape(len(array), -1).astype(np.float64 if array.dtype.kind == "f" else np.int64)
    wrong = np.flatnonzero(~np.isfinite(flat).all(axis=1))
    if wrong.size:
        raise DataError(
            f"the latent '{name}' is not finite in {wrong.size} rows, the first of them {wrong[0]}: leave these out, "
            "or see why the model gives such values"
        )
    return flat


def _plain(values: Any) -> Any:
    """Returns tensors as arrays, distributions as their mean or mode; anything else as it is."""
    if isinstance(values, Distribution):
        discrete = values.support is not None and values.support.is_discrete
        values = values.mode.long() if discrete else values.mean
    return values.detach().cpu().numpy() if isinstance(values, torch.Tensor) else values
