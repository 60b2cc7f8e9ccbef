"""What happens when a number of a training is not finite."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

import torch
from torch import Tensor

from unbraid.errors import DataError, TrainingError
from unbraid.inference.domains import outside_domain
from unbraid.inference.known import Known
from unbraid.inference.passes import recognise
from unbraid.model import Model
from unbraid.objectives.terms import Term
from unbraid.training.batches import Batch

if TYPE_CHECKING:
    from unbraid.training.state import TrainingState

Gather = Callable[[Batch], tuple[Tensor, Mapping[str, Tensor]]]
SHOWN = 5
LOOK = 100
"""How many steps are looked at together on a device that is not waited for."""
ADVICE = "Try a smaller learning_rate, warmup_steps=100, or precision='fp32'"


@dataclass(frozen=True, slots=True)
class Seen:
    """A step whose loss is still to be looked at.

    Attributes:
        loss: Of the step.
        terms: Its named terms.
        batch: The rows it took.
        place: Which step it was.
    """

    loss: Tensor
    terms: Mapping[str, Term]
    batch: Batch
    place: str


class Guard:
    """Refuses a loss that is not finite, before it can reach the weights.

    To look at a loss is to wait for the device. On the CPU every loss is looked at. On another device a flag there
    keeps the optimiser from changing any weight from the first such loss on, and the losses of many steps are looked at
    together: the weights are then still as they were before that step.

    Args:
        state: The model and where the training is.
        waits: Whether every step waits for its loss.
        gather: Fetches the rows and labels of a batch once more, to find out what was wrong with them.
    """

    def __init__(self, state: TrainingState, *, waits: bool, gather: Gather | None = None) -> None:
        self.state, self.waits, self.gather = state, waits, gather
        self.seen: list[Seen] = []
        self.spoilt: Tensor | None = None

    def check(self, loss: Tensor, terms: Mapping[str, Term], batch: Batch) -> None:
        """Takes in the loss of a step, before its gradient is taken.

        Raises:
            TrainingError: If it is found that this loss, or an earlier one, is not finite.
        """
        detached = {name: Term(term.values.detach(), term.rows) for name, term in terms.items()}
        self.seen.append(Seen(loss.detach(), detached, batch, _place(self.state)))
        if self.waits or len(self.seen) == LOOK:
            self.settle()
        if not self.waits:
            wrong = ~torch.isfinite(loss.detach())
            self.spoilt = wrong if self.spoilt is None else self.spoilt | wrong
            self.state.optimizer.found_inf = self.spoilt.float()  # type: ignore[attr-defined]  # fused Adam then stays

    def settle(self) -> None:
        """Looks at the losses that were not looked at yet.

        Raises:
            TrainingError: If one is not finite.
        """
        seen, self.seen = self.seen, []
        if not seen:
            return
        finite = torch.isfinite(torch.stack([each.loss for each in seen])).tolist()
        if not all(finite):
            _refuse(seen[finite.index(False)], self.state, self.gather)


def _refuse(seen: Seen, state: TrainingState, gather: Gather | None) -> NoReturn:
    """Raises TrainingError for a loss that is not finite."""
    where = f"the loss is {float(seen.loss)} in {seen.place}: {_culprit(seen.terms, seen.batch)}."
    if _finite_weights(state.model):
        kept = "The weights and the last checkpoint are as they were before this step."
        if gather is not None and (outside := _outside(state.model, gather(seen.batch)[0])):
            raise TrainingError(f"{where} {outside} {kept}")
    else:
        kept = "A gradient before it was not finite, and spoilt the weights; the last checkpoint is intact."
    raise TrainingError(f"{where} {kept} {ADVICE}; if it comes at once, look at these rows.")


def _outside(model: Model, x: Tensor) -> str:
    """Says which parameter of a distribution the program put outside its domain for these rows, if any."""
    with torch.no_grad():
        frame = recognise(model.frame(x), Known())
        return outside_domain(frame, "q", frame.graph.latents) or outside_domain(frame, "p", frame.graph.factors)


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
    if view.device.type != "cpu":  # to look would be to wait; the loss of such a view is not finite either
        return
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
