"""Draws: their seeds, and gradients through them against those of the expectation, which is integrated numerically."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

import unbraid as ub
from tests.variables.test_families import FAMILIES, parameters_of
from unbraid.variables.seeded import seeded

EVERY = pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES.keys())
DRAWS = 200_000


def grid_of(family: ub.Family) -> tuple[Tensor, Tensor]:
    """Returns points of the support (n, *event) of one number or direction, and their volumes (n,)."""
    middles = (torch.arange(4000, dtype=torch.float64) + 0.5) / 4000
    match family.support:
        case "real":
            return (80 * middles - 40)[:, None], torch.full((4000,), 80 / 4000, dtype=torch.float64)
        case "positive":
            values = (24 * middles - 18).exp()
            return values[:, None], values * 24 / 4000
        case "unit":
            values = torch.sigmoid(64 * middles - 32)
            return values[:, None], values * (1 - values) * 64 / 4000
        case _ if family.event_shape == (2,):
            turn = 2 * math.pi * middles
            return torch.stack([turn.cos(), turn.sin()], -1), torch.full(
                (4000,), 2 * math.pi / 4000, dtype=torch.float64
            )
        case _:
            return sphere()


def sphere() -> tuple[Tensor, Tensor]:
    """Returns points all over the sphere in three dimensions and the surface that each stands for."""
    height = (torch.arange(200, dtype=torch.float64) + 0.5) / 100 - 1
    turn = 2 * math.pi * (torch.arange(200, dtype=torch.float64) + 0.5) / 200
    z, phi = (each.flatten() for each in torch.meshgrid(height, turn, indexing="ij"))
    flat = (1 - z * z).sqrt()
    return torch.stack([flat * phi.cos(), flat * phi.sin(), z], -1), torch.full(
        (40_000,), 4 * math.pi / 40_000, dtype=torch.float64
    )


ONE = {
    "Normal": ub.Normal(1),
    "ContinuousBernoulli": ub.ContinuousBernoulli(1),
    "LogNormal": ub.LogNormal(1),
    "Beta": ub.Beta(1),
    "Gamma": ub.Gamma(1),
    "Direction": ub.Direction(3),
    "Angle": ub.Angle(),
    "Laplace": ub.from_torch(torch.distributions.Laplace, 1, loc=0.0, scale=1.0),
}
SINGLE = pytest.mark.parametrize("family", ONE.values(), ids=ONE.keys())


def observed(value: Tensor) -> Tensor:
    """A function of values (n, *event) that is not odd or even in anything."""
    weights = torch.arange(1, value.shape[-1] + 1, dtype=value.dtype)
    return torch.sin((value * weights).sum(-1) + 0.3)


@SINGLE
def test_densities_integrate_to_one(family: ub.Family) -> None:
    points, volumes = grid_of(family)
    for seed in range(3):
        mass = family.log_prob(parameters_of(family, 1, seed), points).exp() @ volumes
        torch.testing.assert_close(mass, torch.ones((), dtype=torch.float64), rtol=0, atol=3e-3)


@SINGLE
def test_draws_follow_the_density_and_carry_its_gradient(family: ub.Family) -> None:
    """Value and gradient of an expectation, each draw's by itself, within five standard errors."""
    points, volumes = grid_of(family)
    raw = {
        name: torch.randn(
            1, *family.parameter_shape(name), dtype=torch.float64, generator=torch.Generator().manual_seed(7)
        )
        for name in family.constraints
    }
    leaves = {name: value.clone().requires_grad_() for name, value in raw.items()}
    q = {name: family.constraints[name](leaf) for name, leaf in leaves.items()}
    expected = (family.log_prob(q, points).exp() * observed(points)) @ volumes
    truth = torch.autograd.grad(expected, list(leaves.values()))

    many = {name: value.expand(DRAWS, *value.shape[1:]).clone().requires_grad_() for name, value in raw.items()}
    parameters = {name: family.constraints[name](leaf) for name, leaf in many.items()}
    found = observed(family.draw(parameters, (DRAWS,), torch.Generator().manual_seed(0)))
    gradients = torch.autograd.grad(found.sum(), list(many.values()))
    within(found, expected.detach())
    for gradient, true in zip(gradients, truth, strict=True):
        within(gradient, true[0])


def within(draws: Tensor, truth: Tensor) -> None:
    error = draws.std(0) / DRAWS**0.5
    assert ((draws.mean(0) - truth).abs() <= 5 * error + 1e-3 * truth.abs() + 1e-4).all()


@EVERY
def test_divergences_are_those_of_draws(family: ub.Family) -> None:
    q, p = parameters_of(family, 1, seed=4), parameters_of(family, 1, seed=5)
    if isinstance(family, ub.Direction):
        p["concentration"] = torch.zeros_like(p["concentration"])
    divergence = family.kl(q, p)
    if divergence is None:
        assert isinstance(family, ub.Mixture)
        return
    value = family.draw(q, (DRAWS // 4,), torch.Generator().manual_seed(0))
    ratio = family.log_prob(q, value) - family.log_prob(p, value)
    assert ((ratio.mean(0) - divergence).abs() <= 5 * ratio.std(0) / (DRAWS // 4) ** 0.5 + 1e-9).all()


@EVERY
def test_a_generator_fixes_the_draws_and_the_global_one_is_left_alone(family: ub.Family) -> None:
    q = parameters_of(family, 3)
    before = torch.get_rng_state()
    generator = torch.Generator().manual_seed(1)
    first, second = family.draw(q, (3,), generator), family.draw(q, (3,), generator)
    again = family.draw(q, (3,), torch.Generator().manual_seed(1))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first, again)
    assert family.discrete or not torch.equal(first, second)
    torch.manual_seed(0)
    with_global = family.draw(q, (3,), None)
    torch.manual_seed(0)
    assert torch.equal(family.draw(q, (3,), None), with_global)


def test_seeds_are_taken_one_after_the_other() -> None:
    generator = torch.Generator().manual_seed(0)
    draws = []
    for _ in range(2):
        with seeded(generator, torch.device("cpu")):
            draws.append(torch.rand(3))
    assert not torch.equal(*draws)
