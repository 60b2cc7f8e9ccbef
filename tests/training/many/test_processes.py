"""Runs in processes of their own."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch

import unbraid as ub
from tests.training.many.small import SEEDS, TESTED, alone, train
from tests.training.small import Small, files_of, same_end
from unbraid.errors import OptionError, RunError, TrainingError
from unbraid.training.many.processes import can_fork

pytestmark = pytest.mark.skipif(not can_fork(), reason="processes are copies of this one")


def test_each_is_the_run_of_fit_bit_for_bit(tmp_path: Path) -> None:
    runs = train(how="processes", test=TESTED, out=tmp_path, average=0.9)
    assert (runs.how, runs.seeds) == ("processes", SEEDS)
    for run in runs:
        single = alone(run.settings.seed, test=TESTED, out=tmp_path / "single", overwrite=True, average=0.9)
        assert same_end(run, single)
        assert (run.test, run.folder) == (single.test, tmp_path / f"seed-{run.settings.seed}")
        assert files_of(tmp_path / f"seed-{run.settings.seed}") == files_of(tmp_path / "single")
        assert not run.model.training
        assert [each.requires_grad for each in run.model.parameters()] == [True] * len(list(run.model.parameters()))


class Killed(torch.nn.Module):
    """Kills the process of one run, where it is a copy."""

    def __init__(self, process: int) -> None:
        super().__init__()
        self.process = process

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        if rows.shape[0] > 1 and os.getpid() != self.process and self.training:
            os.kill(os.getpid(), signal.SIGKILL)
        return rows


class Mortal(ub.Model):
    """Dies in training if it is told to."""

    dies: bool = False

    def encode(self, x: Any) -> Any:
        h = ub.mlp(4)(x)
        return {"digit": ub.Categorical(10)(ub.module(Killed(os.getpid()))(h) if self.dies else h)}

    def decode(self, digit: Any) -> Any:
        return ub.Bernoulli(1, 28, 28)(digit)


def test_a_process_that_is_killed_is_reported_and_the_others_go_on() -> None:
    runs = train(lambda seed: Mortal(dies=seed == 3, seed=seed).double(), how="processes", epochs=1)
    assert runs.seeds == (0, 4)
    with pytest.raises(RunError, match="the process of seed 3 ended with code -9 before its training did"):
        raise runs.failed[3]


def test_a_loss_that_is_not_finite_is_reported() -> None:
    runs = train(how="processes", settings_of=lambda seed: {"learning_rate": 1e300 if seed == 3 else 1e-3}, epochs=1)
    assert runs.seeds == (0, 4)
    with pytest.raises(TrainingError, match="the loss is nan in epoch 1, step 2"):
        raise runs.failed[3]


def test_what_fit_refuses_is_raised(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="choose='best' needs rows to choose on"):
        train(how="processes", choose="best", epochs=1)
    assert len(train(how="processes", choose="best", holdout=0.5, epochs=1)) == 3


def test_it_needs_a_system_that_can_copy_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    import unbraid.training.many.choice as module

    monkeypatch.setattr(module, "can_fork", lambda: False)
    with pytest.raises(OptionError, match="how='processes' copies this process, which needs a system with fork"):
        train(how="processes")
    assert train(Small, how="auto", epochs=1).how == "batched"
