"""Terms: the named parts of the objective, and expectations of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from unbraid.graph.spread import Spread, union


@dataclass(frozen=True, slots=True)
class Terms:
    """The parts of one pass's objective, each a spread of one number a row, in nats.

    Attributes:
        values: By name: "log p(x)", "KL(style)", "log p(digit)", "log q(digit)".
        evidence: The log-probability under q of the labels that lie below latents not yet summed out; None where
            every label's ancestors are observed. It turns the expectation under q into the one given the labels.
            Under ``supervision="eq4"`` it is that of all labels.
    """

    values: Mapping[str, Spread]
    evidence: Spread | None = None

    def expect(self, log_weights: Spread, axis: int) -> Terms:
        """Takes the expectation along an axis.

        With labels below (`evidence`), the weights are self-normalised: w_k proportional to q_k * q(labels | k), which
        is exact for an enumerated variable and consistent for samples. They carry gradient: the expectation under
        q(latents | x, labels) is itself part of the objective, and only with it is the gradient the objective's. Labels
        to which q gives no chance at any value, log q = -inf, say nothing about it and leave the weights as they are.

        Args:
            log_weights: Normalised log-weights along the axis (its newest), which may vary along older ones too.
            axis: The axis that is summed out.

        Returns:
            The expected terms, without the axis.
        """
        evidence = None
        if self.evidence is not None:
            joint = add(log_weights, self.evidence)
            dim = joint.axes.index(axis)
            impossible = (joint.tensor == -torch.inf).all(dim, keepdim=True)
            likely = torch.where(impossible, log_weights.align(joint.axes), joint.tensor)
            total = torch.logsumexp(likely, dim, keepdim=True)
            chance = total.masked_fill(impossible, -torch.inf).squeeze(dim)
            evidence = Spread(chance, _without(joint.axes, axis))
            log_weights = Spread(likely - total, joint.axes)
        weights = Spread(log_weights.tensor.exp(), log_weights.axes)
        return Terms({name: _sum_out(weights, value, axis) for name, value in self.values.items()}, evidence)


def add(left: Spread, right: Spread) -> Spread:
    """Adds two spreads of one number a row."""
    axes = union((left, right))
    return Spread(left.align(axes) + right.align(axes), axes)


def multiply(left: Spread, right: Spread) -> Spread:
    """Multiplies two spreads of one number a row."""
    axes = union((left, right))
    return Spread(left.align(axes) * right.align(axes), axes)


def _without(axes: tuple[int, ...], axis: int) -> tuple[int, ...]:
    return tuple(other for other in axes if other != axis)


def _sum_out(weights: Spread, value: Spread, axis: int) -> Spread:
    """Sums weights * value along an axis; a value that does not vary along it is its own expectation."""
    if axis not in value.axes:
        return value
    axes = union((weights, value))
    weight = weights.align(axes)
    finite = value.align(axes).masked_fill(weight <= 0, 0.0)
    return Spread((weight * finite).sum(axes.index(axis)), _without(axes, axis))


@dataclass(frozen=True, slots=True)
class Term:
    """One named part of an objective.

    Attributes:
        values: Shape (m,): one number, in nats, for each row that it applies to.
        rows: Shape (m,): which rows of the batch these are; None for all, in order.
    """

    values: Tensor
    rows: Tensor | None = None


@dataclass(frozen=True, slots=True)
class Objective:
    """The objective of one batch.

    Attributes:
        loss: A scalar to minimise: minus the mean over the rows of the weighted objective, in nats a row.
        terms: The named parts, before weights: "log p(x)"; "KL(v)" for an unobserved latent v; "log p(v)" and
            "log q(v)" for an observed one.
    """

    loss: Tensor
    terms: Mapping[str, Term]
