"""DCI: disentanglement, completeness and informativeness, from what a predictor of each factor attends to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unbraid.evaluation.disentanglement.code import Code, Groups, read_code
from unbraid.evaluation.disentanglement.factors import is_discrete, read_factors
from unbraid.evaluation.disentanglement.gap import Table
from unbraid.evaluation.disentanglement.learners import Predictor, check_predictor, halves, learn


@dataclass(frozen=True, slots=True)
class DCI:
    """Disentanglement, completeness and informativeness of a code, each in [0, 1].

    Args:
        disentanglement: Whether each unit serves one factor only: the mean over units, weighted by importance. NaN for
            a single factor, which every unit serves alone.
        completeness: Whether each factor is served by one unit only: the mean over factors. NaN for a single unit.
        informativeness: Whether the factors can be predicted from the code at all: the mean over factors.
        by_unit: The disentanglement of each unit.
        completeness_by_factor: The completeness of each factor.
        informativeness_by_factor: Of rows that were not trained on, the share of right classes, or R² (at least 0).
        importance: By factor and unit: the share of the unit in the prediction; 0 throughout where nothing helps.
    """

    disentanglement: float
    completeness: float
    informativeness: float
    by_unit: dict[str, float]
    completeness_by_factor: dict[str, float]
    informativeness_by_factor: dict[str, float]
    importance: Table


def dci(
    latents: Any,
    factors: Mapping[str, Any],
    *,
    groups: Groups = "dimensions",
    predictor: Predictor = "forest",
    seed: int = 0,
) -> DCI:
    """Measures disentanglement, completeness and informativeness.

    Each factor v_j is predicted from all units by a predictor of scikit-learn, trained on half of the rows. With R_ij
    the importance of unit i for factor j, and entropies to the base of the number of factors or units, so at most 1:

        D = Σ_i ρ_i [1 - H(R_i· / Σ_j R_ij)],  ρ_i = Σ_j R_ij / Σ_ij R_ij
        C = mean over j of 1 - H(R_·j / Σ_i R_ij)

    Note:
        The importances of a factor are divided by their sum, so each factor has the same weight in ρ. The importance of
        a unit is the sum over its columns: dimensions, or classes. Informativeness here is a score, 1 at best; the
        paper's is an error.

    References:
        Eastwood and Williams, "A framework for the quantitative evaluation of disentangled representations", 2018,
        section 2; their predictors are the lasso and random forests. Boosted trees: Locatello et al., "Challenging
        common assumptions in the unsupervised learning of disentangled representations", 2019.

    Args:
        latents: (rows, dimensions), or by variable as `model.predict` gives them.
        factors: By name: (rows,) integers or floats.
        groups: Whether a unit is a dimension or a whole variable.
        predictor: "forest" (random forest), "boosting" (gradient-boosted trees: slow for many classes) or "lasso".
        seed: Of the split of the rows, and of the trees.

    Raises:
        DataError: If latents or factors are wrong, see `read_code` and `read_factors`.
        OptionError: If an option is unknown.
        MissingDependencyError: If scikit-learn is missing.
    """
    check_predictor(predictor)
    code = read_code(latents, groups)
    known = read_factors(factors, code.rows)
    columns = np.concatenate([unit.columns for unit in code], axis=1)
    shares, scores = [], {}
    for name, values in known.items():
        importances, predicted = learn(columns, values, predictor, seed)
        shares.append(_shares(_by_unit(code, importances)))
        scores[name] = _score(values[halves(code.rows, seed)[1]], predicted)
    return _record(code.names, tuple(known), np.stack(shares, axis=1), scores)


def _record(
    units: tuple[str, ...], factors: tuple[str, ...], importance: NDArray[np.float64], scores: dict[str, float]
) -> DCI:
    """Makes the record from importances (units, factors)."""
    weights = _shares(importance.sum(axis=1))
    by_unit = np.array([_concentration(row) for row in importance])
    by_factor = np.array([_concentration(column) for column in importance.T])
    return DCI(
        disentanglement=float(weights @ by_unit),
        completeness=float(by_factor.mean()),
        informativeness=float(np.mean(list(scores.values()))),
        by_unit=dict(zip(units, by_unit.tolist(), strict=True)),
        completeness_by_factor=dict(zip(factors, by_factor.tolist(), strict=True)),
        informativeness_by_factor=scores,
        importance={
            name: dict(zip(units, column.tolist(), strict=True))
            for name, column in zip(factors, importance.T, strict=True)
        },
    )


def _concentration(importances: NDArray[np.float64]) -> float:
    """Returns 1 minus the entropy of the shares to the base of their number; 0 where all are zero, NaN for one."""
    if len(importances) == 1:
        return float("nan")
    shares = _shares(importances)
    if not shares.any():
        return 0.0
    some = shares[shares > 0]
    return 1 + float((some * np.log(some)).sum() / np.log(len(shares)))


def _shares(importances: NDArray[np.float64]) -> NDArray[np.float64]:
    """Divides importances by their sum; zeros stay zeros."""
    total = importances.sum()
    return importances / total if total > 0 else np.zeros_like(importances)


def _by_unit(code: Code, importances: NDArray[np.float64]) -> NDArray[np.float64]:
    """Adds up the importances of each unit's columns: (units,)."""
    ends = np.cumsum([unit.columns.shape[1] for unit in code])[:-1]
    return np.array([part.sum() for part in np.split(importances, ends)])


def _score(truth: NDArray[Any], predicted: NDArray[Any]) -> float:
    """Returns the share of right classes, or R², at least 0."""
    if is_discrete(truth):
        return float((truth == predicted).mean())
    spread = max(float(truth.var()), np.finfo(np.float64).tiny)
    return max(0.0, 1 - float(((truth - predicted) ** 2).mean()) / spread)
