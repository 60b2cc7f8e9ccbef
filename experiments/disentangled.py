"""How far the latents of a trained model are the known factors of rows: the four measures, as numbers of a record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

import unbraid as ub
from experiments.measure import Found, attempt
from experiments.table import Measure
from unbraid.data import Rows
from unbraid.evaluation.disentanglement import dci, factor_vae, mig, sap

SCORES = (
    Measure("MIG", "mig"),
    Measure("DCI: disentanglement", "dci_disentanglement"),
    Measure("completeness", "dci_completeness"),
    Measure("informativeness", "dci_informativeness"),
    Measure("SAP", "sap"),
    Measure("FactorVAE", "factor_vae"),
)
"""The columns of a table of them."""
FEWEST = 5
"""Rows that each value of a discrete factor must have, on average: measures train on half of the rows."""


def disentangled(model: ub.Model, rows: Rows, factors: Mapping[str, Any], bins: int = 10) -> Found:
    """Measures MIG, DCI, SAP and the FactorVAE score of all latents, each dimension for itself.

    Args:
        model: A trained model.
        rows: That it was not trained on.
        factors: Of these rows, by name: (rows,) integers or floats.
        bins: Of real values; fewer than in the papers, for there are few rows.

    Returns:
        Numbers in [0, 1], 1 at best; what could not be measured has a reason.
    """
    if few := sparse(factors):
        return Found(unmeasured={"disentanglement": few})
    latents = model.predict(rows.images)
    return (
        attempt("mig", lambda: {"mig": mig(latents, factors, bins=bins).score})
        | attempt("dci", lambda: _dci(latents, factors))
        | attempt("sap", lambda: {"sap": sap(latents, factors).score})
        | attempt("factor_vae", lambda: {"factor_vae": factor_vae(latents, factors, bins=bins).score})
    )


def sparse(factors: Mapping[str, Any]) -> str:
    """Says which factor has too few rows a value to be measured; nothing if none has.

    Example:
        >>> sparse({"shape": np.array([0, 1, 2, 0, 1, 2])})
        "2.0 rows for each value of 'shape', fewer than 5"
    """
    for name, values in factors.items():
        each = len(values) / len(np.unique(values))
        if values.dtype.kind in "iu" and each < FEWEST:
            return f"{each:.1f} rows for each value of {name!r}, fewer than {FEWEST}"
    return ""


def _dci(latents: Any, factors: Mapping[str, Any]) -> dict[str, float]:
    """Measures the three parts of DCI."""
    found = dci(latents, factors)
    return {
        "dci_disentanglement": found.disentanglement,
        "dci_completeness": found.completeness,
        "dci_informativeness": found.informativeness,
    }
