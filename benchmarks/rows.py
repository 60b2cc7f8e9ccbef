"""Time and memory of training on memory-mapped rows, 1e3 to 1e6 of them.

Each number of rows is a file of bytes, 1 x 28 x 28 a row, and a process of its own, on one thread: an epoch of at most
STEPS batches of 100 rows, spread over the file, by `ub.fit` on a small model. Beside it stand the same rows gathered
without a model, from the file and, up to 1e5 rows, from a float tensor in memory, and the epoch without the thread that
gathers ahead. Memory is what the process had at most over what it had after an epoch on 100 rows in memory.

    OMP_NUM_THREADS=1 python benchmarks/rows.py --json benchmarks/rows.json --markdown benchmarks/rows.md
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

import unbraid as ub
from unbraid.training.source import Source, TensorSource, source_of

ROWS = (1000, 10_000, 100_000, 1_000_000)
BATCH, STEPS = 100, 200
CPU = torch.device("cpu")


class Small(ub.Model):
    """A digit and a style."""

    def encode(self, x: Any) -> Any:
        h = ub.mlp(128)(x)
        digit = ub.Categorical(10)(h)
        return {"digit": digit, "style": ub.Normal(10)(digit, h)}

    def decode(self, digit: Any, style: Any) -> Any:
        return ub.Bernoulli(1, 28, 28)(ub.mlp(128)(digit, style))


def write(path: Path, rows: int) -> None:
    """Writes random bytes, some at a time."""
    array = np.lib.format.open_memmap(path, "w+", np.uint8, (rows, 1, 28, 28))
    generator = np.random.default_rng(0)
    for start in range(0, rows, 10_000):
        part = array[start : start + 10_000]
        part[:] = generator.integers(0, 256, part.shape, dtype=np.uint8)
    array.flush()


def peak() -> int:
    """Returns the most memory that this process had so far, in KiB, the pages of mapped files with it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def fastest(call: Callable[[], Any], repeats: int = 5) -> float:
    """Returns the seconds of the fastest of some calls."""
    seconds = []
    for _ in range(repeats):
        begin = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - begin)
    return min(seconds)


def gathering(source: Source) -> float:
    """Returns the microseconds a row that a source takes to gather batches."""
    order = torch.randperm(len(source), generator=torch.Generator().manual_seed(0))[: BATCH * STEPS].split(BATCH)
    return 1e6 * fastest(lambda: [source.gather(rows) for rows in order]) / sum(map(len, order))


class Part:
    """The rows of a source that an epoch sees: as many as it has steps, spread over all."""

    def __init__(self, source: Source, ahead: bool) -> None:
        self.source, self.on_disk = source, ahead
        self.every = max(1, len(source) // (BATCH * STEPS))

    def __len__(self) -> int:
        return len(self.source) // self.every

    def gather(self, rows: torch.Tensor) -> torch.Tensor:
        return self.source.gather(rows * self.every)


def epoch(source: Source, ahead: bool) -> float:
    """Returns the microseconds a row of an epoch of training."""
    from unbraid.training import task

    part = Part(source, ahead)
    original, task.source_of = task.source_of, lambda *_: part  # type: ignore[assignment]
    try:
        run = ub.fit(Small(), None, epochs=2, batch_size=BATCH, progress="quiet", estimators={"digit": "plug_in"})
    finally:
        task.source_of = original
    return 1e6 * min(each["clock"]["train_seconds"] for each in run.history) / len(part)


def measure(path: Path) -> dict[str, Any]:
    """Measures one file."""
    torch.set_num_threads(1)
    ub.fit(Small(), torch.rand(BATCH, 1, 28, 28), epochs=1, batch_size=BATCH, progress="quiet")
    images = np.load(path, mmap_mode="r")
    source, before = source_of(images, Small(), CPU), peak()
    found = {"rows": len(images), "file_megabytes": images.nbytes / 1e6}
    found |= {"ahead_us": epoch(source, True), "gather_us": gathering(source), "megabytes": (peak() - before) / 1024}
    found["not_ahead_us"] = epoch(source, False)
    if len(images) <= 100_000:
        memory = TensorSource(torch.from_numpy(np.array(images)).float().div_(255), CPU)
        found |= {"memory_us": epoch(memory, False), "memory_ahead_us": epoch(memory, True)}
        found["memory_gather_us"] = gathering(memory)
    return found


COLUMNS = {
    "file_megabytes": "file, MB", "megabytes": "memory over the start, MB", "gather_us": "gathering",
    "memory_gather_us": "gathering from memory", "ahead_us": "an epoch, rows gathered ahead",
    "not_ahead_us": "not ahead", "memory_us": "from memory", "memory_ahead_us": "from memory, ahead",
}  # fmt: skip


def table(results: list[dict[str, Any]]) -> str:
    """Writes the results as a table; times are microseconds a row."""
    lines = ["| rows | " + " | ".join(COLUMNS.values()) + " |", "| --- " * (len(COLUMNS) + 1) + "|"]
    for each in results:
        cells = [f"{each[name]:,.1f}" if name in each else "" for name in COLUMNS]
        lines.append(f"| {each['rows']:,} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=ROWS)
    parser.add_argument("--json", type=Path, help="where the record goes")
    parser.add_argument("--markdown", type=Path, help="where the table goes")
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measure(given.one)))
        return
    results = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.npy"
        for rows in given.rows:
            write(path, rows)
            command = [sys.executable, str(Path(__file__)), "--one", str(path)]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            results.append(json.loads(done.stdout))
    print(table(results), end="")
    if given.json:
        record = {"results": results, "machine": platform.processor() or platform.machine(), "threads": 1}
        given.json.write_text(json.dumps(record, indent=2) + "\n")
    if given.markdown:
        given.markdown.write_text(table(results))


if __name__ == "__main__":
    main()
