"""Consistency between the views of a row: a regulariser on q of chosen variables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

from unbraid.graph.frame import Frame
from unbraid.graph.graph import Node
from unbraid.graph.spread import Spread, union
from unbraid.inference.labelled import is_labelled, label_or_guess
from unbraid.inference.probable import most_probable
from unbraid.model import Model
from unbraid.objectives.matching import matched

KEPT = 0.98
"""How much of the running mean of the teacher's probabilities a step keeps."""


class Consistency:
    """What q of a variable says of a view of a row should be what the averaged model says of the row itself.

    For a labelled row the target is its label. For another one the target is the value of which the averaged model
    is sure ("pseudo-label", with a threshold), after its probabilities were aligned: divided by their running mean
    and multiplied by p of the variable, as far as it is learned, so that the guesses as a whole follow the prior and a
    class cannot take over by confirming itself. They are not aligned where p gives the variable parents. A continuous
    variable's target is the averaged model's whole distribution.

    References:
        Sohn et al., "FixMatch" (2020), Eqs. 3 and 4; distribution alignment: Berthelot et al., "ReMixMatch" (2020),
        section 3.1; averaged teacher: Tarvainen & Valpola, "Mean teachers" (2017).

    Args:
        model: The model.
        variables: The latents that are to be consistent.
        threshold: How sure the averaged model must be, 0 to 1.
    """

    def __init__(self, model: Model, variables: Sequence[str], threshold: float) -> None:
        self.model, self.variables, self.threshold = model, tuple(variables), threshold
        graph, own = model.graph, model.frame(None)
        aligned = (name for name in variables if graph.latents[name].family.cardinality and not graph.p_parents[name])
        self.means = {name: _prior(own, name) for name in aligned}

    def losses(
        self, teacher: Model, x: Tensor, view: Tensor, labels: Mapping[str, Tensor]
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Returns the losses of views: minus log q of their targets, in nats.

        Args:
            teacher: The averaged model, or the model itself where there is no average; it is asked in evaluation mode.
            x: The rows, (rows, *event).
            view: The same rows, transformed.
            labels: By latent: int64 (rows,) with -1, or floats with NaN, where not labelled.

        Returns:
            Two mappings from the latent to one number a row (rows,): for labelled rows and for the others, 0 where a
            row is not of this kind, or not sure enough.
        """
        guide, student = teacher.frame(x), self.model.frame(view)
        with _teaching(teacher):
            labels = matched(guide, labels)
        supervised, consistent = {}, {}
        for name, node in self.model.graph.latents.items():
            with _teaching(teacher):
                value = label_or_guess(guide, node, labels.get(name))
            if name in self.variables:
                known = (
                    is_labelled(labels[name])
                    if name in labels
                    else torch.zeros(len(x), dtype=torch.bool, device=x.device)
                )
                loss, sure = self._loss(name, guide, student, value)
                supervised[name] = torch.where(known, -student.score(node, value).tensor, 0.0)
                there = guide.presence(name)
                compared = ~known & sure if there is None else ~known & sure & (there.tensor > 0)
                consistent[name] = torch.where(compared, loss, 0.0)
            # a view has its own values of what is neither labelled nor compared, and must not read the row's answer
            # there; and of what is real: a view keeps the digit, but not the place of it
            discrete = node.family.cardinality is not None
            kept = label_or_guess(student, node, labels.get(name) if discrete else None)
            own = value if name in self.variables else kept
            guide, student = guide.fix(name, value), student.fix(name, own)
        return supervised, consistent

    def _loss(self, name: str, guide: Frame, student: Frame, value: Spread) -> tuple[Tensor, Tensor]:
        """Returns the loss of unlabelled rows, and which rows count."""
        node = self.model.graph.latents[name]
        if node.family.cardinality is None:
            return self._divergence(guide, student, node), torch.ones(
                value.rows, dtype=torch.bool, device=value.tensor.device
            )
        with torch.no_grad():
            probs = self._aligned(name, guide)
            sure, target = probs.max(-1)
            guess = Spread(node.family.value_of(target).to(probs.dtype))
        return -student.score(node, guess).tensor, sure >= self.threshold

    def _aligned(self, name: str, guide: Frame) -> Tensor:
        """Returns the averaged model's probabilities, (rows, K), and moves their running mean on."""
        node = self.model.graph.latents[name]
        parameters = {key: each.tensor for key, each in guide.parameters(node).items()}
        probs = torch.softmax(node.family.logits(parameters), -1)
        if name not in self.means:
            return probs
        self.means[name].lerp_(probs.mean(0), 1 - KEPT)
        aligned = probs * _prior(guide, name) / self.means[name].clamp_min(1e-6)
        return aligned / aligned.sum(-1, keepdim=True)

    @staticmethod
    def _divergence(guide: Frame, student: Frame, node: Node) -> Tensor:
        with torch.no_grad():
            target = {key: value.tensor for key, value in guide.parameters(node).items()}
        found = student.parameters(node)
        axes = union(found.values())
        divergence = node.family.kl(target, {key: value.align(axes) for key, value in found.items()})
        if divergence is None:
            return -student.score(node, most_probable(guide, node)).tensor
        return divergence


@torch.no_grad()
def _prior(frame: Frame, name: str) -> Tensor:
    """Returns the probabilities, (K,), that p gives a latent's values, as learned so far; nothing else decides them."""
    factor = frame.graph.factors[name]
    parameters = {key: each.tensor for key, each in frame.parameters(factor).items()}
    return torch.softmax(factor.family.logits(parameters), -1).reshape(-1)


@contextmanager
def _teaching(teacher: Model) -> Iterator[None]:
    """Puts the teacher into evaluation mode, without gradients; it may be the student itself."""
    training = teacher.training
    teacher.train(False)
    try:
        with torch.no_grad():
            yield
    finally:
        teacher.train(training)
