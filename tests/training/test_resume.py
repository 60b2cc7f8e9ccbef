"""A training that was stopped goes on to the same end; what cannot go on says why."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import unbraid as ub
from tests.training.small import LABELS, ROWS, STATEFUL, TEST, Scored, Small, files_of, same, same_end, train, weights
from unbraid.errors import DataError, RunError
from unbraid.training.checkpoint import load_checkpoint
from unbraid.training.history import History, comparable
from unbraid.training.run_folder import RunFolder

EVERYTHING: dict[str, Any] = {**STATEFUL, "validation": TEST, "choose": "best", "epochs": 4}


class StopAfter:
    """A view that does something at one of its calls, as if it came from outside."""

    def __init__(self, calls: int, act: Any) -> None:
        self.left, self.act, self.warp = calls, act, STATEFUL["views"]

    def __call__(self, images: Tensor, generator: torch.Generator | None = None) -> Tensor:
        self.left -= 1
        if self.left == 0:
            self.act()
        return self.warp(images, generator)  # type: ignore[no-any-return]


def interrupt() -> None:
    """What Ctrl-C does."""
    os.kill(os.getpid(), signal.SIGINT)


def stopped(out: Path, calls: int, **more: Any) -> KeyboardInterrupt:
    """Trains until Ctrl-C in one of the steps."""
    view = StopAfter(calls, interrupt)
    with pytest.raises(KeyboardInterrupt) as found:
        train(out=out, **{**EVERYTHING, "views": view, **more})
    return found.value


def go_on(out: Path | None, **more: Any) -> ub.Run:
    """Goes on with the training, or trains without a stop."""
    return train(out=out, resume=out is not None, **{**EVERYTHING, "views": StopAfter(-1, None), **more})


@pytest.mark.parametrize(("calls", "kept"), [(1, 0), (7, 1), (17, 2)])
def test_ctrl_c_loses_at_most_the_epoch_under_way(calls: int, kept: int, tmp_path: Path) -> None:
    """An epoch has three steps, and each asks for two views: of the rows, and of what was set by hand."""
    whole = go_on(None)
    assert [each["steps"] for each in whole.history] == [3, 3, 3, 3]
    stop = stopped(tmp_path, calls)
    assert stop.__notes__ == [
        f"Every whole epoch is kept. Go on with `unbraid resume {tmp_path}` where `unbraid train` began it, "
        "else with fit(..., resume=True)."
    ]
    assert len(History(tmp_path / "history.jsonl").records) == kept
    assert same_end(whole, go_on(tmp_path))
    assert same_end(whole, go_on(tmp_path))  # a run that has ended stays as it is
    assert same(weights(whole.model), weights(ub.load(tmp_path)))


def test_a_run_without_a_folder_says_that_nothing_is_kept() -> None:
    with pytest.raises(KeyboardInterrupt) as found:
        train(**{**EVERYTHING, "views": StopAfter(4, interrupt)})
    assert found.value.__notes__ == ["Nothing was kept on disk: fit(..., out=FOLDER) keeps every whole epoch."]


def test_a_stop_between_any_two_epochs(tmp_path: Path) -> None:
    whole = go_on(tmp_path / "whole")
    for calls in (5, 8):
        out = tmp_path / str(calls)
        stopped(out, calls)
        stopped_again = StopAfter(2, interrupt)
        with pytest.raises(KeyboardInterrupt):
            train(out=out, resume=True, **{**EVERYTHING, "views": stopped_again})
        assert same_end(whole, go_on(out))
        assert files_of(out) == files_of(tmp_path / "whole")


def test_patience_goes_on_as_it_was(tmp_path: Path) -> None:
    first = train(epochs=1).model
    settings = {"validation": (TEST.images, first.predict(TEST.images)), "patience": 2, "choose": "best", "epochs": 9}
    whole = go_on(None, **settings)
    stopped(tmp_path, 5, **settings)
    assert same_end(whole, go_on(tmp_path, **settings))


def test_running_means_of_an_estimator_go_on(tmp_path: Path) -> None:
    stopped(tmp_path, 8, model=Scored())
    kept = load_checkpoint(tmp_path / "checkpoint.safetensors").part("baseline")
    assert kept
    assert all(name.startswith("digit/") for name in kept)
    assert same_end(go_on(None, model=Scored()), go_on(tmp_path, model=Scored()))


def test_a_folder_without_a_run_is_begun(tmp_path: Path) -> None:
    run = go_on(tmp_path / "new" / "run")
    assert run.folder == tmp_path / "new" / "run"
    assert same_end(run, go_on(None))


def test_a_folder_that_holds_a_run_is_not_taken_unless_asked(tmp_path: Path) -> None:
    train(out=tmp_path, epochs=1)
    before = files_of(tmp_path)
    with pytest.raises(RunError, match=r"already holds a run: .*resume=True.*overwrite=True"):
        train(out=tmp_path, epochs=2)
    assert files_of(tmp_path) == before
    assert len(train(out=tmp_path, epochs=2, overwrite=True).history) == 2


OTHER: dict[str, tuple[dict[str, Any], str]] = {
    "model": (
        {"model": type("Other", (Small,), {"__doc__": "Another."})()},
        "model there is '.*Small', here it is '.*Other'",
    ),
    "field": ({"model": Small(hidden=17)}, r"fields\.hidden there is 16, here it is 17"),
    "seed of the model": ({"model": Small(seed=3)}, "model_seed there is 0, here it is 3"),
    "rows": (
        {"images": ROWS.images[:100], "labels": {"digit": LABELS["digit"][:100]}},
        "rows there is 120, here it is 100",
    ),
    "labels": (
        {"labels": ub.data.few_labels(ROWS.labels, per_class=2, seed=5)},
        r"labels there is '20 of 120 rows labelled: digit \(2 a class\)', here it is '.*\(other rows or labels\)'",
    ),
    "setting": ({"alpha": 3.0}, r"settings\.alpha there is 50\.0, here it is 3\.0"),
    "epochs": ({"epochs": 2}, r"settings\.epochs there is 1, here it is 2"),
    "views": ({"views": ub.Warp(rotation=1.0)}, r"views\.rotation there is 20\.0, here it is 1\.0"),
}


@pytest.mark.parametrize("case", OTHER)
def test_another_run_is_not_gone_on_with(case: str, tmp_path: Path) -> None:
    change, message = OTHER[case]
    ours: dict[str, Any] = {"out": tmp_path, "epochs": 1, "views": ub.Warp()}
    try:
        train(**ours)
    except DataError:
        pytest.fail("the valid twin is refused")
    before = files_of(tmp_path)
    with pytest.raises(RunError, match=f"holds another run: {message}.*Go on with the same, or name another folder"):
        train(**{**ours, "resume": True, **change})
    assert files_of(tmp_path) == before
    train(**ours, resume=True)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def foreign(path: Path) -> None:
    path.write_bytes(b"PK\3\4" + bytes(100))


def of_another_model(path: Path) -> None:
    other = path.parent.parent / "other"
    train(out=other, model=Small(hidden=17), epochs=1)
    shutil.copy(other / path.name, path)


DAMAGED: dict[str, tuple[Any, str]] = {
    "cut short": (cut, "is cut short"),
    "not ours": (foreign, "is not a safetensors file"),
    "of another model": (of_another_model, r"is of another model: Small in the file, Small here\. of another shape"),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_a_wrong_checkpoint_is_refused(case: str, tmp_path: Path) -> None:
    damage, message = DAMAGED[case]
    out = tmp_path / "run"
    train(out=out, epochs=1)
    checkpoint = out / "checkpoint.safetensors"
    good = checkpoint.read_bytes()
    damage(checkpoint)
    with pytest.raises(RunError, match=message):
        train(out=out, epochs=1, resume=True)
    with pytest.raises(RunError, match=message):
        ub.load(out, Small())
    checkpoint.write_bytes(good)
    train(out=out, epochs=1, resume=True)
    ub.load(out)


@pytest.mark.parametrize("name", ["config.json", "history.jsonl"])
def test_a_damaged_file_is_named(name: str, tmp_path: Path) -> None:
    train(out=tmp_path)
    (tmp_path / name).write_text("{\n{}\n")
    with pytest.raises(RunError, match=name):
        train(out=tmp_path, resume=True)


def test_a_locked_run_is_left_alone(tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    train(out=tmp_path, epochs=1)
    with RunFolder(tmp_path).lock():
        with pytest.raises(RunError, match=rf"another process \(number {os.getpid()}\) is writing to"):
            train(out=tmp_path, epochs=1, resume=True)
        with pytest.raises(RunError, match="another process"):
            train(out=tmp_path, epochs=1, overwrite=True)
    train(out=tmp_path, epochs=1, resume=True)


@pytest.fixture(scope="module")
def whole() -> ub.Run:
    """The training without a stop."""
    return go_on(None)


@pytest.mark.parametrize("writes", [1, 2, 3, 4, 7, 8, 10])
def test_a_full_disk_stops_a_training_that_can_go_on(
    writes: int, whole: ub.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full at the n-th write: of the plan, the config, a line of the history, or a checkpoint."""
    out, sync, left = tmp_path / "run", os.fsync, [writes]

    def full(descriptor: int) -> None:
        if os.path.isfile(f"/proc/self/fd/{descriptor}"):  # noqa: PTH113 - folders are synchronised too
            left[0] -= 1
            if left[0] == 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(RunError, match=r"the disk is full: .* could not be written.*unbraid resume"):
            go_on(out)
    checkpoint, records = out / "checkpoint.safetensors", History(out / "history.jsonl").records
    epochs = load_checkpoint(checkpoint).state["epoch"] if checkpoint.is_file() else 0
    assert epochs == max(0, (writes - 3) // 2)
    assert comparable(records)[:epochs] == comparable(whole.history)[:epochs]
    assert not list(out.glob("*.partial"))
    assert not list(out.glob(".*.partial"))
    assert same_end(whole, go_on(out))


def test_a_folder_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="there is a file of this name in the way"):
        train(out=tmp_path / "file" / "run")


def test_what_json_cannot_hold_is_refused_before_training(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"config\.json\['data'\] is a object, which JSON cannot hold"):
        train(out=tmp_path / "one", config={"data": object()})
    train(out=tmp_path / "two", config={"data": {"name": "tiny"}}, epochs=1)
    assert json.loads((tmp_path / "two" / "config.json").read_text())["data"] == {"name": "tiny"}


class Convolved(Small):
    """The same through convolutions, whose weights lie channels last in memory."""

    def encode(self, x: Any) -> Any:
        h = ub.conv(3, 4)(x)
        digit = ub.Categorical(10)(h)
        return {"digit": digit, "style": ub.Normal(3)(digit, h)}


def test_convolutions_go_on_to_the_same_end(tmp_path: Path) -> None:
    model = Convolved()
    stopped(tmp_path, 7, model=model)
    assert same_end(go_on(tmp_path, model=Convolved()), go_on(None, model=Convolved()))
