"""What happens when a number of a training is not finite."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from unbraid.errors import DataError, TrainingError
from unbraid.model import Model
from unbraid.objectives.terms import Term
from unbraid.training.batches import Batch

if TYPE_CHECKING:
    from unbraid.training.state import TrainingState

SHOWN = 5
ADVICE = "Try a smaller learning_rate, warmup_steps=100, or precision='fp32'"


def refuse_non_finite(loss: Tensor, terms: Mapping[str, Term], batch: Batch, state: TrainingState) -> None:
    """Raises TrainingError if the loss of a step is not finite, before it can reach the weights.

    Args:
        loss: Of the step.
        terms: Its named terms.
        batch: The rows it took.
        state: The model and where the training is.
    """
    if bool(torch.isfinite(loss)):
        return
    where = f"the loss is {float(loss.detach())} in {_place(state)}: {_culprit(terms, batch)}."
    if _finite_weights(state.model):
        kept = "The weights and the last checkpoint are as they were before this step."
    else:
        kept = "A gradient before it was not finite, and spoilt the weights; the last checkpoint is intact."
    raise TrainingError(f"{where} {kept} {ADVICE}; if it comes at once, look at these rows.")


def refuse_non_finite_weights(state: TrainingState) -> None:
    """Raises TrainingError if a weight is not finite at the end of an epoch, before it can reach a checkpoint."""
    if not _finite_weights(state.model):
        names = [name for name, each in state.model.named_parameters() if not bool(torch.isfinite(each).all())]
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        raise TrainingError(
            f"the weights {', '.join(names[:SHOWN])}{more} are not finite after epoch {state.epoch}: a gradient of its "
            f"last step was not, though the loss was. The last checkpoint is intact. {ADVICE}."
        )


def refuse_wrong_view(view: Tensor, x: Tensor, batch: Batch, state: TrainingState) -> None:
    """Raises an error if views are no rows of the model's data.

    Raises:
        DataError: If they have another shape or type than the rows.
        TrainingError: If they are not finite.
    """
    if not isinstance(view, Tensor) or view.shape != x.shape or view.dtype != x.dtype:
        found = f"{tuple(view.shape)} {view.dtype}" if isinstance(view, Tensor) else type(view).__name__
        raise DataError(
            f"views must return rows as they take them, here {tuple(x.shape)} {x.dtype}, but returned {found}."
        )
    wrong = ~torch.isfinite(view).flatten(1).all(1)
    if bool(wrong.any()):
        raise TrainingError(
            f"the views have NaN or infinite values in {_place(state)}, in {_rows(batch, wrong.nonzero().squeeze(1))}. "
            "The weights and the last checkpoint are as they were before this step."
        )


def _place(state: TrainingState) -> str:
    """Says where the training is: 'epoch 3, step 120', both from 1."""
    return f"epoch {state.epoch + 1}, step {state.step + 1}"


def _finite_weights(model: Model) -> bool:
    return all(bool(torch.isfinite(each).all()) for each in model.parameters())


def _culprit(terms: Mapping[str, Term], batch: Batch) -> str:
    """Names the first term that is not finite, and its rows."""
    for name, term in terms.items():
        wrong = ~torch.isfinite(term.values)
        if bool(wrong.any()):
            places = wrong.nonzero().squeeze(1) if term.rows is None else term.rows[wrong]
            return f"{name} is {float(term.values.detach()[wrong][0])} in {_rows(batch, places)}"
    return "each of its terms is finite, but their weighted sum is not"


def _rows(batch: Batch, places: Tensor) -> str:
    """Says which rows of the data stand at some places of a batch: 'row 7', 'rows 7, 12 and 3 more'."""
    numbers = torch.cat([part for part in (batch.unlabelled, batch.labelled) if part is not None])
    rows = numbers[places.cpu()].tolist()
    more = f" and {len(rows) - SHOWN} more" if len(rows) > SHOWN else ""
    return f"{'row' if len(rows) == 1 else 'rows'} {', '.join(map(str, rows[:SHOWN]))}{more}"
