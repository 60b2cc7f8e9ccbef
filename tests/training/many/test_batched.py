"""Runs computed together are the runs that `fit` makes one by one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import unbraid as ub
from tests.training.many.small import SEEDS, TESTED, alone, assert_same, train
from tests.training.small import ROWS, Small
from unbraid.errors import TrainingError
from unbraid.training.checkpoint import load_checkpoint, save_checkpoint


class Normalised(ub.Model):
    """A layer with a state of its own: the running means of what it has seen."""

    def encode(self, x: Any) -> Any:
        h = ub.module(torch.nn.BatchNorm1d(8))(ub.mlp(8)(x))
        return {"digit": ub.Categorical(10)(h)}

    def decode(self, digit: Any) -> Any:
        return ub.Bernoulli(1, 28, 28)(digit)


class Convolved(ub.Model):
    """Convolutions, and a prior that is learned."""

    def encode(self, x: Any) -> Any:
        h = ub.mlp(8)(ub.conv(2, 3)(x))
        digit = ub.Categorical(10, logits=ub.Learnable(0.0))(h)
        return {"digit": digit, "style": ub.Normal(2)(digit, h)}

    def decode(self, digit: Any, style: Any) -> Any:
        return ub.Bernoulli(1, 28, 28)(ub.mlp(8)(digit, style))


def test_each_is_the_run_of_fit() -> None:
    """With dropout and noise of the latents and of the pixels, each from the run's own seed."""
    before = torch.random.get_rng_state()
    runs = train(test=TESTED, validation=TESTED, epochs=3)
    assert torch.equal(before, torch.random.get_rng_state())
    assert (runs.how, runs.seeds, runs.failed) == ("batched", SEEDS, {})
    for run in runs:
        assert_same(run, alone(run.settings.seed, test=TESTED, validation=TESTED, epochs=3))


@pytest.mark.parametrize(
    "settings",
    [
        {"average": 0.9, "schedule": "cosine", "warmup_steps": 2, "beta_ramp": 1.0, "free_bits": 0.1},
        {"mixed": False, "rate": 1.5, "balanced": True, "samples": 2, "bound": "importance"},
        {"holdout": 0.5, "choose": "best", "patience": 1, "epochs": 3},
        {"estimators": {"digit": "reinforce"}},
        {"estimators": {"digit": "sum_and_sample"}},
        {"estimators": {"digit": "gumbel"}, "supervision": "eq4", "alpha": 3.0},
    ],
    ids=["schedules", "batches", "choice", "reinforce", "sum_and_sample", "gumbel"],
)
def test_with_other_settings_too(settings: dict[str, Any]) -> None:
    for run in train(seeds=SEEDS[:2], **settings):
        assert_same(run, alone(run.settings.seed, **settings))


@pytest.mark.parametrize("model", [Normalised, Convolved])
def test_with_other_layers_too(model: type[ub.Model]) -> None:
    for run in train(model, seeds=SEEDS[:2]):
        assert_same(run, alone(run.settings.seed, model))


def test_without_labels() -> None:
    for run in train(labels_of=None, seeds=SEEDS[:2], epochs=1):
        seed = run.settings.seed
        single = ub.fit(
            Small(seed=seed).double(), ROWS.images.double(), seed=seed, epochs=1, batch_size=50, progress="quiet"
        )
        assert run.history[0]["loss"] == pytest.approx(single.history[0]["loss"], rel=1e-8)


def test_a_folder_is_that_of_a_single_run(tmp_path: Path) -> None:
    train(out=tmp_path, seeds=SEEDS[:2])
    single = alone(3, out=tmp_path / "single")
    names = ("config.json", "plan.json")
    for name in names:
        assert (tmp_path / "seed-3" / name).read_bytes() == (tmp_path / "single" / name).read_bytes()
    one, other = (load_checkpoint(tmp_path / each / "checkpoint.safetensors") for each in ("seed-3", "single"))
    assert one.state == other.state
    torch.testing.assert_close(dict(one.tensors), dict(other.tensors), rtol=1e-8, atol=1e-8)
    longer = alone(3, out=tmp_path / "seed-3", resume=True)  # of an end that was reached: nothing is left to train
    assert_same(longer, single)


def test_runs_go_on_from_where_each_of_them_was_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = 0

    def stop(path: Path, checkpoint: Any) -> None:
        nonlocal kept
        kept += 1
        if kept == 5:  # in the second epoch, between the checkpoints of the first and of the second run
            raise KeyboardInterrupt
        save_checkpoint(path, checkpoint)

    with monkeypatch.context() as patch:
        patch.setattr("unbraid.training.many.member.save_checkpoint", stop)
        with pytest.raises(KeyboardInterrupt):
            train(out=tmp_path, epochs=3)
    reached = [load_checkpoint(tmp_path / f"seed-{seed}" / "checkpoint.safetensors").state["epoch"] for seed in SEEDS]
    assert reached == [2, 1, 1]
    for run in train(out=tmp_path, epochs=3, resume=True):
        assert_same(run, alone(run.settings.seed, epochs=3))


def test_a_run_whose_loss_is_not_finite_leaves_and_the_others_go_on() -> None:
    def made(seed: int) -> ub.Model:
        model = Small(seed=seed).double()
        if seed == 3:
            with torch.no_grad():
                next(model.parameters()).mul_(1e200)  # squared in the closed form of a divergence
        return model

    runs = train(made)
    assert runs.seeds == (0, 4)
    assert list(runs.failed) == [3]
    with pytest.raises(TrainingError, match=r"the loss is (nan|inf) in epoch 1, step 1: .* in rows? \d+"):
        raise runs.failed[3]
    for run in runs:
        assert_same(run, alone(run.settings.seed))
