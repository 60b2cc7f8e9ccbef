"""Objectives of two small models by brute force: loops over the joint values of the discrete latents.

Shares no code with unbraid: it reads a model's weights by name, and nothing else of it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import product

import numpy as np
import torch
from torch import Tensor

Weights = Mapping[str, Tensor]
Labels = Mapping[str, Tensor]


def weights_of(model: torch.nn.Module) -> dict[str, Tensor]:
    """Returns the parameters under short names: ``encode_dense_0.weight``."""
    return {name.removeprefix("parts."): parameter for name, parameter in model.named_parameters()}


def linear(w: Weights, name: str, *parents: Tensor) -> Tensor:
    """Returns W [v_1, ..., v_n] + b of a layer."""
    return w[f"{name}.weight"] @ torch.cat(parents) + w[f"{name}.bias"]


def log_softmax(logits: Tensor) -> Tensor:
    return logits - torch.logsumexp(logits, 0)


def scale_of(raw: Tensor) -> Tensor:
    return torch.log1p(torch.exp(raw)) + 1e-3


def log_normal(value: Tensor, loc: Tensor, scale: Tensor) -> Tensor:
    return (-0.5 * ((value - loc) / scale) ** 2 - torch.log(scale) - 0.5 * math.log(2 * math.pi)).sum()


def normal_divergence(loc: Tensor, scale: Tensor, prior_loc: Tensor, prior_scale: Tensor) -> Tensor:
    squares = (scale / prior_scale) ** 2 + ((loc - prior_loc) / prior_scale) ** 2
    return (0.5 * (squares - 1) - torch.log(scale / prior_scale)).sum()


def log_bernoulli(pixels: Tensor, logits: Tensor) -> Tensor:
    return (pixels * logits - torch.log1p(torch.exp(logits))).sum()


def hot(value: int, size: int) -> Tensor:
    return torch.tensor([float(i == value) for i in range(size)], dtype=torch.float64)


def hermite(nodes: int, dimensions: int) -> tuple[Tensor, Tensor]:
    """Returns nodes (n, dimensions) and weights (n,) of the expectation over a standard normal."""
    points, weights = np.polynomial.hermite_e.hermegauss(nodes)
    weights = weights / weights.sum()
    grid = list(product(range(nodes), repeat=dimensions))
    joint = [math.prod(weights[i] for i in index) for index in grid]
    return torch.tensor([[points[i] for i in index] for index in grid]), torch.tensor(joint)


# TwoDiscrete: q(kind | x) q(sort | x, kind) q(style | x, sort)
# and p(kind) p(sort) p(style | kind) p(x | kind, sort, style)


def two_discrete(w: Weights, x: Tensor, labels: Labels, noise: Tensor, alpha: float) -> Tensor:
    """Returns the objective of one row, kind and sort summed out where they are not labelled.

    Args:
        w: The weights.
        x: One row of pixels.
        labels: The labels of this row: kind and sort as numbers, style as two numbers; without what is not labelled.
        noise: The noise of style for each value of sort, shape (2, 2).
        alpha: The weight of log q of labels.
    """
    kinds = [int(labels["kind"])] if "kind" in labels else [0, 1, 2]
    sorts = [int(labels["sort"])] if "sort" in labels else [0, 1]
    log_weights, values = [], []
    for kind, sort in product(kinds, sorts):
        k, s = hot(kind, 3), hot(sort, 2)
        log_weight, value = two_discrete_at(w, x, labels, noise[sort], alpha, k, s)
        log_weights.append(log_weight)
        values.append(value)
    return (torch.softmax(torch.stack(log_weights), 0) * torch.stack(values)).sum()


def two_discrete_plug_in(w: Weights, x: Tensor, labels: Labels, noise: Tensor, alpha: float) -> Tensor:
    """Returns the objective of one row whose unlabelled discrete latents are their probabilities; noise: (2,)."""
    k = torch.exp(log_softmax(linear(w, "encode_dense_0", x)))
    if "kind" in labels:
        k = hot(int(labels["kind"]), 3)
    s = torch.exp(log_softmax(linear(w, "encode_dense_1", x, k)))
    if "sort" in labels:
        s = hot(int(labels["sort"]), 2)
    return two_discrete_at(w, x, labels, noise, alpha, k, s)[1]


def two_discrete_at(
    w: Weights, x: Tensor, labels: Labels, noise: Tensor, alpha: float, k: Tensor, s: Tensor
) -> tuple[Tensor, Tensor]:
    """Returns log q of kind, sort and a labelled style, and the bracket of the objective, for one value of each."""
    log_q_kind = k @ log_softmax(linear(w, "encode_dense_0", x))
    log_q_sort = s @ log_softmax(linear(w, "encode_dense_1", x, k))
    flat, flat_prior = linear(w, "encode_dense_2", x, s), linear(w, "prior_dense_0", k)
    loc, scale = flat[:2], scale_of(flat[2:])
    prior_loc, prior_scale = flat_prior[:2], scale_of(flat_prior[2:])
    log_weight = log_q_kind + log_q_sort
    value = -math.log(3) - math.log(2) + (alpha if "kind" in labels else -1) * log_q_kind
    value = value + (alpha if "sort" in labels else -1) * log_q_sort
    if "style" in labels:
        style = labels["style"]
        log_q_style = log_normal(style, loc, scale)
        log_weight = log_weight + log_q_style
        value = value + log_normal(style, prior_loc, prior_scale) + alpha * log_q_style
    else:
        style = loc + scale * noise
        value = value - normal_divergence(loc, scale, prior_loc, prior_scale)
    hidden = torch.relu(linear(w, "decode_dense_0", k, s, style))
    return log_weight, value + log_bernoulli(x, linear(w, "decode_dense_1", hidden))


# Below: q(a | x) q(kind | x, a) q(sort | x, a, kind); p(a) p(kind) p(sort) p(x | a, kind, sort)


def below(w: Weights, x: Tensor, sort: int, alpha: float, nodes: int = 40) -> Tensor:
    """Returns the objective of one row whose sort is labelled: a is integrated out by quadrature, kind summed out."""
    points, masses = hermite(nodes, 1)
    log_weights, values = [], []
    flat = linear(w, "encode_dense_0", x)
    loc, scale = flat[:1], scale_of(flat[1:])
    s = hot(sort, 3)
    for point, mass in zip(points, masses, strict=True):
        a = loc + scale * point
        log_q_kinds = log_softmax(linear(w, "encode_dense_1", x, a))
        for kind in (0, 1):
            k = hot(kind, 2)
            log_q_sort = log_softmax(linear(w, "encode_dense_2", x, a, k))[sort]
            log_weights.append(torch.log(mass) + log_q_kinds[kind] + log_q_sort)
            value = log_bernoulli(x, linear(w, "decode_dense_0", a, k, s))
            value = value + log_normal(a, torch.zeros(1), torch.ones(1)) - log_normal(a, loc, scale)
            value = value - math.log(2) - log_q_kinds[kind] - math.log(3)
            values.append(value + alpha * log_q_sort)
    return (torch.softmax(torch.stack(log_weights), 0) * torch.stack(values)).sum()
