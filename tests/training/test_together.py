"""Several processes train the model that one would have trained."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from tests.training import two_processes
from tests.training.small import LABELS, ROWS, Small, train
from unbraid.errors import OptionError
from unbraid.training import world
from unbraid.training.batches import Batch
from unbraid.training.checkpoint import load_checkpoint
from unbraid.training.history import History, comparable
from unbraid.training.settings import Settings
from unbraid.training.world import Alone, world_of

MISSING = importlib.util.find_spec("lightning_fabric") is None
needs_fabric = pytest.mark.skipif(MISSING, reason="no Lightning Fabric: pip install 'unbraid[distributed]'")


def processes(*arguments: Any, launcher: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """Runs the program two_processes."""
    root, program = Path(__file__).parents[2], str(Path(two_processes.__file__))
    path = os.pathsep.join(filter(None, [str(root), os.environ.get("PYTHONPATH")]))
    command = [sys.executable, *launcher, program, *map(str, arguments)]
    environment = os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)


def records(folder: Path, rank: int) -> Any:
    """Reads the history and the test error that a process has written."""
    return json.loads((folder / f"records_{rank}.json").read_text())


@needs_fabric
@pytest.mark.slow
def test_two_processes_end_where_one_does(tmp_path: Path) -> None:
    """In float64, with batches that do not divide, labelled and unlabelled, averaged and best weights."""
    alone = two_processes.begin("equal", 1, tmp_path / "alone")
    done = processes("equal", 2, tmp_path)
    assert done.returncode == 0, done.stderr
    first, second = (load_file(tmp_path / f"weights_{rank}.safetensors") for rank in (0, 1))
    for name, weight in alone.model.state_dict().items():
        torch.testing.assert_close(first[name], weight, rtol=0, atol=1e-10)
        assert torch.equal(first[name], second[name])
    one, two = comparable(alone.history), records(tmp_path, 0)["history"]
    assert records(tmp_path, 0) == records(tmp_path, 1)
    assert records(tmp_path, 0)["test"] == alone.test["digit"]["error"]
    for here, there in zip(one, two, strict=True):
        assert there["validation"] == here["validation"]
        assert there["steps"] == here["steps"]
        assert {"loss": there["loss"], **there["terms"]} == pytest.approx({"loss": here["loss"], **here["terms"]})
    state = load_checkpoint(tmp_path / "run" / "checkpoint.safetensors").state
    assert (state["epoch"], state["step"]) == (2, sum(each["steps"] for each in one))


@needs_fabric
@pytest.mark.slow
def test_a_killed_process_ends_the_others_and_the_run_goes_on_to_the_same_end(tmp_path: Path) -> None:
    """With views, running means, dropout and noise; the run that was not killed is started by torchrun."""
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    whole.mkdir()
    killed.mkdir()
    done = processes("noisy", 1, whole, launcher=("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"))
    assert done.returncode == 0, done.stderr
    steps = sum(each["steps"] for each in records(whole, 0)["history"][:1])
    died = processes("noisy", 2, killed, 1, steps + 1)
    assert died.returncode == 1
    assert "ProcessError: process 1 of 2 has lost the others" in died.stderr
    assert load_checkpoint(killed / "run" / "checkpoint.safetensors").state["epoch"] == 1
    again = processes("noisy", 2, killed)
    assert again.returncode == 0, again.stderr
    assert records(killed, 0) == records(whole, 0)
    contents = [(folder / "run" / "checkpoint.safetensors").read_bytes() for folder in (whole, killed)]
    assert contents[0] == contents[1]
    assert comparable(History(killed / "run" / "history.jsonl").records) == records(whole, 1)["history"]


@needs_fabric
@pytest.mark.slow
def test_what_the_first_process_explains_is_said_once(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    another = {"model": "another", "model_seed": 0, "fields": {}, "settings": {}}
    (tmp_path / "run" / "config.json").write_text(json.dumps(another))
    done = processes("noisy", 2, tmp_path)
    assert done.returncode == 1
    assert done.stderr.count("holds another run") == 1


def rows_of(batch: Batch) -> list[Tensor]:
    """Returns the row numbers of a batch that are there."""
    return [rows for rows in (batch.unlabelled, batch.labelled) if rows is not None]


@pytest.mark.parametrize("size", [2, 3, 7])
def test_every_row_is_in_one_part(size: int) -> None:
    batch = Batch(torch.arange(10, 15), torch.arange(3))
    parts = [batch.share(rank, size) for rank in range(size)]
    rows = [part for each in parts if each.weight for part in rows_of(each)]
    assert torch.cat(rows).sort().values.tolist() == [0, 1, 2, 10, 11, 12, 13, 14]
    means = [each.weight * float(torch.cat(rows_of(each)).double().mean()) for each in parts]
    assert sum(means) / size == pytest.approx(63 / 8)
    assert all(len(part) for part in parts)
    assert batch.share(0, 1) is batch


def test_a_process_without_rows_takes_one_at_no_weight() -> None:
    part = Batch(labelled=torch.tensor([4])).share(1, 2)
    assert part.labelled is not None
    assert (part.labelled.tolist(), part.unlabelled, part.weight) == ([4], None, 0.0)


@pytest.mark.parametrize("wrong", [{"devices": 0}, {"nodes": -1}, {"devices": 1.0}, {"nodes": True}])
def test_numbers_that_make_no_sense_are_refused(wrong: Any) -> None:
    with pytest.raises(OptionError, match=rf"{next(iter(wrong))} must be a whole number, at least 1"):
        train(**wrong)
    assert isinstance(world_of(1, 1, Small()), Alone)


def test_lightning_fabric_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lightning_fabric", None)
    with pytest.raises(OptionError, match=r"2 processes need Lightning Fabric.*pip install 'unbraid\[distributed\]'"):
        train(devices=2)


def test_torchrun_says_how_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world, "_started_by_torchrun", lambda: (2, 3))
    with pytest.raises(OptionError, match=r"torchrun has started 6 processes, and devices=2, nodes=1 make 2"):
        train(devices=2)
    monkeypatch.setattr(world, "_started_by_torchrun", lambda: (1, 1))
    assert train(epochs=1).model is not None


def test_free_bits_need_the_whole_batch() -> None:
    class Two(Alone):
        size = 2

    settings = Settings(free_bits=0.1)
    with pytest.raises(OptionError, match="free_bits counts the mean of a KL term over a batch"):
        world.check_shared(Two(torch.device("cpu")), settings)
    world.check_shared(Alone(torch.device("cpu")), settings)


def test_rows_and_labels_are_those_of_small() -> None:
    assert len(ROWS) - int((LABELS["digit"] >= 0).sum()) == 100  # three batches of 33 and one row
