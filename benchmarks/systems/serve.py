"""What every system's process does: it reads "column steps" and answers with the milliseconds of each step."""

from __future__ import annotations

import gc
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.workload import Kind, Workload, kind_and_rows

Step = Callable[[], object]
SETTLE = 0.3
"""Seconds before a block: the threads of the process before spin a while, on processors that this one needs."""
WARM = 0.4
"""Seconds of steps at the start of a block that do not count: a training goes on, so caches and threads are warm."""


def serve(
    step_of: Callable[[Workload, Kind, int], Step], workload: Workload, compilations: Callable[[], int] | None = None
) -> None:
    """Serves blocks of steps, of one column at a time: the step before is dropped when another column comes.

    Args:
        step_of: Makes the step of a workload, a kind (labelled, enumerated or plug_in) and a number of rows.
        workload: Which.
        compilations: Counts the graphs that were compiled since the last `step_of`, where anything is compiled.
    """
    current, step = "", None
    for line in sys.stdin:
        column, count = line.split()
        if column != current:
            step = None
            forget_peak()
            current, step = column, step_of(workload, *kind_and_rows(column))
        assert step is not None
        time.sleep(SETTLE)
        warm = time.perf_counter() + WARM
        step()
        while time.perf_counter() < warm:
            step()
        times = []
        for _ in range(int(count)):
            start = time.perf_counter()
            step()
            times.append((time.perf_counter() - start) * 1e3)
        compiled = compilations() if compilations else None
        print(json.dumps({"ms": times, "peak_mb": peak() / 1024, "compilations": compiled}), flush=True)


def forget_peak() -> None:
    """Makes the kernel count the peak memory of this process anew, where it lets us."""
    gc.collect()
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return  # the peak is then that of all columns so far


def peak() -> int:
    """Returns the most memory that this process had resident, in KiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
