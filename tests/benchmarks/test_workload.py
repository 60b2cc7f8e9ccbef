"""The counts of multiplications."""

from __future__ import annotations

from typing import get_args

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.systems.by_hand import loss_of
from benchmarks.systems.m2_by_hand import HandWrittenM2
from benchmarks.workload import Kind, Workload, batch, gflop
from tests.by_hand import HandWrittenDigits

ROWS = 4


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("kind", get_args(Kind))
@pytest.mark.parametrize("workload", get_args(Workload))
def test_what_is_counted_is_what_torch_does(workload: Workload, kind: Kind, shared: bool) -> None:
    model = (HandWrittenM2 if workload == "m2" else HandWrittenDigits)(shared=shared)
    images, digits = batch(ROWS)
    loss = loss_of(model, kind, workload, torch.from_numpy(digits), torch.Generator().manual_seed(0))
    with FlopCounterMode(display=False) as counter:
        loss(torch.from_numpy(images)).backward()
    assert counter.get_total_flops() / 1e9 == pytest.approx(gflop(workload, kind, ROWS, shared), rel=1e-9)


def test_the_figures_of_the_workload() -> None:
    """A labelled step of 100 rows: 784 x 512 twice without gradients of the input, the rest with them."""
    macs = 2 * (2 * 784 * 512) + 3 * (512 * 10 + 512 * 100 + 50 * 512 + 512 * 784)
    assert gflop("m2", "labelled", 100) == pytest.approx(2 * 100 * macs / 1e9)
