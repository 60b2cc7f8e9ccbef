"""All measures of disentanglement at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from unbraid.evaluation.disentanglement.code import Groups
from unbraid.evaluation.disentanglement.dci import DCI, dci
from unbraid.evaluation.disentanglement.factor_vae import FactorVAEScore, factor_vae
from unbraid.evaluation.disentanglement.learners import Predictor
from unbraid.evaluation.disentanglement.mig import MutualInformationGap, mig
from unbraid.evaluation.disentanglement.sap import SeparatedPredictability, sap


@dataclass(frozen=True, slots=True)
class Disentanglement:
    """What the four measures say of a code; each record has the parts by factor."""

    mig: MutualInformationGap
    dci: DCI
    sap: SeparatedPredictability
    factor_vae: FactorVAEScore

    @property
    def scores(self) -> dict[str, float]:
        """One number a measure, ready for a record or a table; NaN where it is not defined."""
        return {
            "mig": self.mig.score,
            "disentanglement": self.dci.disentanglement,
            "completeness": self.dci.completeness,
            "informativeness": self.dci.informativeness,
            "sap": self.sap.score,
            "factor_vae": self.factor_vae.score,
        }

    def __str__(self) -> str:
        return "\n".join(f"{name:<16} {score:.3f}" for name, score in self.scores.items())


def measure_disentanglement(
    latents: Any,
    factors: Mapping[str, Any],
    *,
    groups: Groups = "dimensions",
    predictor: Predictor = "forest",
    bins: int = 20,
    votes: int = 800,
    collapsed: float = 0.01,
    seed: int = 0,
) -> Disentanglement:
    """Measures how far the latents of rows are the known factors, one by one: MIG, DCI, SAP and the FactorVAE score.

    Args:
        latents: (rows, dimensions), or by variable as `model.predict` or `model.infer` gives them.
        factors: By name: (rows,) integers for a discrete factor, floats for a real one.
        groups: Whether each dimension counts for itself, or each variable as one.
        predictor: Of `dci`.
        bins: Of `mig` and `factor_vae`, for real values.
        votes: Of `factor_vae`.
        collapsed: Of `factor_vae`.
        seed: Of all that is random.

    Returns:
        The four records.

    Raises:
        DataError: If latents or factors are wrong, see `read_code` and `read_factors`.
        OptionError: If an option is wrong.
        MissingDependencyError: If scikit-learn is missing.

    Example:
        >>> import numpy as np
        >>> latents = np.random.default_rng(0).normal(size=(1000, 3))
        >>> factors = {"x": latents[:, 0], "y": latents[:, 1]}
        >>> print(measure_disentanglement(latents, factors, predictor="lasso", votes=100))
        mig              0.928
        disentanglement  1.000
        completeness     1.000
        informativeness  1.000
        sap              1.000
        factor_vae       1.000
    """
    return Disentanglement(
        mig(latents, factors, groups=groups, bins=bins, seed=seed),
        dci(latents, factors, groups=groups, predictor=predictor, seed=seed),
        sap(latents, factors, groups=groups, seed=seed),
        factor_vae(latents, factors, groups=groups, votes=votes, bins=bins, collapsed=collapsed, seed=seed),
    )
