"""The folder of a run: which files it has, and a lock so that one process writes to it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from unbraid.errors import RunError, did_you_mean
from unbraid.training.atomic import not_written, remove_leftovers
from unbraid.training.json_file import read_json, write_json

try:
    import fcntl
except ImportError:  # Windows has no such lock
    fcntl = None  # type: ignore[assignment]


NEEDED: dict[str, type] = {"model": str, "model_seed": int, "fields": dict, "settings": dict}
"""What the config of every run has."""


class RunFolder:
    """The files of one run.

    `config.json` makes a folder a run; it is written first. Files that unbraid did not write are never touched.

    Args:
        path: the folder.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.config = self.path / "config.json"
        self.history = self.path / "history.jsonl"
        self.checkpoint = self.path / "checkpoint.safetensors"
        self.plan = self.path / "plan.json"
        self.metrics = self.path / "metrics.json"
        self.figures = self.path / "figures"
        self.report = self.path / "report.html"

    def __repr__(self) -> str:
        return f"RunFolder({str(self.path)!r})"

    @property
    def holds_run(self) -> bool:
        """Whether a training has begun in it."""
        return self.config.is_file() or self.checkpoint.is_file()

    @classmethod
    def create(cls, path: Path | str, overwrite: bool = False) -> RunFolder:
        """Makes the folder of a new run.

        Args:
            path: the folder, which may exist; its parents are made.
            overwrite: whether the files of an old run in it are removed.

        Returns:
            The folder, without a run.

        Raises:
            RunError: it holds a run that may not be overwritten, or that another process is writing; it holds other
                files of the names of a run's; it is a file; or it cannot be made.
        """
        folder = cls(path)
        if folder.holds_run and not overwrite:
            raise RunError(
                f"{folder.path} already holds a run: go on with it (resume=True, or `unbraid resume {folder.path}` "
                "where `unbraid train` began it), replace it (overwrite=True, or --overwrite), or name another folder"
            )
        if not folder.holds_run:
            folder._refuse_others()
        try:
            folder.path.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            raise RunError(
                f"{folder.path} cannot be a run's folder: there is a file of this name in the way"
            ) from error
        except OSError as error:
            raise not_written(folder.path, error) from error
        with folder.lock():
            if folder.holds_run:
                folder._clear()
        return folder

    def _refuse_others(self) -> None:
        """Raises an error where files that are no run's have the names of a run's."""
        own = (self.history, self.metrics, self.report, self.figures)
        there = [each.name for each in own if each.exists()]
        if there:
            raise RunError(
                f"{self.path} holds {' and '.join(there)}, which a run writes too, and no run: name another folder, or "
                "move what is there"
            )

    @classmethod
    def open(cls, path: Path | str) -> RunFolder:
        """Opens the folder of a run that has begun.

        Args:
            path: the folder.

        Returns:
            The folder.

        Raises:
            RunError: there is no such folder, or it holds no run.
        """
        folder = cls(path)
        if not folder.path.is_dir():
            raise RunError(
                f"there is no run {folder.path}: no such folder.{did_you_mean(str(path), _runs_in(folder.path.parent))}"
            )
        if not folder.config.is_file():
            inside = did_you_mean(str(path), _runs_in(folder.path))
            raise RunError(f"{folder.path} is not the folder of a run: it has no {folder.config.name}.{inside}")
        return folder

    def write_json(self, path: Path, value: Any) -> None:
        """Writes one of the files, see `json_file.write_json`; the plan on a single line, for it may be long."""
        write_json(path, value, indent=None if path == self.plan else 2)

    def read_json(self, path: Path) -> Any:
        """Reads one of the files, see `json_file.read_json`."""
        return read_json(path)

    def read_config(self) -> dict[str, Any]:
        """Reads what the run is.

        Raises:
            RunError: the file is not whole.
        """
        config, mend = read_json(self.config), "undo what was changed in it by hand, or train again"
        if not isinstance(config, dict):
            raise RunError(f"{self.config} is a {type(config).__name__}, not the config of a run: {mend}")
        for name, kind in NEEDED.items():
            if name not in config:
                raise RunError(f"{self.config} has no {name!r}: {mend}")
            if not isinstance(config[name], kind):
                raise RunError(f"{self.config} has the {name!r} {config[name]!r}, which is no {kind.__name__}: {mend}")
        return config

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Keeps other processes from writing to the run; the system gives the lock back when the process dies.

        Raises:
            RunError: another process has it, or the folder cannot be written to.
        """
        path = self.path / ".lock"
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise not_written(path, error) from error
        try:
            self._acquire(descriptor)
            for each in (self.checkpoint, self.history):
                remove_leftovers(each)
            yield
        finally:
            os.close(descriptor)

    def _acquire(self, descriptor: int) -> None:
        """Takes the lock, or says who has it."""
        try:
            if fcntl is not None:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "?"
            raise RunError(
                f"another process (number {owner}) is writing to {self.path}: wait for it, stop it, or name another "
                "folder"
            ) from error
        except OSError:  # a file system without locks
            return
        with contextlib.suppress(OSError):  # a full disk: the number is a courtesy
            os.truncate(descriptor, 0)
            os.write(descriptor, f"{os.getpid()}\n".encode())

    def _clear(self) -> None:
        """Removes the files of a run, its config last."""
        for figure in self.figures.glob("*.png"):
            figure.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # there are others
            self.figures.rmdir()
        for each in (self.checkpoint, self.history, self.plan, self.metrics, self.report, self.config):
            each.unlink(missing_ok=True)


def _runs_in(folder: Path) -> list[str]:
    """Lists the runs right inside a folder."""
    if not folder.is_dir():
        return []
    return sorted(str(each) for each in folder.iterdir() if (each / "config.json").is_file())
