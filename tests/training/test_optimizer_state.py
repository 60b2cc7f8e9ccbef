"""An optimiser that is taken apart and put together goes on exactly."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import LBFGS, SGD, Adam, AdamW, Optimizer, RMSprop

from unbraid.errors import RunError
from unbraid.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from unbraid.training.optimizer_state import flatten_optimizer, restore_optimizer

Maker = Callable[[nn.Module], Optimizer]

OPTIMISERS: dict[str, Maker] = {
    "adam": lambda model: Adam(model.parameters(), lr=0.01, betas=(0.8, 0.95)),
    "fused adam": lambda model: Adam(model.parameters(), lr=0.01, fused=True),
    "amsgrad": lambda model: Adam(model.parameters(), lr=0.01, amsgrad=True),
    "groups": lambda model: AdamW(
        [{"params": [each], "lr": 0.01 * index} for index, each in enumerate(model.parameters(), 1)]
    ),
    "tensor rate": lambda model: Adam(model.parameters(), lr=torch.tensor(0.01), fused=True),
    "momentum": lambda model: SGD(model.parameters(), lr=0.01, momentum=0.9),
    "no state": lambda model: SGD(model.parameters(), lr=0.01),
    "rmsprop": lambda model: RMSprop(model.parameters(), lr=0.01, centered=True),
}


def model_of(seed: int = 0, hidden: int = 3) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(2, hidden), nn.Tanh(), nn.Linear(hidden, 1))


def steps(model: nn.Module, optimizer: Optimizer, first: int, last: int) -> None:
    """Takes some steps, each on its own data; the learning rate falls."""
    for number in range(first, last):
        x = torch.rand(5, 2, generator=torch.Generator().manual_seed(number))
        optimizer.zero_grad()
        model(x).square().mean().backward()
        optimizer.step()
        if isinstance(optimizer.param_groups[0]["lr"], float):
            optimizer.param_groups[0]["lr"] *= 0.9


@pytest.mark.parametrize("name", OPTIMISERS)
def test_a_restored_optimiser_goes_on_exactly(name: str, tmp_path: Path) -> None:
    make, path = OPTIMISERS[name], tmp_path / "checkpoint.safetensors"
    model = model_of()
    optimizer = make(model)
    steps(model, optimizer, 0, 3)
    tensors, values = flatten_optimizer(optimizer)
    save_checkpoint(path, Checkpoint(tensors, {"optimizer": values}))
    weights = {key: each.clone() for key, each in model.state_dict().items()}
    steps(model, optimizer, 3, 6)

    other = model_of(seed=1)
    other.load_state_dict(weights)
    resumed = make(other)
    loaded = load_checkpoint(path)
    restore_optimizer(resumed, loaded.tensors, loaded.state["optimizer"])
    steps(other, resumed, 3, 6)
    for here, there in zip(model.parameters(), other.parameters(), strict=True):
        assert torch.equal(here, there)
    assert flatten_optimizer(resumed)[1] == flatten_optimizer(optimizer)[1]


def test_a_state_before_the_first_step_is_restored() -> None:
    tensors, values = flatten_optimizer(OPTIMISERS["fused adam"](model_of()))
    assert tensors == {}
    optimizer = OPTIMISERS["fused adam"](model_of())
    restore_optimizer(optimizer, tensors, values)
    assert optimizer.state_dict()["state"] == {}
    assert optimizer.param_groups[0]["betas"] == (0.9, 0.999)


def test_what_is_restored_is_a_copy() -> None:
    model = model_of()
    optimizer = OPTIMISERS["adam"](model)
    steps(model, optimizer, 0, 1)
    tensors, values = flatten_optimizer(optimizer)
    kept = {name: each.clone() for name, each in tensors.items()}
    other = model_of()
    resumed = OPTIMISERS["adam"](other)
    restore_optimizer(resumed, kept, values)
    before = {name: each.clone() for name, each in kept.items()}
    steps(other, resumed, 1, 3)
    assert all(torch.equal(kept[name], before[name]) for name in kept)


def test_lists_of_tensors_are_kept() -> None:
    model = model_of()
    optimizer = LBFGS(model.parameters(), max_iter=3)
    x = torch.rand(5, 2)

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        value: torch.Tensor = model(x).square().mean()
        value.backward()
        return value

    optimizer.step(loss)
    tensors, values = flatten_optimizer(optimizer)
    resumed = LBFGS(model_of().parameters(), max_iter=3)
    restore_optimizer(resumed, tensors, json.loads(json.dumps(values)))
    again = resumed.state_dict()["state"][0]["old_dirs"]
    assert [torch.equal(*each) for each in zip(again, optimizer.state_dict()["state"][0]["old_dirs"], strict=True)]


def stepped(name: str = "adam", hidden: int = 3) -> Optimizer:
    model = model_of(hidden=hidden)
    optimizer = OPTIMISERS[name](model)
    steps(model, optimizer, 0, 1)
    return optimizer


def test_the_state_of_another_optimiser_or_model_is_refused() -> None:
    tensors, values = flatten_optimizer(stepped())
    with pytest.raises(RunError, match="has the state of Adam, but the optimiser here is SGD"):
        restore_optimizer(stepped("momentum"), tensors, values)
    with pytest.raises(
        RunError, match=r"does not fit the model here: 'exp_avg' of parameter 0 is \(3, 2\), not \(4, 2\)"
    ):
        restore_optimizer(stepped(hidden=4), tensors, values)
    with pytest.raises(RunError, match=r"does not fit the model here: .*size of optimizer's group"):
        restore_optimizer(Adam([nn.Parameter(torch.zeros(3, 2))]), tensors, values)
    lacking = {name: each for name, each in tensors.items() if name != "state.1.exp_avg"}
    with pytest.raises(RunError, match=r"incomplete: it lacks 'state\.1\.exp_avg'"):
        restore_optimizer(stepped(), lacking, values)
    restore_optimizer(stepped(), tensors, values)


def test_what_a_checkpoint_cannot_hold_is_named() -> None:
    optimizer = stepped()
    strange: Any = {1, 2}
    optimizer.param_groups[0]["tags"] = strange
    with pytest.raises(RunError, match=r"'group\.0\.tags' is a set"):
        flatten_optimizer(optimizer)
    optimizer.param_groups[0]["tags"] = [1, 2]
    assert flatten_optimizer(optimizer)[1]["groups"][0]["tags"] == [1, 2]


def test_weights_that_lie_channels_last_go_on_exactly() -> None:
    """Fused Adam reads weights, gradients and averages in the order in which they lie in memory."""

    def of(seed: int) -> tuple[nn.Conv2d, Adam]:
        torch.manual_seed(seed)
        model = nn.Conv2d(3, 4, 3)
        model.weight.data = model.weight.data.contiguous(memory_format=torch.channels_last)
        return model, Adam(model.parameters(), lr=0.01, fused=True)

    def go(model: nn.Conv2d, optimizer: Adam, first: int, last: int) -> None:
        for number in range(first, last):
            x = torch.rand(2, 3, 5, 5, generator=torch.Generator().manual_seed(number))
            optimizer.zero_grad()
            model(x).square().mean().backward()
            optimizer.step()

    model, optimizer = of(0)
    go(model, optimizer, 0, 3)
    tensors, values = flatten_optimizer(optimizer)
    kept = {key: each.clone(memory_format=torch.contiguous_format) for key, each in tensors.items()}
    other, another = of(1)
    other.load_state_dict(model.state_dict())
    restore_optimizer(another, kept, values)
    go(model, optimizer, 3, 6)
    go(other, another, 3, 6)
    torch.testing.assert_close(other.weight, model.weight, rtol=0, atol=0)
