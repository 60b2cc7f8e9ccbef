"""A program for test_kill: trainings that are killed, at chosen and at random moments, go on and end.

Arguments: a folder, the number of random kills. It prints for each moment how often a training died, and after how many
epochs, then whether it ended as one that was never killed.
"""

from __future__ import annotations

import importlib
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import torch

import unbraid as ub
from tests.training.small import LABELS, ROWS, SIZES, STATEFUL, Scored, files_of
from unbraid.training.checkpoint import load_checkpoint
from unbraid.training.history import History, comparable

EPOCHS = 6
LOOP: Any = importlib.import_module("unbraid.training.fit")


def train(out: Path) -> ub.Run:
    """Begins a training, or goes on with it."""
    watched = ub.data.tiny_digits(40, seed=1)
    settings = {**SIZES, **STATEFUL, "choose": "best", "epochs": EPOCHS}
    return ub.fit(Scored(), ROWS.images, LABELS, validation=watched, out=out, resume=True, **settings)


def die(*_: object) -> NoReturn:
    """Kills this process."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def on_call(number: int, then: Callable[..., Any], otherwise: Callable[..., Any]) -> Callable[..., Any]:
    """Makes a function that does one thing at its n-th call, and another at all others."""
    calls = 0

    def called(*args: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        return (then if calls == number else otherwise)(*args, **options)

    return called


def in_step() -> None:
    """Dies within an epoch."""
    LOOP.train_step = on_call(5, die, LOOP.train_step)


def in_history() -> None:
    """Dies when half a line of the history is written."""

    def half(self: History, record: Any) -> None:
        with Path(str(self._path)).open("ab", buffering=0) as file:
            file.write(b'{"epoch": 2, "lo')
        die()

    History.append = on_call(2, half, History.append)  # type: ignore[method-assign]


def before_checkpoint() -> None:
    """Dies when the history has an epoch more than the checkpoint."""
    LOOP.save_checkpoint = on_call(2, die, LOOP.save_checkpoint)


def in_checkpoint() -> None:
    """Dies when half of a checkpoint is written."""
    opened = Path.open

    def half(self: Path, *args: Any, **options: Any) -> Any:
        if ".checkpoint" in self.name:
            opened(self, "xb", buffering=0).write(bytes(1000))
            die()
        return opened(self, *args, **options)

    Path.open = half  # type: ignore[method-assign]


def after_checkpoint() -> None:
    """Dies when the new checkpoint has just got its name."""
    saved = LOOP.save_checkpoint
    LOOP.save_checkpoint = on_call(2, lambda *args: (saved(*args), die()), saved)


def in_child(out: Path, prepare: Callable[[], None], life: float = 60) -> bool:
    """Trains in a child, which is killed after a while unless it dies before; returns whether it came to the end.

    Raises:
        SystemExit: it ended in an error.
    """
    child = os.fork()
    if child == 0:
        prepare()
        train(out)
        os._exit(0)
    end = time.monotonic() + life
    while time.monotonic() < end:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended and status not in (0, signal.SIGKILL):
            raise SystemExit("the child has failed")
        if ended:
            return status == 0
        time.sleep(0.0005)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


def epochs_in(out: Path) -> int:
    """Returns how many epochs the checkpoint of a folder holds."""
    path = out / "checkpoint.safetensors"
    return int(load_checkpoint(path).state["epoch"]) if path.is_file() else 0


def ends_alike(one: Path, other: Path) -> bool:
    """Says whether two folders hold the same, bit for bit, but for the clock."""
    histories = [comparable(History(out / "history.jsonl").records) for out in (one, other)]
    return files_of(one) == files_of(other) and histories[0] == histories[1]


def main() -> None:
    """Kills trainings at chosen moments, then one again and again at random ones."""
    folder, kills = Path(sys.argv[1]), int(sys.argv[2])
    torch.set_num_threads(1)
    train(folder / "whole")
    started = time.monotonic()
    train(folder / "again")
    life = time.monotonic() - started
    for prepare in (in_step, in_history, before_checkpoint, in_checkpoint, after_checkpoint):
        out = folder / prepare.__name__
        ended = in_child(out, prepare)
        print(prepare.__name__, "ended" if ended else "killed", epochs_in(out), end=" ")
        train(out)
        print("alike" if ends_alike(out, folder / "whole") else "different")
    chance, out = random.Random(0), folder / "random"
    died: list[int] = []
    while len(died) < kills and not in_child(out, lambda: None, chance.uniform(0.1, 0.6) * life):
        died.append(epochs_in(out))
    train(out)
    print("random", len(died), "alike" if ends_alike(out, folder / "whole") else "different")


if __name__ == "__main__":
    main()
