"""Watched rows: rows with labels that training is measured on, and does not train on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from unbraid.data.label_values import by_variable
from unbraid.data.rows import Rows
from unbraid.errors import DataError, OptionError
from unbraid.evaluation.error import evaluate_labels
from unbraid.graph.series import join
from unbraid.model import Model
from unbraid.objectives.given import given_labels
from unbraid.training.settings import Settings
from unbraid.training.source import rows_in_memory

GivenRows = Rows | tuple[Any, Mapping[str, Any]]
"""What `fit` takes as rows with labels: `Rows`, or images and labels."""


@dataclass(frozen=True, slots=True, eq=False)
class Watched:
    """Rows with labels of the model's latents.

    Attributes:
        images: Shape (rows, *event), where the model is.
        labels: By latent, as `normalise_labels` returns them.
    """

    images: Tensor
    labels: Mapping[str, Tensor]

    @classmethod
    def of(cls, given: GivenRows, model: Model, what: str) -> Watched:
        """Checks rows and labels against the model; labels of what is no latent are left out.

        Args:
            given: The rows.
            model: The model.
            what: What `fit` calls them: "validation" or "test".

        Raises:
            DataError: If rows or labels do not fit the model, or no latent is labelled.
        """
        if not isinstance(given, Rows) and not (isinstance(given, tuple) and len(given) == 2):
            raise DataError(f"{what} must be Rows, or a pair (images, labels), got {type(given).__name__}.")
        images, labels = (given.images, given.labels) if isinstance(given, Rows) else given
        try:
            rows = rows_in_memory(images, model)
            labels = by_variable(labels, model.latents)
            known = {name: each for name, each in labels.items() if name in model.latents}
            normal = given_labels(model.graph, known, len(rows), missing_class="allow")
        except DataError as error:
            raise DataError(f"{what}: {error}") from error
        if not normal:
            latents = ", ".join(map(repr, model.latents))
            raise DataError(
                f"{what}: there are labels of {sorted(labels) or 'nothing'}, and of no latent of the model ({latents})."
            )
        return cls(rows.to(next(model.parameters()).device), join(model.graph.series, normal))

    def errors(self, model: Model) -> dict[str, dict[str, Any]]:
        """Measures a model's errors on these rows, by latent."""
        return evaluate_labels(model, self.images, self.labels)


def shares_only(watched: Watched | None, model: Model) -> bool:
    """Says whether the errors on watched rows are all shares of wrong labels, and none is a distance."""
    return watched is None or all(model.latents[name].cardinality is not None for name in watched.labels)


def one_error(errors: Mapping[str, Mapping[str, Any]]) -> float:
    """Returns one number for several latents' errors: the mean of fractions and root mean squares.

    It is NaN, and so never the best, where a latent has labels and no predicted step to compare with them: that must
    not count as better than a step that is far off.
    """
    values = [float(each.get("error", each.get("rmse", math.nan))) for each in errors.values()]
    return sum(values) / len(values) if values else math.nan


def check_choice(settings: Settings, watched: Watched | None) -> None:
    """Raises OptionError if weights are to be chosen, or training to be stopped, and there are no rows to do it on."""
    if watched is None and (settings.choose == "best" or settings.patience):
        what = "choose='best'" if settings.choose == "best" else "patience"
        raise OptionError(
            f"{what} needs rows to choose on: give validation=, or set labelled rows aside with holdout=0.2."
        )
