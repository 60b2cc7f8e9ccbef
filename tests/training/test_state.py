"""The state of a training goes into a checkpoint and comes back whole."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.training.small import Small, same, weights
from unbraid.errors import RunError
from unbraid.training.checkpoint import load_checkpoint, save_checkpoint
from unbraid.training.settings import Settings
from unbraid.training.state import TrainingState, load_weights

SETTINGS = Settings(average=0.9, consistency=1.0, choose="best")


def trained(model: Small, settings: Settings = SETTINGS) -> TrainingState:
    """A state in which everything has moved from its start."""
    state = TrainingState.start(model, settings, ("digit",) if settings.consistency else ())
    for each in model.parameters():
        each.grad = torch.ones_like(each)
    state.optimizer.step()
    if state.average is not None:
        state.average.update()
    if state.consistency is not None:
        state.consistency.means["digit"].lerp_(torch.eye(10)[3], 0.5)
    state.epoch, state.step = 3, 12
    state.keep_best(0.25)
    return state


def test_everything_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.safetensors"
    before = trained(Small())
    save_checkpoint(path, before.checkpoint())
    after = TrainingState.start(Small(seed=5), SETTINGS, ("digit",))
    after.restore(load_checkpoint(path), path)
    assert same(weights(before.model), weights(after.model))
    assert same(weights(before.result), weights(after.result))
    assert same(before.best_weights, after.best_weights)
    assert (after.epoch, after.step, after.best) == (3, 12, (0.25, 3))
    assert before.consistency is not None
    assert after.consistency is not None
    assert same(before.consistency.means, after.consistency.means)
    assert before.average is not None
    assert after.average is not None
    assert after.average.updates == 1
    save_checkpoint(tmp_path / "again.safetensors", after.checkpoint())
    assert path.read_bytes() == (tmp_path / "again.safetensors").read_bytes()


def test_a_plain_training_has_no_more_than_it_needs() -> None:
    state = TrainingState.start(Small(), Settings(), ())
    assert state.result is state.model
    names = state.checkpoint().tensors
    assert {name.partition("/")[0] for name in names} == {"model"}


def test_only_a_lower_error_is_better() -> None:
    state = TrainingState.start(Small(), Settings(choose="best"), ())
    for epoch, error in enumerate([0.5, 0.5, float("nan"), 0.25, 0.75], 1):
        state.epoch = epoch
        with torch.no_grad():
            next(state.model.parameters()).fill_(epoch)
        state.keep_best(error)
    assert state.best == (0.25, 4)
    assert float(next(iter(state.best_weights.values())).mean()) == 4.0
    assert float(next(state.chosen(Settings(choose="best")).parameters()).detach().mean()) == 4.0
    assert float(next(state.chosen(Settings()).parameters()).detach().mean()) == 5.0


def test_the_result_is_a_copy_that_can_be_trained_on() -> None:
    state = trained(Small())
    model = state.chosen(Settings(average=0.9))
    assert same(weights(model), weights(state.result))
    assert not model.training
    assert all(each.requires_grad for each in model.parameters())
    frozen = Small()
    next(frozen.parameters()).requires_grad_(False)
    kept = TrainingState.start(frozen, Settings(average=0.9), ()).chosen(Settings(average=0.9))
    assert [each.requires_grad for each in kept.parameters()][:2] == [False, True]


def test_weights_of_another_model_are_refused(tmp_path: Path) -> None:
    model = Small(hidden=17)
    before = weights(model)
    with pytest.raises(RunError, match=r"of another model: Big in the file, Small here\. .*Build the model"):
        load_weights(model, Small().state_dict(), "Big", tmp_path)
    assert same(before, weights(model))
    load_weights(model, Small(hidden=17, seed=3).state_dict(), "Small", tmp_path)
    assert same(weights(model), weights(Small(hidden=17, seed=3)))
