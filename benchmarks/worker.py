"""A process that runs one system of step_time.py."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from benchmarks.workload import Workload

ROOT = Path(__file__).parents[1]


class Worker:
    """A process that takes steps when it is told to, and what it measured in the present column.

    Args:
        system: Its name, such as by_hand_shared.
        workload: Which model.
        threads: How many; where the machine has more processors, the process is kept on so many.
    """

    def __init__(self, system: str, workload: Workload, threads: int) -> None:
        self.system = system
        module = "by_hand" if system.startswith("by_hand") else system.removesuffix("_bf16").removesuffix("_compiled")
        command = [sys.executable, "-m", f"benchmarks.systems.{module}", system, workload]
        environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "PYTHONPATH": str(ROOT)}
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment, cwd=ROOT)
        if hasattr(os, "sched_setaffinity"):
            mine = sorted(os.sched_getaffinity(0))
            os.sched_setaffinity(self.process.pid, mine[:threads])

    def begin(self, column: str, steps: int) -> None:
        """Begins a column with some steps that do not count; the first one compiles."""
        self.column = column
        self.times: list[float] = []
        self.block(steps)
        self.first_ms, self.times = self.times[0], []

    def block(self, steps: int) -> None:
        """Takes some steps.

        Raises:
            SystemExit: If the process has died; it said why on the terminal.
        """
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.write(f"{self.column} {steps}\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # the end of its output says so too
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.system} died in {self.column}: its own message is above")
        found = json.loads(line)
        self.times += found["ms"]
        self.peak_mb: float = found["peak_mb"]
        self.compilations: int | None = found["compilations"]
