"""The FactorVAE score: whether the unit that varies least tells which factor was held fixed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unbraid.errors import DataError, OptionError
from unbraid.evaluation.disentanglement.bins import binned
from unbraid.evaluation.disentanglement.code import Code, Groups, Unit, read_code
from unbraid.evaluation.disentanglement.factors import read_factors


@dataclass(frozen=True, slots=True)
class FactorVAEScore:
    """The FactorVAE score of a code.

    Args:
        score: The share of test votes that were right: 1 at best, about 1 / factors by chance. NaN for a single factor,
            which nothing can be mistaken for.
        by_factor: The share of right votes of each factor.
        votes: By factor and unit: how many training votes chose the unit.
        dropped: The dimensions that vary too little to vote.
    """

    score: float
    by_factor: dict[str, float]
    votes: dict[str, dict[str, int]]
    dropped: tuple[str, ...]


def factor_vae(
    latents: Any,
    factors: Mapping[str, Any],
    *,
    groups: Groups = "dimensions",
    votes: int = 800,
    batch_size: int = 64,
    bins: int = 20,
    collapsed: float = 0.01,
    seed: int = 0,
) -> FactorVAEScore:
    """Measures the FactorVAE score: the accuracy of a majority vote.

    A vote fixes a factor and takes a batch of rows that share its value. The unit whose variance in the batch is
    smallest, as a fraction of its variance over all rows, is the vote. Each unit is then given the factor that chose it
    most often, and new votes count how often this is right.

    Batches come from the given rows: a factor, then one of its values that at least two rows have, both at random; then
    `batch_size` different rows of it, or all where there are fewer. Real factors share a value where they share one of
    `bins` bins of equally many rows. The variance of classes is 1 - Σ share²; that of a variable is the mean over its
    dimensions, after division by their variance over all rows.

    References:
        Kim and Mnih, "Disentangling by factorising", 2018, section 4 and appendix B.

    Args:
        latents: (rows, dimensions), or by variable as `model.predict` gives them.
        factors: By name: (rows,) integers or floats.
        groups: Whether a unit is a dimension or a whole variable.
        votes: How many votes train the classifier, and how many test it.
        batch_size: How many rows a vote looks at.
        bins: How many bins a real factor has at most.
        collapsed: Real dimensions whose variance over all rows is not above this are left out. It suits latents with
            a prior of variance 1; take 0 where the unit of the latents is another.
        seed: Of the votes.

    Raises:
        DataError: If latents or factors are wrong, no dimension varies, or no two rows share a factor's value.
        OptionError: If an option is unknown or too small.

    Example:
        >>> import numpy as np
        >>> rows = np.arange(64)
        >>> factor_vae(np.stack([rows % 8, rows // 8], 1), {"a": rows % 8, "b": rows // 8}).score
        1.0
    """
    if votes < 1 or batch_size < 2:
        raise OptionError(f"votes must be at least 1 and batch_size at least 2, got {votes} and {batch_size}")
    code = read_code(latents, groups)
    cells = [_cells(name, binned(each, bins)) for name, each in read_factors(factors, code.rows).items()]
    units, dropped = _varying(code, collapsed)
    generator = np.random.default_rng(seed)
    train, test = (_count(units, cells, votes, batch_size, generator) for _ in range(2))
    factor_of = train.argmax(axis=0)  # of each unit
    right = np.array([test[k, factor_of == k].sum() for k in range(len(cells))])
    named = {
        name: dict(zip((u.name for u in units), row.tolist(), strict=True))
        for name, row in zip(factors, train, strict=True)
    }
    return FactorVAEScore(
        score=float(right.sum() / votes) if len(cells) > 1 else float("nan"),
        by_factor=dict(zip(factors, (right / np.maximum(test.sum(axis=1), 1)).tolist(), strict=True)),
        votes=named,
        dropped=dropped,
    )


def _cells(name: str, classes: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Returns the row numbers of each value that at least two rows share."""
    order = np.argsort(classes, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(classes[order])) + 1)
    cells = [rows for rows in groups if len(rows) > 1]
    if not cells:
        raise DataError(f"no two rows share a value of the factor '{name}', so none can be held fixed: give more rows")
    return cells


def _varying(code: Code, collapsed: float) -> tuple[list[Unit], tuple[str, ...]]:
    """Leaves out the dimensions that do not vary, and divides the others so that each has variance 1."""
    units, dropped = [], []
    for unit in code:
        spread = _variance(unit, unit.values)
        kept = spread > (0 if unit.discrete else collapsed)
        single = len(kept) == 1
        dropped += [unit.name if single else f"{unit.name}[{index}]" for index in np.flatnonzero(~kept)]
        if kept.any():
            units.append(Unit(unit.name, unit.values[:, kept]))
    if not units:
        raise DataError(
            f"no latent varies by more than collapsed={collapsed} (its variance over all rows): lower it if the "
            "latents have a small unit, else the code has collapsed"
        )
    return units, tuple(dropped)


def _count(
    units: list[Unit],
    cells: list[list[NDArray[np.int64]]],
    votes: int,
    batch_size: int,
    generator: np.random.Generator,
) -> NDArray[np.int64]:
    """Counts votes: (factors, units)."""
    whole = [_variance(unit, unit.values) for unit in units]
    counts = np.zeros((len(cells), len(units)), np.int64)
    for factor in generator.integers(len(cells), size=votes):
        rows = cells[factor][generator.integers(len(cells[factor]))]
        batch = generator.choice(rows, min(batch_size, len(rows)), replace=False)
        spreads = [(_variance(u, u.values[batch]) / all_rows).mean() for u, all_rows in zip(units, whole, strict=True)]
        counts[factor, int(np.argmin(spreads))] += 1
    return counts


def _variance(unit: Unit, values: NDArray[Any]) -> NDArray[np.float64]:
    """Returns the variance of each dimension: of classes, the chance that two rows differ."""
    if not unit.discrete:
        variance: NDArray[np.float64] = values.var(axis=0, ddof=1)
        return variance
    counts = [np.unique(each, return_counts=True)[1] for each in values.T]
    n = len(values)
    return np.array([(1 - ((each / n) ** 2).sum()) * n / (n - 1) for each in counts])
