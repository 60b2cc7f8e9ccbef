"""Records: one line of JSON a run, with the commit and the machine that made it."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from unbraid.errors import RunError

RESULTS = Path(__file__).parent / "results"
Cell = Mapping[str, Any]
Record = Mapping[str, Any]


def append(path: Path, record: Record) -> None:
    """Adds a line in one write, so that runs that end together do not mix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, (json.dumps(record) + "\n").encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read(path: Path) -> list[dict[str, Any]]:
    """Reads the records of a file, oldest first; a file that is not there has none.

    Raises:
        RunError: If a line is no record.
    """
    if not path.is_file():
        return []
    records = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            records.append(json.loads(line))
        except ValueError as error:
            raise RunError(f"{path}, line {number}, is no JSON ({error}): remove the line to run it again.") from error
    return records


def key(cell: Cell, seed: int) -> str:
    """Names a run: the same text for the same cell and seed, in whatever order the cell was written."""
    return json.dumps([dict(cell), seed], sort_keys=True)


def latest(records: Sequence[Record]) -> dict[str, Record]:
    """Returns the records by run; of a run that was repeated, the last."""
    return {key(record["cell"], record["seed"]): record for record in records}


def here() -> dict[str, Any]:
    """Says on what code and machine this runs."""
    machine = {"processor": processor(), "threads": torch.get_num_threads(), "torch": torch.__version__}
    changed = git("status", "--porcelain", "--untracked-files=no", "--", "*.py")
    return {"commit": git("rev-parse", "HEAD"), **({"changed": True} if changed else {}), "machine": machine}


def git(*arguments: str) -> str:
    """Asks git about this checkout; "unknown" where there is none."""
    try:
        root = Path(__file__).parents[1]
        done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()


def processor() -> str:
    """Names the processor, as Linux does where it does."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.is_file() else []
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())
