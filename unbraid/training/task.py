"""The task of a training: all that stays the same while it runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from unbraid.errors import DataError, ModelError, OptionError
from unbraid.estimators.choice import choose_estimators
from unbraid.estimators.estimator import Estimator
from unbraid.graph.graph import Graph
from unbraid.graph.series import join, series_name
from unbraid.model import Model
from unbraid.objectives.given import given_labels
from unbraid.training.batches import Batch, steps_per_sweep, sweep
from unbraid.training.draws import seeded_generator
from unbraid.training.plan import SupervisionPlan
from unbraid.training.settings import Settings
from unbraid.training.source import Source, source_of
from unbraid.training.watched import GivenRows, Watched
from unbraid.views.view import View, check_view


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """What stays the same through a training: the rows, which of them are labelled, and how to train.

    Attributes:
        source: The rows.
        plan: Which are labelled, with what.
        settings: How to train.
        estimators: Of each discrete latent.
        view: Transforms rows for consistency, and what is read of swapped latents; or None.
        swapped: The latents, one for all steps of a `Repeat`, that are set by hand and read again.
        balanced: The variable whose classes labelled batches hold in equal parts, or None.
        held_out: Labelled rows that were set aside, or None; the plan holds them as rows without labels.
        device: Where the model is.
        counted: The steps of the whole training, once they have been counted.
    """

    source: Source
    plan: SupervisionPlan
    settings: Settings
    estimators: Mapping[str, Estimator]
    view: View | None
    swapped: tuple[str, ...]
    balanced: str | None
    held_out: Watched | None
    device: torch.device
    counted: list[int] = field(default_factory=list)

    @classmethod
    def of(
        cls,
        model: Model,
        images: Any,
        labels: Mapping[str, Any] | None,
        views: View | None,
        settings: Settings,
    ) -> Task:
        """Checks what `fit` was given, and sets labelled rows aside if asked to.

        Raises:
            DataError: If rows or labels do not fit the model.
            OptionError: If a setting cannot be met with these rows and labels.
        """
        device = next(model.parameters()).device
        estimators = choose_estimators(model.graph, settings.estimators)
        source = source_of(images, model, device)
        normal = given_labels(model.graph, labels, len(source), missing_class=settings.missing_class)
        plan = SupervisionPlan.of(normal, len(source))
        latents = model.graph.latents
        discrete = [name for name in plan.variables if latents[name].family.cardinality is not None]
        _check_options(settings, discrete, views)
        held_out = None
        if settings.holdout:
            plan, aside = plan.split(settings.holdout, seeded_generator(settings.seed, "holdout"), discrete[0])
            if settings.missing_class == "error":
                _refuse_taken(plan, aside, settings.holdout)
            rows = aside.labelled_rows
            held_out = Watched(source.gather(rows), join(model.graph.series, aside.labels_for(rows)))
        balanced = discrete[0] if settings.balanced else None
        swapped = _swapped(model.graph, discrete) if settings.swap else ()
        return cls(source, plan, settings, estimators, views, swapped, balanced, held_out, device)

    def watched(self, given: GivenRows | None, model: Model) -> Watched | None:
        """Returns the rows that the error is measured on after each epoch: those given, or those set aside.

        Raises:
            DataError: If those that are given do not fit the model.
            OptionError: If there are both.
        """
        if given is None:
            return self.held_out
        if self.held_out is not None:
            raise OptionError(
                f"rows to choose a model by are given twice, as validation and as holdout={self.settings.holdout}, "
                "which takes labels away from training: leave one of them out."
            )
        return Watched.of(given, model, "validation")

    def steps(self, epoch: int) -> int:
        """Returns how many steps an epoch (from 0) has."""
        settings = self.settings
        return steps_per_sweep(
            self.plan, settings.batch_size, settings.labelled_batch_size, self.rate, epoch, mixed=settings.mixed,
            unlabelled="unlabelled",
        )  # fmt: skip

    def sweep(self, epoch: int) -> Iterator[Batch]:
        """Returns the batches of an epoch (from 0)."""
        settings = self.settings
        return sweep(
            self.plan, settings.batch_size, settings.labelled_batch_size, self.rate, epoch, settings.seed,
            mixed=settings.mixed, balanced=self.balanced, unlabelled="unlabelled",
        )  # fmt: skip

    @property
    def rate(self) -> float:
        """The supervision rate; 0 where nothing is labelled."""
        return self.settings.rate if self.plan.variables else 0.0

    def total_steps(self) -> int:
        """Counts the steps of the whole training."""
        if not self.counted:
            self.counted.append(sum(self.steps(epoch) for epoch in range(self.settings.epochs)))
        return self.counted[0]

    @property
    def consistent(self) -> tuple[str, ...]:
        """The latents whose q is to agree between a row and its view: labelled discrete ones, if there are views."""
        wanted = self.view is not None and self.settings.consistency > 0
        return tuple(name for name in self.estimators if name in self.plan.variables) if wanted else ()

    def gather(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """Fetches the rows of a batch, unlabelled ones first, and the labels of its labelled ones.

        Returns:
            The rows (rows, *event) on the device of the training, and by latent the labels (rows, ...) on the CPU,
            where the rows with one pattern of labels are found without waiting for a device.
        """
        if batch.labelled is None:
            assert batch.unlabelled is not None
            return self.source.gather(batch.unlabelled), {}
        labels = self.plan.labels_for(batch.labelled)
        rows = batch.labelled
        if batch.unlabelled is not None:
            rows = torch.cat([batch.unlabelled, rows])
            labels = {name: _after(len(batch.unlabelled), each) for name, each in labels.items()}
        return self.source.gather(rows), labels


def _refuse_taken(plan: SupervisionPlan, aside: SupervisionPlan, share: float) -> None:
    """Raises DataError where rows that were set aside have all labels of a variable, or of a class of one."""
    left = _classes(plan)
    for name, taken in _classes(aside).items():
        gone = sorted(taken - left.get(name, set()))
        if name not in left or gone:
            what = f"class {gone[0]} of {name!r}" if gone else f"{name!r}"
            raise DataError(
                f"holdout={share} sets aside all rows that are labelled with {what}: label more of them, give rows as "
                "validation=..., or pass missing_class='allow' to train without"
            )


def _classes(plan: SupervisionPlan) -> dict[str, set[int]]:
    """Returns the classes that are labelled in any row, and any step, by variable; none of a real one."""
    found: dict[str, set[int]] = {}
    for name, labels in plan.variables.items():
        found.setdefault(series_name(name), set()).update(labels.values.tolist() if labels.discrete else ())
    return found


def checked_model(model: object) -> Model:
    """Returns the model that was given, and refuses what cannot be trained.

    Raises:
        OptionError: If it is no model.
        ModelError: If it has no parameter to train.
    """
    if isinstance(model, type):
        raise OptionError(
            f"what is trained is a ub.Model, got the class {model.__name__}: make a model of it, {model.__name__}()."
        )
    if not isinstance(model, Model):
        raise OptionError(f"what is trained is a ub.Model, got {type(model).__name__}.")
    if not any(each.requires_grad for each in model.parameters()):
        raise ModelError(
            f"{type(model).__name__} has no parameter to train. Where all are frozen, model.requires_grad_(True)."
        )
    return model


def _swapped(graph: Graph, discrete: list[str]) -> tuple[str, ...]:
    """Returns the labelled discrete latents that x depends on, one name for all steps of a `Repeat`.

    A count is none of them: what the items are that a larger one adds, no row says.
    """
    counts = {count for each in graph.counts.values() for count, _ in each}
    seen = (name for name in graph.generative_order() if name in discrete and name not in counts)
    return tuple(dict.fromkeys(map(series_name, seen)))


def _after(unlabelled: int, labels: Tensor) -> Tensor:
    """Puts rows without labels before labels."""
    missing = float("nan") if labels.is_floating_point() else -1
    return torch.cat([labels.new_full((unlabelled, *labels.shape[1:]), missing), labels])


def _check_options(settings: Settings, discrete: list[str], views: View | None) -> None:
    """Raises OptionError for settings that these labels and views cannot meet."""
    if settings.holdout and not discrete:
        raise OptionError("holdout sets labelled rows aside, but no discrete variable is labelled.")
    if settings.balanced and len(discrete) != 1:
        raise OptionError(f"balanced needs exactly one labelled discrete variable, got {discrete or 'none'}.")
    if views is not None:
        check_view(views)
    elif settings.consistency:
        raise OptionError("consistency needs views: pass fit(..., views=ub.Warp()), or consistency=0.")
