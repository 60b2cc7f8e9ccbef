"""Dropout: a share of the units, in training only."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from unbraid.nn.dropout import Dropout, dropped


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_share_is_dropped_and_the_mean_stays(share: float) -> None:
    torch.manual_seed(0)
    left = dropped(torch.ones(400, 500), share)
    assert left.unique().tolist() == pytest.approx([0, 1 / (1 - share)])
    kept = float((left > 0).double().mean())
    assert abs(kept - (1 - share)) < 5 * (share * (1 - share) / left.numel()) ** 0.5 + 2**-16


def test_gradients_pass_through_what_is_kept() -> None:
    units = torch.ones(50, requires_grad=True)
    left = dropped(units, 0.5)
    left.sum().backward()
    assert units.grad is not None
    assert torch.equal(units.grad, left.detach())


def test_evaluation_leaves_units_alone() -> None:
    layer, units = Dropout(0.5), torch.ones(50)
    assert layer.eval()(units) is units
    assert not torch.equal(layer.train()(units), units)


def test_torchs_global_generator_decides() -> None:
    units = torch.ones(50)
    torch.manual_seed(1)
    first = dropped(units, 0.5)
    assert not torch.equal(dropped(units, 0.5), first)
    torch.manual_seed(1)
    assert torch.equal(dropped(units, 0.5), first)


def test_half_precision_stays_half_precision() -> None:
    assert dropped(torch.ones(50, dtype=torch.bfloat16), 0.5).dtype == torch.bfloat16


def test_it_drops_as_torchs_own_does() -> None:
    torch.manual_seed(0)
    units = torch.rand(300, 300)
    assert float(dropped(units, 0.3).std()) == pytest.approx(float(functional.dropout(units, 0.3).std()), rel=0.02)
