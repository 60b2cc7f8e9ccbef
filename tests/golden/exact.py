"""Small programs, and their objectives in expectation: sums over discrete latents, quadrature over normal ones."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import product

import numpy as np
import torch
from torch import Tensor

import unbraid as ub
from tests.golden import brute
from tests.golden.programs import Factor, Latent, Program


def factor(part: str, *parents: str) -> Factor:
    return Factor(parents, part != "own", part)


LEVELS = Program(
    latents={"kind": Latent("kind", True, 4), "sort": Latent("sort", True, 3)},
    returned=("kind", "sort"),
    q={"kind": factor("encode", "x"), "sort": factor("encode", "x", "kind")},
    p={"kind": factor("own"), "sort": factor("prior", "kind"), "x": factor("decode", "kind", "sort")},
    hidden=True,
)
"""Two discrete latents, one below the other."""

STYLE = Program(
    latents={"kind": Latent("kind", True, 3), "style": Latent("style", False, 1)},
    returned=("kind", "style"),
    q={"kind": factor("encode", "x"), "style": factor("encode", "x", "kind")},
    p={"kind": factor("own"), "style": factor("prior", "kind"), "x": factor("decode", "kind", "style")},
    hidden=True,
)
"""A sampled latent below a discrete one, whose divergence is known."""

AUXILIARY = Program(
    latents={"a": Latent("a", False, 1), "kind": Latent("kind", True, 3)},
    returned=("a", "kind"),
    q={"a": factor("encode", "x"), "kind": factor("encode", "x", "a")},
    p={"kind": factor("own"), "a": factor("prior", "kind"), "x": factor("decode", "a", "kind")},
    hidden=True,
)
"""A discrete latent below a sampled one, which p has the other way round."""

COIN = Program(
    latents={"kind": Latent("kind", True, 2)},
    returned=("kind",),
    q={"kind": factor("encode", "x")},
    p={"kind": factor("own"), "x": factor("decode", "kind")},
    hidden=True,
)
"""One latent of two values."""

X = torch.tensor([1.0, 0.0, 1.0], dtype=torch.float64)


def grid(samples: int, nodes: int) -> tuple[Tensor, Tensor]:
    """Returns points (nodes ** samples, samples) and weights of the expectation over standard normal numbers."""
    points, weights = np.polynomial.hermite_e.hermegauss(nodes)
    index = torch.tensor(list(product(range(nodes), repeat=samples)))
    masses = torch.as_tensor(weights / math.sqrt(2 * math.pi))[index].prod(-1)
    return torch.as_tensor(points)[index], masses


def expected(model: ub.Model, program: Program, observed: Mapping[str, Tensor], setting: brute.Setting) -> Tensor:
    """Returns the expectation, over the noise of the one normal latent's samples, of what is maximised for the row X.

    The noise is the same for all values of an enumerated latent, which changes no expectation where they are averaged
    outside of any function of several samples.
    """
    drawn = any(not latent.discrete and name not in observed for name, latent in program.latents.items())
    points, masses = grid(setting.samples, {1: 60, 2: 32, 3: 20}[setting.samples]) if drawn else grid(1, 1)

    def noise(name: str, chosen: Mapping[str, int]) -> Tensor:
        return points[:, chosen["sample"], None]

    row = brute.row(program, brute.weights_of(model), X, observed, noise, setting)
    if setting.free_bits:  # what is free is taken from the mean over many rows
        means = {name: (masses * value).sum() for name, value in row.terms.items()}
        return brute.objective([brute.Row(means, row.log_q_labels)], setting)[0]
    value: Tensor = brute.objective([row], setting)[0]
    return (masses * value).sum()


def value_and_gradient(model: ub.Model, loss: Tensor) -> Tensor:
    """Returns a number and its derivatives by all weights as one vector."""
    parameters = list(model.parameters())
    gradients = torch.autograd.grad(loss, parameters, allow_unused=True, materialize_grads=True)
    return torch.cat([loss.detach()[None], *(gradient.flatten() for gradient in gradients)])
