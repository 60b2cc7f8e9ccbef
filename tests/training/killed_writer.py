"""A program for test_checkpoint: children that save are killed, at chosen and at random moments; prints what was left.

Arguments: the checkpoint's path, the number of random kills.
"""

import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import torch

from unbraid.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint


def save(path: Path, step: int) -> None:
    """Saves two tensors full of the step's number."""
    tensors = {name: torch.full((300_000,), float(step)) for name in ("first", "second")}
    save_checkpoint(path, Checkpoint(tensors, {"step": step}))


def die() -> NoReturn:
    """Kills this process."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def die_in_write(path: Path, step: int) -> None:
    """Saves, and dies when half is written."""
    whole = Path.open

    def half(self: Path, *_: object) -> object:
        whole(self, "xb", buffering=0).write(bytes(1_000_000))
        die()

    Path.open = half  # type: ignore[method-assign, assignment]
    save(path, step)


def die_before_replace(path: Path, step: int) -> None:
    """Saves, and dies when the new file has not yet its name."""
    Path.replace = lambda *_: die()  # type: ignore[method-assign]
    save(path, step)


def die_after_replace(path: Path, step: int) -> None:
    """Saves, and dies when the new file has just got its name."""
    replace = Path.replace

    def replace_and_die(self: Path, target: Path) -> Path:
        replace(self, target)
        die()

    Path.replace = replace_and_die  # type: ignore[method-assign, assignment]
    save(path, step)


def save_for_ever(path: Path, step: int) -> None:
    """Saves again and again."""
    while True:
        step += 1
        save(path, step)


def in_child(work: Callable[[Path, int], None], path: Path, step: int, life: float = 30) -> None:
    """Forks a child that works, and kills it after a while unless it died before."""
    child = os.fork()
    if child == 0:
        work(path, step)
        os._exit(1)
    end = time.monotonic() + life
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        if time.monotonic() >= end:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return
        time.sleep(0.0005)


def step_of(path: Path) -> int:
    """Loads the checkpoint, and checks that all of it is of one step."""
    checkpoint = load_checkpoint(path)
    step = checkpoint.state["step"]
    for each in checkpoint.tensors.values():
        if not torch.equal(each, torch.full((300_000,), float(step))):
            raise SystemExit(f"the tensors are not those of step {step}")
    return int(step)


def main() -> None:
    """Kills children, and prints the step in the file after each chosen kill, then the number of random kills."""
    path, kills = Path(sys.argv[1]), int(sys.argv[2])
    torch.set_num_threads(1)
    save(path, 1)
    for work in (die_in_write, die_before_replace, die_after_replace):
        in_child(work, path, step=2)
        print(work.__name__, step_of(path))
    started = time.monotonic()
    in_child(save, path, step=2)
    one_save = time.monotonic() - started  # on this machine, as busy as it is
    chance, last = random.Random(0), 2
    for _ in range(kills):
        in_child(save_for_ever, path, last, life=chance.uniform(0.2, 5.0) * one_save)
        if step_of(path) < last:
            raise SystemExit("an older checkpoint came back")
        last = step_of(path)
    print("random", kills, "saved" if last > 2 else "never saved")


if __name__ == "__main__":
    main()
