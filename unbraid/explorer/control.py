"""Controls: how each latent is shown on the page and set there."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Any

import torch
from torch import Tensor

from unbraid.explorer.survey import Survey
from unbraid.graph.series import Series
from unbraid.model import Model
from unbraid.variables.family import Family

_POINTS = 400  # rows whose means are dots in the plane of a latent
_WIDEST = 256  # numbers of a latent of which these are sent


def control(model: Model, series: Series, survey: Survey, names: Sequence[str]) -> dict[str, Any]:
    """Describes the control of a latent.

    Args:
        model: The latent's.
        series: The latent.
        survey: Of rows.
        names: What the values of a discrete latent are called; empty where they are numbers.

    Returns:
        Plain values: its name; `members`, its names in the graph, one a step; `steps`, the sizes of its step axes;
        `follows`, the latents that are generated anew when it is set; `shown`, whether x depends on it in p; `kind`,
        and more for each kind: "choice" (one of `values`), "switches" (bits of a `shape`), "angle", "direction",
        "numbers" (`low`, `high` and `told` of each component, and `points`: the means of some rows).
    """
    family = model.latents[series.name]
    found = {
        "name": series.name,
        "family": str(family),
        "members": list(series.members),
        "steps": list(series.steps),
        "follows": sorted(model.graph.generated_from(series.members[0])),
        "shown": series.members[0] in model.graph.generative_order(),
        "kind": _kind(family),
    }
    if family.cardinality is not None:
        return found | {"values": list(names) or [str(value) for value in range(family.cardinality)]}
    found["shape"] = list(family.label_shape)
    if found["kind"] != "numbers":
        return found
    low, high = survey.ranges(series.name, family.support)
    dotted = not series.steps and low.numel() <= _WIDEST
    return found | {
        "low": plain(low.flatten()),
        "high": plain(high.flatten()),
        "told": plain(survey.told(series.name).flatten()),
        "points": plain(survey.means[series.name][:_POINTS].flatten(1)) if dotted else [],
    }


def _kind(family: Family) -> str:
    """Returns which control suits a family."""
    if family.cardinality is not None:
        return "choice"
    if family.discrete:
        return "switches"
    if family.support == "sphere":
        return "direction" if family.label_shape else "angle"
    return "numbers"


def settled(family: Family, value: Any) -> Any:
    """Returns a value from the page as a label: directions are brought to length 1, numbers into their support."""
    if family.cardinality is not None:
        return value
    label = torch.as_tensor(value, dtype=torch.get_default_dtype()).reshape(family.label_shape)
    if family.support == "sphere" and family.label_shape:
        return label / torch.linalg.vector_norm(label)
    if family.support == "positive":
        return label.clamp(min=torch.finfo(label.dtype).tiny)
    edge = torch.finfo(label.dtype).eps
    return label.clamp(edge, 1 - edge) if family.support == "unit" else label


def plain(values: Tensor) -> Any:
    """Returns numbers as JSON has them, in four digits, enough for a page; what is not there, or infinite, is None."""
    if values.dim() == 0:
        number = values.item()
        return number if isinstance(number, int) else float(f"{number:.4g}") if isfinite(number) else None
    return [plain(each) for each in values]
