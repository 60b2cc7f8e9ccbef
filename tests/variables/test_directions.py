"""Directions and angles: the power spherical distribution."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from scipy.integrate import quad

import unbraid as ub
from unbraid.errors import DataError
from unbraid.variables.constraint import Unit
from unbraid.variables.power_spherical import PowerSpherical


def surface(dimensions: int) -> float:
    """Returns the surface of the unit sphere in so many dimensions; the two points of a line count 1 each."""
    return float(2 * math.pi ** (dimensions / 2) / math.gamma(dimensions / 2))


def distribution(dimensions: int, concentration: float) -> PowerSpherical:
    loc = torch.nn.functional.normalize(torch.arange(1.0, dimensions + 1, dtype=torch.float64), dim=0)
    return PowerSpherical(loc, torch.tensor(concentration, dtype=torch.float64))


@pytest.mark.parametrize("dimensions", [2, 3, 5, 16])
@pytest.mark.parametrize("concentration", [0.0, 0.7, 12.0])
def test_normaliser_and_entropy_are_those_of_integrals(dimensions: int, concentration: float) -> None:
    """At an angle a from the mean the sphere's ring has the surface S_{d-1} sin(a)^(d-2)."""
    made = distribution(dimensions, concentration)
    constant = float(made.log_normaliser())

    def log_density(angle: float) -> float:
        return concentration * math.log1p(math.cos(angle)) - constant

    def integral(of: Any) -> float:
        ring = surface(dimensions - 1)
        return float(quad(lambda a: ring * math.sin(a) ** (dimensions - 2) * of(a), 0, math.pi, limit=200)[0])

    assert integral(lambda a: math.exp(log_density(a))) == pytest.approx(1, abs=1e-7)
    entropy = -integral(lambda a: math.exp(log_density(a)) * log_density(a))
    assert float(made.entropy()) == pytest.approx(entropy, abs=1e-7)
    along = integral(lambda a: math.exp(log_density(a)) * math.cos(a))
    torch.testing.assert_close(made.mean, made.loc * along, rtol=0, atol=1e-7)
    assert float(made.kl_from_uniform()) == pytest.approx(math.log(surface(dimensions)) - entropy, abs=1e-7)


@pytest.mark.parametrize("concentration", [0.0, 3.0, 1e4])
def test_draws_are_unit_vectors_in_single_precision(concentration: float) -> None:
    q = {
        "loc": torch.nn.functional.normalize(torch.randn(50, 3), dim=-1).requires_grad_(),
        "concentration": torch.full((50,), concentration, requires_grad=True),
    }
    family = ub.Direction(3)
    drawn = family.draw(q, (4, 50), torch.Generator().manual_seed(0))
    assert drawn.shape == (4, 50, 3)
    torch.testing.assert_close(drawn.norm(dim=-1), torch.ones(4, 50))
    drawn.sum().backward()
    assert all(torch.isfinite(value.grad).all() for value in q.values())  # type: ignore[arg-type]
    assert torch.isfinite(family.log_prob(q, -q["loc"])).all()  # the opposite direction, of density 0


def test_raw_vectors_become_directions_and_zero_the_first_axis() -> None:
    raw = torch.tensor([[3.0, 4.0], [0.0, 0.0]], requires_grad=True)
    found = Unit()(raw)
    torch.testing.assert_close(found, torch.tensor([[0.6, 0.8], [1.0, 0.0]]))
    found[:, 1].sum().backward()
    assert torch.isfinite(raw.grad).all()  # type: ignore[arg-type]


def test_angles_are_labels_and_children_see_the_circle() -> None:
    family = ub.Angle()
    assert (family.label_shape, family.event_shape, str(family)) == ((), (2,), "Angle()")
    angles = torch.tensor([0.5, -2.0, math.pi / 2 + 4 * math.pi])
    value = family.value_of(angles)
    torch.testing.assert_close(value.norm(dim=-1), torch.ones(3))
    torch.testing.assert_close(family.label_of(value), torch.tensor([0.5, -2.0, math.pi / 2]))


def test_differences_of_angles_are_at_most_half_a_turn() -> None:
    predicted, label = torch.tensor([3.0, 0.5, 0.5, torch.nan]), torch.tensor([-3.0, 0.25, 0.5 + 4 * math.pi, 1.0])
    found = ub.Angle().difference(predicted, label)
    torch.testing.assert_close(found, torch.tensor([6 - 2 * math.pi, 0.25, 0.0, torch.nan]), equal_nan=True)
    torch.testing.assert_close(ub.Direction(2).difference(torch.eye(2)[0], torch.eye(2)[1]), torch.tensor([1.0, -1.0]))


def test_own_priors_are_uniform() -> None:
    for family, log_density in ((ub.Direction(3), -math.log(4 * math.pi)), (ub.Angle(), -math.log(2 * math.pi))):
        prior = {name: value[None] for name, value in family.prior.items()}  # type: ignore[index]
        points = torch.nn.functional.normalize(torch.randn(5, *family.event_shape), dim=-1)
        torch.testing.assert_close(family.log_prob(prior, points), torch.full((5,), log_density))


def test_labels_are_unit_vectors() -> None:
    family = ub.Direction(3)
    labels = torch.tensor([[0.0, 0.6, 0.8], [torch.nan] * 3, [0.0, 0.0, 1.0]])
    family.check_labels("light", labels)
    labels[2] = 1.0
    with pytest.raises(
        DataError, match=r"the label of 'light' in row 2 is \[1.0, 1.0, 1.0\]: light is Direction\(3\), a unit"
    ):
        family.check_labels("light", labels)
    ub.Angle().check_labels("turn", torch.tensor([100.0, torch.nan]))
    with pytest.raises(
        DataError, match=r"the label of 'turn' in row 0 is inf: turn is Angle\(\), its values are finite"
    ):
        ub.Angle().check_labels("turn", torch.tensor([torch.inf]))


def test_a_direction_is_learned_from_labels() -> None:
    """Its regressor finds the direction that a row's data point in."""

    class Lamp(ub.Model):
        def encode(self, x: Any) -> Any:
            return {"light": ub.Direction(3)(x)}

        def decode(self, light: Any) -> Any:
            return ub.Normal(3)(light, scale=0.1)

    x = torch.nn.functional.normalize(torch.randn(64, 3, generator=torch.Generator().manual_seed(0)), dim=-1)
    model = Lamp()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    for _ in range(60):
        optimizer.zero_grad()
        model.objective(x, {"light": x}).loss.backward()
        optimizer.step()
    assert ((model.predict(x)["light"] * x).sum(-1) > 0.99).all()
