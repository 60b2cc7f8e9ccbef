"""A run folder is made, opened, locked and overwritten only as asked."""

import contextlib
import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from unbraid.errors import RunError
from unbraid.training.run_folder import RunFolder


def run_in(path: Path) -> RunFolder:
    """A folder with every file of a run."""
    folder = RunFolder.create(path)
    folder.write_json(folder.config, {"model": "digits.py:Digits"})
    for each in (folder.checkpoint, folder.history, folder.plan, folder.metrics, folder.report):
        each.write_bytes(b"")
    folder.figures.mkdir()
    (folder.figures / "analogy.png").write_bytes(b"")
    return folder


def test_a_folder_is_made_with_its_parents_and_opened(tmp_path: Path) -> None:
    made = RunFolder.create(tmp_path / "runs" / "first")
    before = made.holds_run
    made.write_json(made.config, {"seed": 3})
    assert (before, made.holds_run) == (False, True)
    opened = RunFolder.open(str(tmp_path / "runs" / "first"))
    assert opened.read_json(opened.config) == {"seed": 3}
    assert repr(opened) == f"RunFolder({str(made.path)!r})"
    names = [each.name for each in (opened.history, opened.checkpoint, opened.plan, opened.metrics, opened.report)]
    assert names == ["history.jsonl", "checkpoint.safetensors", "plan.json", "metrics.json", "report.html"]


def test_the_plan_is_a_single_line(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path)
    folder.write_json(folder.plan, {"rows": [1, 2]})
    folder.write_json(folder.metrics, {"rows": [1, 2]})
    assert len(folder.plan.read_text().splitlines()) == 1
    assert len(folder.metrics.read_text().splitlines()) > 1


def test_a_run_is_not_overwritten_unless_asked(tmp_path: Path) -> None:
    run_in(tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(RunError, match=r"already holds a run: .*resume=True.*overwrite=True.*another folder"):
        RunFolder.create(tmp_path)
    assert RunFolder.open(tmp_path).holds_run
    folder = RunFolder.create(tmp_path, overwrite=True)
    assert not folder.holds_run
    assert {each.name for each in tmp_path.iterdir()} == {"notes.txt", ".lock"}


def test_a_folder_without_a_run_may_hold_other_files(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    RunFolder.create(tmp_path)
    assert (tmp_path / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("inside", ["", "deeper"])
def test_a_file_is_no_folder(tmp_path: Path, inside: str) -> None:
    (tmp_path / "run").write_text("")
    with pytest.raises(RunError, match="there is a file of this name in the way"):
        RunFolder.create(tmp_path / "run" / inside)
    assert RunFolder.create(tmp_path / "run2" / inside).path.is_dir()


def test_a_folder_that_cannot_be_made_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "mkdir", full)
    with pytest.raises(RunError, match="disk is full"):
        RunFolder.create(tmp_path / "run")


def test_what_is_no_run_says_what_is_missing(tmp_path: Path) -> None:
    run_in(tmp_path / "first")
    with pytest.raises(RunError, match=r"no such folder\. Did you mean '.*/first'"):
        RunFolder.open(tmp_path / "frist")
    with pytest.raises(RunError, match=r"not the folder of a run: it has no config\.json\..*first'"):
        RunFolder.open(tmp_path)
    with pytest.raises(RunError, match="no such folder"):
        RunFolder.open(tmp_path / "nowhere" / "run")
    assert RunFolder.open(tmp_path / "first").holds_run


def test_one_process_has_the_lock(tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    folder = run_in(tmp_path)
    with folder.lock():
        with pytest.raises(RunError, match=rf"another process \(number {os.getpid()}\) is writing to"), folder.lock():
            pass
        with pytest.raises(RunError, match="another process"):
            RunFolder.create(tmp_path, overwrite=True)
        assert folder.holds_run
    with folder.lock(), pytest.raises(RunError, match="another process"), RunFolder(tmp_path).lock():
        pass
    with folder.lock():
        pass


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    folder = run_in(tmp_path)
    program = (
        "import sys, time\nfrom unbraid.training.run_folder import RunFolder\n"
        f"with RunFolder({str(tmp_path)!r}).lock():\n    print('locked', flush=True)\n    time.sleep(60)\n"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen([sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "locked\n"
        with pytest.raises(RunError, match=rf"\(number {other.pid}\)"), folder.lock():
            pass
        other.send_signal(signal.SIGKILL)
        other.wait()
    with folder.lock():
        pass


def test_the_lock_goes_with_an_error_and_clears_leftovers(tmp_path: Path) -> None:
    folder = run_in(tmp_path)
    leftover = tmp_path / ".checkpoint.safetensors.12345678.partial"
    leftover.write_bytes(b"")
    with contextlib.suppress(KeyError), folder.lock():
        assert not leftover.exists()
        raise KeyError
    with folder.lock():
        pass


def test_a_folder_that_is_gone_cannot_be_locked(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="could not be written: No such file"), RunFolder(tmp_path / "gone").lock():
        pass


@pytest.mark.parametrize("name", ["figures", "report.html", "metrics.json", "history.jsonl"])
@pytest.mark.parametrize("overwrite", [False, True])
def test_what_no_run_has_written_is_not_removed(name: str, overwrite: bool, tmp_path: Path) -> None:
    mine = tmp_path / name / "fig1.pdf" if name == "figures" else tmp_path / name
    mine.parent.mkdir(exist_ok=True)
    mine.write_text("mine")
    with pytest.raises(RunError, match=rf"holds {name}, which a run writes too, and no run: name another folder"):
        RunFolder.create(tmp_path, overwrite)
    assert mine.read_text() == "mine"


def test_figures_of_ones_own_beside_those_of_a_run_stay(tmp_path: Path) -> None:
    run_in(tmp_path)
    (tmp_path / "figures" / "mine.pdf").write_text("mine")
    RunFolder.create(tmp_path, overwrite=True)
    assert [each.name for each in (tmp_path / "figures").iterdir()] == ["mine.pdf"]
