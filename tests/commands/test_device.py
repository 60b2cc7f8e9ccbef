"""The device that a command trains on."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.training.small import Small
from unbraid.commands import train as command
from unbraid.commands.device import devices, to_device
from unbraid.errors import OptionError
from unbraid.recipes import MNIST


def test_a_model_is_moved() -> None:
    model = Small()
    assert to_device(model, "cpu") is model


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_without_a_gpu_the_message_says_what_there_is() -> None:
    with pytest.raises(OptionError, match=r"--device cuda:7: .*\. This machine has cpu"):
        to_device(Small(), "cuda:7")


def test_gpus_are_listed_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert devices() == ["cpu", "cuda:0", "cuda:1", "mps"]


class ReachedError(Exception):
    """The device is known; no need to train."""


@pytest.mark.parametrize(
    ("began", "told", "expected"), [("cuda:1", "", "cuda:1"), ("cuda", "cpu", "cpu"), ("", "", "cpu")]
)
def test_a_run_goes_on_where_it_was_begun(
    began: str, told: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = {"job": {"recipe": "mnist"}, "settings": MNIST.settings.to_json()} | ({"device": began} if began else {})
    monkeypatch.setattr(command, "config_of", lambda out: config)
    monkeypatch.setattr(command, "model_of", lambda config, out: Small())

    def moved(model: Small, device: str) -> Small:
        raise ReachedError(device)

    monkeypatch.setattr(command, "to_device", moved)
    with pytest.raises(ReachedError, match=f"^{expected}$"):
        command.resume(Path("run"), device=told)
