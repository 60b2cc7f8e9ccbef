"""MIG: how much more the best unit knows about a factor than the second best."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from unbraid.evaluation.disentanglement.bins import binned
from unbraid.evaluation.disentanglement.code import Groups, read_code
from unbraid.evaluation.disentanglement.factors import read_factors
from unbraid.evaluation.disentanglement.gap import Table, gap
from unbraid.evaluation.disentanglement.information import entropy, information


@dataclass(frozen=True, slots=True)
class MutualInformationGap:
    """The mutual information gap of a code.

    Args:
        score: The mean over factors, in [0, 1].
        by_factor: The gap of each factor, in [0, 1].
        information: By factor and unit: I(unit; factor) / H(factor), in [0, 1].
    """

    score: float
    by_factor: dict[str, float]
    information: Table


def mig(
    latents: Any, factors: Mapping[str, Any], *, groups: Groups = "dimensions", bins: int = 20, seed: int = 0
) -> MutualInformationGap:
    """Measures the mutual information gap: 1 where one unit tells each factor and no other knows of it.

        MIG = 1/K Σ_k [ I(z_j(k); v_k) - max over j ≠ j(k) of I(z_j; v_k) ] / H(v_k),  j(k) = argmax_j I(z_j; v_k)

    Real dimensions and real factors are put into bins of equally many rows, and the information is that of the counts.
    A unit of several dimensions is not counted but bounded from below, by classifiers: see `information`.

    Note:
        Counts make independent units look informed, by about (bins - 1)(values - 1) / (2 rows) nats. This cancels in
        the gap of two such units, not in that of a discrete unit and a real one. The gap of a single unit is to 0.

    References:
        Chen, Li, Grosse and Duvenaud, "Isolating sources of disentanglement in variational autoencoders", 2018, Eq. 6.

    Args:
        latents: (rows, dimensions), or by variable as `model.predict` gives them.
        factors: By name: (rows,) integers or floats.
        groups: Whether a unit is a dimension or a whole variable.
        bins: How many bins a real value has at most.
        seed: Of the classifiers; nothing else is random.

    Raises:
        DataError: If latents or factors are wrong, see `read_code` and `read_factors`.
        OptionError: If an option is wrong, or scikit-learn is needed for a variable and missing.

    Example:
        >>> import numpy as np
        >>> rows = np.arange(64)
        >>> print(round(mig(np.stack([rows % 8, rows // 8], 1), {"a": rows % 8, "b": rows // 8}).score, 3))
        1.0
    """
    code = read_code(latents, groups)
    information_of: Table = {}
    for name, values in read_factors(factors, code.rows).items():
        classes = binned(values, bins)
        whole = entropy(classes)
        information_of[name] = {unit.name: information(unit, classes, bins, seed) / whole for unit in code}
    by_factor = {name: gap(scores) for name, scores in information_of.items()}
    return MutualInformationGap(float(np.mean(list(by_factor.values()))), by_factor, information_of)
