"""Averaged parameters follow the formula, leave the model alone, and come back from a checkpoint."""

from pathlib import Path

import pytest
import torch
from torch import nn

from unbraid.errors import OptionError, RunError
from unbraid.training.averaging import Average
from unbraid.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint

NAMES = {"model_in_file": "Digits", "model_here": "Digits"}


def model_of(hidden: int = 3) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(2, hidden), nn.BatchNorm1d(hidden), nn.Linear(hidden, 1)).double()


def move(model: nn.Module, number: int) -> None:
    """Changes the parameters and buffers, as a step of training would."""
    generator = torch.Generator().manual_seed(number)
    with torch.no_grad():
        for each in model.parameters():
            each.add_(torch.randn(each.shape, generator=generator, dtype=each.dtype))
    model(torch.rand(5, 2, generator=generator, dtype=torch.float64))


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.999])
def test_the_average_is_the_formula(decay: float) -> None:
    model = model_of()
    average = Average(model, decay)
    expected = [each.detach().clone() for each in model.parameters()]
    for step in range(30):
        move(model, step)
        average.update()
        kept = min(decay, (1 + step) / (10 + step))
        expected = [
            kept * old + (1 - kept) * new.detach() for old, new in zip(expected, model.parameters(), strict=True)
        ]
    assert average.updates == 30
    for here, there in zip(average.tensors().values(), expected, strict=True):
        torch.testing.assert_close(here, there, rtol=1e-12, atol=1e-12)


def test_the_averaged_model_has_the_average_and_the_buffers_of_the_model() -> None:
    model = model_of()
    average = Average(model)
    move(model, 0)
    before = {name: each.clone() for name, each in model.state_dict().items()}
    average.update()
    assert all(torch.equal(each, before[name]) for name, each in model.state_dict().items())
    for (name, here), there in zip(average.model.state_dict().items(), model.state_dict().values(), strict=True):
        assert here.data_ptr() != there.data_ptr()
        assert torch.equal(here, average.tensors().get(name, there))
    assert not average.model.training
    assert not any(each.requires_grad for each in average.model.parameters())


def test_tied_and_frozen_parameters_are_averaged_once() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    model[1].weight = model[0].weight
    model[0].bias.requires_grad_(False)
    average = Average(model, decay=0.5)
    assert list(average.tensors()) == ["0.weight", "0.bias", "1.bias"]
    average.update()
    assert average.model[1].weight is average.model[0].weight


def test_a_restored_average_goes_on_exactly(tmp_path: Path) -> None:
    model = model_of()
    average = Average(model)
    for step in range(3):
        move(model, step)
        average.update()
    path = tmp_path / "checkpoint.safetensors"
    save_checkpoint(path, Checkpoint(average.tensors(), {"updates": average.updates}))
    loaded = load_checkpoint(path)
    resumed = Average(model)
    for each in resumed.model.buffers():
        each.zero_()  # as those of a model that was just built
    resumed.restore(loaded.tensors, loaded.state["updates"], path=path, **NAMES)
    assert all(map(torch.equal, resumed.model.buffers(), model.buffers()))
    move(model, 3)
    average.update()
    resumed.update()
    for name, each in average.tensors().items():
        assert torch.equal(each, resumed.tensors()[name])
    with pytest.raises(
        RunError, match=r"of another model.*0\.weight \(float64 \(3, 2\) there, float64 \(4, 2\) here\)"
    ):
        Average(model_of(hidden=4)).restore(loaded.tensors, 3, path=path, **NAMES)


@pytest.mark.parametrize("decay", [-0.1, 1.0, float("nan")])
def test_a_decay_out_of_range_is_refused(decay: float) -> None:
    with pytest.raises(OptionError, match="at least 0 and below 1"):
        Average(model_of(), decay)
    Average(model_of(), 0.9)


def test_a_model_without_parameters_has_an_average() -> None:
    average = Average(nn.Identity())
    average.update()
    assert average.tensors() == {}
