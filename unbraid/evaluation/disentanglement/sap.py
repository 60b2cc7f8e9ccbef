"""SAP: how much better the best unit predicts a factor than the second best, by a linear rule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unbraid.evaluation.disentanglement.code import Groups, read_code
from unbraid.evaluation.disentanglement.factors import is_discrete, read_factors
from unbraid.evaluation.disentanglement.gap import Table, gap
from unbraid.evaluation.disentanglement.learners import halves

_RIDGE = 1e-6  # of standardised columns: keeps the one-hot columns of a class, which sum to one, apart


@dataclass(frozen=True, slots=True)
class SeparatedPredictability:
    """The separated attribute predictability of a code.

    Args:
        score: The mean over factors, in [0, 1].
        by_factor: The gap of each factor. Its maximum is 1 for a real one and 1 - 1/K for one of K classes, where a
            unit that knows nothing is right in 1/K, which is what a single unit is compared with.
        predictability: By factor and unit: R² of a real factor, the balanced accuracy of a discrete one.
    """

    score: float
    by_factor: dict[str, float]
    predictability: Table


def sap(
    latents: Any, factors: Mapping[str, Any], *, groups: Groups = "dimensions", seed: int = 0
) -> SeparatedPredictability:
    """Measures the separated attribute predictability: the gap between the best two units at predicting each factor.

    Each unit alone predicts each factor by a linear rule that is trained on half of the rows and scored on the others:
    least squares for a real factor (R², 0 where it is negative); for a discrete one the nearest class mean (linear
    discriminant analysis with equal priors: for one dimension these are thresholds between the means), scored by the
    mean over classes of the share of right rows.

    References:
        Kumar, Sattigeri and Balakrishnan, "Variational inference of disentangled latent concepts from unlabeled
        observations", 2018, section 3.

    Args:
        latents: (rows, dimensions), or by variable as `model.predict` gives them.
        factors: By name: (rows,) integers or floats.
        groups: Whether a unit is a dimension or a whole variable.
        seed: Of the split of the rows.

    Raises:
        DataError: If latents or factors are wrong, see `read_code` and `read_factors`.
        OptionError: If `groups` is unknown.

    Example:
        >>> import numpy as np
        >>> places = np.random.default_rng(0).normal(size=(200, 2))
        >>> print(round(sap(places, {"x": places[:, 0]}).score, 1))
        1.0
    """
    code = read_code(latents, groups)
    train, test = halves(code.rows, seed)
    columns = {unit.name: unit.columns for unit in code}
    scores: Table = {}
    by_factor: dict[str, float] = {}
    for name, values in read_factors(factors, code.rows).items():
        rule, chance = (
            (_balanced_accuracy, 1 / len(np.unique(values[test]))) if is_discrete(values) else (_explained, 0.0)
        )
        scores[name] = {
            unit: rule(each[train], values[train], each[test], values[test]) for unit, each in columns.items()
        }
        by_factor[name] = gap(scores[name], chance)
    return SeparatedPredictability(float(np.mean(list(by_factor.values()))), by_factor, scores)


def _explained(
    columns: NDArray[np.float64], target: NDArray[Any], unseen: NDArray[np.float64], truth: NDArray[Any]
) -> float:
    """Returns R² of least squares on unseen rows, at least 0."""
    mean = target.mean()
    centre = columns.mean(axis=0)
    weights = _solve(columns - centre, (columns - centre).T @ (target - mean))
    left = ((truth - mean - (unseen - centre) @ weights) ** 2).mean()
    return max(0.0, 1 - float(left) / max(float(truth.var()), np.finfo(np.float64).tiny))


def _balanced_accuracy(
    columns: NDArray[np.float64], target: NDArray[Any], unseen: NDArray[np.float64], truth: NDArray[Any]
) -> float:
    """Returns the mean over classes of the share of unseen rows that the nearest class mean gets right."""
    classes, which = np.unique(target, return_inverse=True)
    means = np.stack([columns[which == each].mean(axis=0) for each in range(len(classes))])
    weights = _solve(columns - means[which], means.T)
    scores = unseen @ weights - (means.T * weights).sum(axis=0) / 2
    right = classes[scores.argmax(axis=1)] == truth
    return float(np.mean([right[truth == each].mean() for each in np.unique(truth)]))


def _solve(centred: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    """Solves covariance * w = right, with a ridge that makes it solvable."""
    inner = centred.T @ centred + _RIDGE * len(centred) * np.eye(centred.shape[1])
    return np.linalg.solve(inner, right).astype(np.float64, copy=False)
