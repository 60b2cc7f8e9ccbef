"""The matched baseline: the same recognition network, trained on the labelled rows alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import count, islice
from typing import Any

import torch
from torch import Tensor

from unbraid.errors import DataError
from unbraid.inference.labelled import is_labelled, label_or_guess
from unbraid.model import Model
from unbraid.objectives.matching import matched
from unbraid.training.batches import sweep
from unbraid.training.draws import seeded_generator
from unbraid.training.plan import SupervisionPlan
from unbraid.training.precision import networks_in
from unbraid.training.schedule import learning_rate
from unbraid.training.settings import Settings
from unbraid.training.source import source_of
from unbraid.views.view import View


def supervised_baseline(
    model: Model,
    images: Tensor,
    plan: SupervisionPlan,
    settings: Settings,
    views: View | None = None,
    steps: int = 1000,
) -> Model:
    """Trains a model's recognition network on the labelled rows alone: it maximises sum_O log q(v | x), no more.

    What a semi-supervised model reaches says little without it. The optimiser, the learning rate and its schedule, the
    size of labelled batches and the views are those of the semi-supervised training.

    Args:
        model: A fresh model; it is trained in place.
        images: All rows, (rows, *data_shape); only the labelled ones are looked at.
        plan: Which rows are labelled.
        settings: Of the semi-supervised training.
        views: Transforms rows; each labelled row is then seen as it is and transformed.
        steps: How many steps.

    Returns:
        The model, in evaluation mode.

    Raises:
        DataError: If no row is labelled.
    """
    if not plan.variables:
        raise DataError("the baseline is trained on labelled rows, and none is labelled.")
    rows = plan.labelled_rows
    device = next(model.parameters()).device
    source = source_of(images[rows], model, device)
    labels = {name: each.to(device) for name, each in plan.labels_for(rows).items()}
    optimizer = torch.optim.Adam(model.parameters(), settings.learning_rate, settings.betas, fused=True)
    generator = torch.Generator(device).manual_seed(settings.seed)
    model.train()
    alone = SupervisionPlan.of({name: each.cpu() for name, each in labels.items()}, len(rows))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(torch.randint(2**62, (), generator=seeded_generator(settings.seed, "baseline"))))
        for step, batch in enumerate(islice(_batches(alone, settings), steps)):
            x = source.gather(batch)
            seen = {name: each[batch.to(device)] for name, each in labels.items()}
            if views is not None:
                x = torch.cat([x, views(x, generator)])
                seen = {name: torch.cat([each, each]) for name, each in seen.items()}
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(settings, step, steps)
            with networks_in(settings.precision, device):
                loss = recognition_loss(model, x, seen)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
    return model.eval()


def _batches(plan: SupervisionPlan, settings: Settings) -> Iterator[Tensor]:
    """Yields batches of the numbers of labelled rows, sweep after sweep."""
    for epoch in count():
        for batch in sweep(plan, 1, settings.labelled_batch_size, 1.0, epoch, settings.seed, unlabelled="unlabelled"):
            assert batch.labelled is not None
            yield batch.labelled


def recognition_loss(model: Model, x: Tensor, labels: Mapping[str, Any]) -> Tensor:
    """Returns minus the mean of sum_O log q(v | pa) over rows, in nats; other parents at their most probable value."""
    frame = model.frame(x)
    labels = matched(frame, labels)
    total = x.new_zeros(())
    for name, node in model.graph.latents.items():
        label = labels.get(name)
        value = label_or_guess(frame, node, label)
        if label is not None:
            total = total - torch.where(is_labelled(label), frame.score(node, value).tensor, 0.0).sum()
        frame = frame.fix(name, value)
    return total / len(x)
