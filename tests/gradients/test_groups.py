"""Every parameter belongs to one group."""

from __future__ import annotations

import pytest

import unbraid as ub
from tests.models import REGISTRY, Digits
from unbraid.gradients.groups import parameter_groups


@pytest.mark.parametrize("kind", REGISTRY.values(), ids=REGISTRY)
def test_the_groups_are_a_partition(kind: type[ub.Model]) -> None:
    model = kind()
    discrete = [name for name, family in model.latents.items() if family.n_values is not None]
    groups = parameter_groups(model.graph, model.parts, discrete)
    found = [parameter for group in groups.values() for parameter in group]
    assert len({id(parameter) for parameter in found}) == len(found)
    assert {id(parameter) for parameter in found} == {id(parameter) for parameter in model.parameters()}
    assert list(groups)[-1] == "p"


def test_a_shared_network_goes_to_the_discrete_latent() -> None:
    model = Digits(hidden=12, style_size=3)
    groups = parameter_groups(model.graph, model.parts, ["digit"])
    sizes = {name: sum(parameter.numel() for parameter in group) for name, group in groups.items()}
    assert sizes == {
        "q(digit)": (16 + 1) * 12 + (12 + 1) * 4,
        "rest of q": (4 + 12 + 1) * 6,
        "p": (4 + 3 + 1) * 12 + (12 + 1) * 16,
    }


def test_frozen_parameters_are_left_out() -> None:
    model = Digits().requires_grad_(False)
    assert parameter_groups(model.graph, model.parts, ["digit"]) == {}
