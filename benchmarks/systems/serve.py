"""What every system's process does: it reads "column steps" and answers with the milliseconds of each step."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable


def serve(step_of: Callable[[str, int], Callable[[], None]]) -> None:
    """Serves blocks of steps.

    Args:
        step_of: Makes the step of a kind (labelled, enumerated or plug_in) and a number of rows.
    """
    steps: dict[str, Callable[[], None]] = {}
    for line in sys.stdin:
        column, count = line.split()
        kind, rows = column.rsplit("_", 1)
        step = steps.setdefault(column, step_of(kind, int(rows)))
        times = []
        for _ in range(int(count)):
            start = time.perf_counter()
            step()
            times.append((time.perf_counter() - start) * 1e3)
        print(json.dumps(times), flush=True)
