"""What happens when a loss is not finite."""

from __future__ import annotations

import torch
from torch import Tensor

from unbraid.errors import TrainingError
from unbraid.objectives.terms import Objective
from unbraid.training.batches import Batch

SHOWN = 5


def refuse_non_finite(loss: Tensor, found: Objective, batch: Batch, epoch: int, step: int) -> None:
    """Raises TrainingError if the loss of a step is not finite, before it can reach the weights.

    Args:
        loss: Of the step.
        found: Its named terms.
        batch: The rows it took.
        epoch: From 1, for the message.
        step: From 0, for the message.
    """
    if bool(torch.isfinite(loss)):
        return
    raise TrainingError(
        f"the loss is {float(loss)} in epoch {epoch}, step {step + 1}: {_culprit(found, batch)}. The weights and the last checkpoint "
        "are as they were before this step. Try a smaller learning_rate, warmup_steps=100, or precision='fp32'; if it comes "
        "at once, look at these rows."
    )


def _culprit(found: Objective, batch: Batch) -> str:
    """Names the first term that is not finite, and its rows."""
    numbers = torch.cat([part for part in (batch.unlabelled, batch.labelled) if part is not None])
    for name, term in found.terms.items():
        wrong = ~torch.isfinite(term.values)
        if bool(wrong.any()):
            places = wrong.nonzero().squeeze(1) if term.rows is None else term.rows[wrong]
            rows = numbers[places.cpu()].tolist()
            more = f" and {len(rows) - SHOWN} more" if len(rows) > SHOWN else ""
            return f"{name} is {float(term.values[wrong][0])} in row {', '.join(map(str, rows[:SHOWN]))}{more}"
    return "each term of the objective is finite, but the loss of the views is not"
