"""Bits: two-valued variables, and black-and-white pixels with what to do about grey ones."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import torch
from torch import Tensor
from torch.distributions import Bernoulli as TorchBernoulli
from torch.distributions import Distribution, Independent
from torch.nn import functional
from torch.overrides import handle_torch_function, has_torch_function

from unbraid.errors import DataError, ModelError, did_you_mean
from unbraid.graph.spread import covers
from unbraid.variables.binarise import binarised
from unbraid.variables.categorical import weighted
from unbraid.variables.constraint import Constraint, Real
from unbraid.variables.family import Family, Learnable, Parameters
from unbraid.variables.ranges import check_unit_interval, refuse_label

if TYPE_CHECKING:
    from unbraid.estimators.estimator import Estimator

Grey = Literal["binarise", "cross_entropy", "refuse"]


class Bernoulli(Family):
    """Independent bits: as a latent ``ub.Bernoulli(5)(h)``, as pixels ``ub.Bernoulli(1, 28, 28)(digit, style)``.

    Children of a latent see zeros and ones. The labels of ``ub.Bernoulli(1)``, a yes/no variable, are whole numbers
    (rows,): 0, 1, or -1 where a row is not labelled. The labels of several bits are numbers (rows, *shape), 0 or 1, or
    NaN throughout a row that is not labelled.

    Args:
        *shape: The event shape.
        grey: What to do about data between 0 and 1. "binarise" draws every pixel as 0 or 1 with the grey value as
            its probability, anew each time (Salakhutdinov & Murray 2008): the likelihood of binary images.
            "cross_entropy" scores grey values with x log p + (1 - x) log(1 - p), which is no likelihood (its normaliser
            is missing): bounds on log p(x) are then not comparable; for a density of grey values take
            `ContinuousBernoulli`. "refuse" takes binary data only.
        logits: The log-odds of its own prior.
        estimator: How a latent is estimated where it is not labelled: a name, or an estimator with options; by
            default enumeration of all 2^n values while it is affordable, else "sum_and_sample", for more than 16 bits
            "reinforce", and "reinforce(samples=1)" where the budget is used up. A setting of the training takes
            precedence.
    """

    constraints: Mapping[str, Constraint] = {"logits": Real()}
    discrete: ClassVar[bool] = True
    reparameterised = False
    support = "discrete"

    def __init__(
        self,
        *shape: int,
        grey: Grey = "binarise",
        logits: float | Tensor | Learnable = 0.0,
        estimator: str | Estimator | None = None,
    ) -> None:
        if grey not in Grey.__args__:  # type: ignore[attr-defined]
            raise ModelError(f"Bernoulli: grey={grey!r} is unknown.{did_you_mean(str(grey), Grey.__args__)}")  # type: ignore[attr-defined]
        super().__init__(shape, logits=logits)
        self.grey = grey
        self.estimator = estimator
        if shape == (1,):
            self.label_shape, self.cardinality = (), 2

    @property
    def n_values(self) -> int:
        """The number of joint values, 2^n."""
        return int(2 ** math.prod(self.event_shape))

    def distribution(self, **parameters: Tensor) -> Distribution:
        """Returns the torch distribution of a label for `logits` (*batch, *event)."""
        logits = parameters["logits"]
        if not self.label_shape:
            return TorchBernoulli(logits=logits.squeeze(-1), validate_args=False)
        return Independent(TorchBernoulli(logits=logits, validate_args=False), len(self.event_shape), False)

    def draw(self, parameters: Parameters, shape: tuple[int, ...], generator: torch.Generator | None) -> Tensor:
        """Draws zeros and ones; no gradient passes through a draw."""
        probs = torch.sigmoid(parameters["logits"].detach()).expand(*shape, *self.event_shape)
        return torch.bernoulli(probs, generator=generator)

    def most_probable(self, parameters: Parameters) -> Tensor:
        """Returns 1 for each bit that is more probably 1 than 0, else 0."""
        logits = parameters["logits"]
        return (logits > 0).to(logits.dtype)

    def mean(self, parameters: Parameters) -> Tensor:
        """Returns the probability of each bit."""
        return torch.sigmoid(parameters["logits"])

    def logits(self, parameters: Parameters) -> Tensor:
        """Returns the logits of 0 and 1 for each bit: (*batch, 2) for a yes/no variable, else (*batch, *event, 2)."""
        odds = parameters["logits"] if self.label_shape else parameters["logits"].squeeze(-1)
        return torch.stack([torch.zeros_like(odds), odds], -1)

    def from_weights(self, weights: Tensor) -> Tensor:
        """Returns the weight of 1 for each bit, (*batch, *event)."""
        return weights[..., 1] if self.label_shape else weights[..., 1:]

    def log_prob(self, parameters: Parameters, value: Tensor) -> Tensor:
        """Scores bits: sum of x l - log(1 + e^l) for log-odds l, in nats; of probabilities x it is the expectation."""
        return _scored(parameters["logits"], value, len(self.event_shape))

    def kl(self, q: Parameters, p: Parameters) -> Tensor:
        """Returns KL(q || p) in nats, summed over bits; a value of probability 0 under q counts nothing."""
        of_one = functional.logsigmoid(q["logits"]) - functional.logsigmoid(p["logits"])
        of_zero = functional.logsigmoid(-q["logits"]) - functional.logsigmoid(-p["logits"])
        divergence = weighted(torch.sigmoid(q["logits"]), of_one) + weighted(torch.sigmoid(-q["logits"]), of_zero)
        return divergence.sum(tuple(range(-len(self.event_shape), 0)))

    def value_of(self, label: Tensor) -> Tensor:
        """Turns labels into bits: 0 and 1 (rows,) of a yes/no variable into (rows, 1)."""
        if self.label_shape:
            return label
        return functional.one_hot(label.long(), 2)[..., 1:].to(torch.get_default_dtype())

    def label_of(self, value: Tensor) -> Tensor:
        """Turns bits (rows, *event) into labels, whole numbers for a yes/no variable."""
        return value if self.label_shape else value.squeeze(-1).round().long()

    def check_labels(self, name: str, labels: Tensor) -> None:
        """Raises DataError for labels that are neither 0 nor 1."""
        super().check_labels(name, labels)
        if self.label_shape:
            refuse_label(name, self, labels, (labels != 0) & (labels != 1) & ~torch.isnan(labels), "each bit is 0 or 1")

    def target(self, x: Tensor, generator: torch.Generator | None) -> Tensor:
        """Returns the pixels that are scored: a fresh binary draw of grey ones under ``grey="binarise"``."""
        return binarised(x, generator) if self.grey == "binarise" else x

    def check_data(self, x: Tensor) -> None:
        """Raises DataError for values outside [0, 1], and for grey ones under ``grey="refuse"``."""
        super().check_data(x)
        check_unit_interval(x, str(self))
        if self.grey == "refuse" and bool(((x > 0) & (x < 1)).any()):
            raise DataError(
                f"x has grey values and the likelihood {self} takes 0 and 1 only: choose grey='binarise' or "
                "grey='cross_entropy', or ub.ContinuousBernoulli."
            )


def _scored(logits: Tensor, value: Tensor, events: int) -> Tensor:
    """Calls `_Score` as a function of torch, which a recorder of calls can see."""
    if has_torch_function((logits, value)):
        found: Tensor = handle_torch_function(_scored, (logits, value), logits, value, events)
        return found
    score: Tensor = _Score.apply(logits, value, events)  # type: ignore[no-untyped-call]
    return score


class _Score(torch.autograd.Function):
    """The sum over bits of x l - log(1 + e^l), broadcast, with the gradient x - sigmoid(l) in closed form.

    Torch's own function takes a third longer, and would repeat the few images of a batch for the many log-odds of an
    enumeration.
    """

    @staticmethod
    def forward(logits: Tensor, value: Tensor, events: int) -> Tensor:
        """Returns the score of each row, of bits in the last `events` dimensions."""
        score = functional.softplus(logits, threshold=40.0).neg_()  # above it, log(1 + e^l) is l in double precision
        inside = covers(score.shape, value.shape)
        score = score.addcmul_(value, logits) if inside else torch.addcmul(score, value, logits)
        return score.sum(tuple(range(-events, 0)))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, int], output: Tensor) -> None:
        """Keeps what the gradient is made of."""
        logits, value, ctx.events = inputs
        ctx.save_for_backward(logits, value)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor | None, None]:
        """Returns the gradients of the log-odds, and of the bits where they are relaxed."""
        logits, value = ctx.saved_tensors
        gradient, probs = gradient[(..., *(None,) * ctx.events)], torch.sigmoid(logits)
        if torch.is_grad_enabled() or not covers(probs.shape, value.shape):
            of_logits = (value - probs) * gradient
        else:
            of_logits = torch.sub(value, probs, out=probs).mul_(gradient)
        of_value = (logits * gradient).sum_to_size(value.shape) if ctx.needs_input_grad[1] else None
        return of_logits.sum_to_size(logits.shape), of_value, None

    @staticmethod
    def vmap(
        info: Any, in_dims: tuple[int | None, int | None, None], logits: Tensor, value: Tensor, events: int
    ) -> tuple[Tensor, int]:
        """Scores several runs at once: their dimension goes first, and events are broadcast behind it."""
        sides = [
            side[None] if dim is None else side.movedim(dim, 0)
            for side, dim in zip((logits, value), in_dims, strict=False)
        ]
        rank = max(side.dim() for side in sides)
        aligned = [side.reshape(side.shape[0], *[1] * (rank - side.dim()), *side.shape[1:]) for side in sides]
        score: Tensor = _Score.apply(*aligned, events)  # type: ignore[no-untyped-call]
        return score, 0
