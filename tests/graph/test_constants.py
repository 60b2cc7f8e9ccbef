"""Tensors that a program writes out are the model's: they move with it, and are not saved."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor

import unbraid as ub
from unbraid.graph.graph import Holder

MIX = torch.eye(4).flip(0)


class Mixed(ub.Model):
    """A program with a matrix of its own, used twice, and a mask as a keyword."""

    def encode(self, x: Any) -> Any:
        h = x @ MIX
        kept: Any = torch.where(torch.tensor([True, False, True, True]), h @ MIX, other=torch.ones(4))
        return {"style": ub.Normal(2)(kept)}

    def decode(self, style: Any) -> Any:
        return ub.Normal(4)(style)


def constants(model: ub.Model) -> list[Tensor]:
    """The tensors of the program."""
    return [module.value for module in model.modules() if isinstance(module, Holder)]


def test_a_tensor_is_kept_once_and_computes_what_it_should() -> None:
    model = Mixed()
    assert len(constants(model)) == 3
    x = torch.arange(8.0).reshape(2, 4)
    frame = model.frame(x)
    node = next(node for node in model.graph.nodes if node.name == "torch.where")
    assert torch.equal(frame[node].tensor, torch.where(torch.tensor([True, False, True, True]), x, torch.ones(4)))
    assert not any("constant" in name for name in model.state_dict())


@pytest.mark.parametrize("device", ["meta"])
def test_they_move_with_the_model(device: str) -> None:
    model = copy.deepcopy(Mixed()).to(device)
    assert {each.device.type for each in constants(model)} == {device}
    assert model.objective(torch.zeros(3, 4, device=device)).loss.device.type == device
    assert MIX.device.type == "cpu"


def test_they_take_the_precision_of_the_model() -> None:
    model = Mixed().double()
    loss = model.objective(torch.zeros(3, 4, dtype=torch.float64), generator=torch.Generator().manual_seed(0)).loss
    assert loss.dtype == torch.float64
