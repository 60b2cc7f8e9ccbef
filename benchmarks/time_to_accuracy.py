"""Seconds from a cold start to 10, 5 and 3 % error on MNIST with 100 labels: unbraid's demo beside Pyro's own recipe.

Each system is a fresh process with the same rows and labels. The clock runs from before it is started: imports,
reading, and all looks at the error (after every epoch of the demo, every 50 batches of Pyro) are in it. Errors are
those of the 10,000 test rows; they choose and stop nothing. A system is stopped at the limit. Lines of JSON are written
as the errors come.

    python benchmarks/time_to_accuracy.py --out benchmarks/time_to_accuracy.jsonl                 (about 20 minutes)
    python benchmarks/time_to_accuracy.py --develop --limit-minutes 2 --draws 100 --out FILE      (4 minutes)

`--develop` watches the last 10,000 training rows, and reads no test row. `--systems pyro_often` has labelled batches
more often than Pyro's example does.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PROGRAMS = {"unbraid": "unbraid_demo", "pyro": "pyro_m2", "pyro_often": "pyro_m2"}
BARS = (0.10, 0.05, 0.03)


def run(system: str, draw: int, given: argparse.Namespace) -> None:
    """Runs a system until it ends or the limit is reached."""
    command = [sys.executable, "-m", f"benchmarks.accuracy.{PROGRAMS[system]}", system, "--draw", str(draw)]
    command += ["--out", str(given.out.resolve()), *["--develop"] * given.develop, "--started", str(time.time())]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": str(given.threads)}
    environment |= {"GOMP_SPINCOUNT": "5000"}  # as in `make demo`
    started = time.monotonic()
    try:
        subprocess.run(command, check=True, env=environment, cwd=ROOT, timeout=60 * given.limit_minutes)
    except subprocess.TimeoutExpired:
        print(f"{system} was stopped after {given.limit_minutes:g} minutes", file=sys.stderr)
    end = {"system": system, "draw": draw, "develop": given.develop, "ended_after": time.monotonic() - started}
    with given.out.open("a") as file:
        file.write(json.dumps(end) + "\n")


def table(lines: Sequence[dict[str, Any]]) -> str:
    """Returns a Markdown table, a row for each system and draw: seconds to each bar, or how far it got."""
    runs: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for line in lines:
        runs.setdefault((line["system"], line["draw"]), []).append(line)
    heads = " | ".join(f"{100 * bar:g} %" for bar in BARS)
    rows = [f"| seconds to an error of | draw | {heads} | last error |", "| --- " * (len(BARS) + 3) + "|"]
    for (system, draw), noted in runs.items():
        cells = [*(_reached(noted, bar) for bar in BARS), _last(noted)]
        rows.append(f"| {system} | {draw} | {' | '.join(cells)} |")
    return "\n".join(rows)


def _reached(noted: Sequence[dict[str, Any]], bar: float) -> str:
    """Returns when the error was first at the bar or below, or how far it had come in the end."""
    *looks, end = noted
    reached = [line["seconds"] for line in looks if line["error"] <= bar]
    if reached:
        return f"{reached[0]:.0f}"
    came = f"{100 * looks[-1]['error']:.1f} %" if looks else "no error yet"
    return f"never ({came} after {end['ended_after'] / 60:.1f} min)"


def _last(noted: Sequence[dict[str, Any]]) -> str:
    if len(noted) == 1:
        return "none"
    line = noted[-2]
    return f"{100 * line['error']:.2f} % after {line['seconds']:.0f} s"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--systems", nargs="+", choices=tuple(PROGRAMS), default=("unbraid", "pyro"))
    parser.add_argument(
        "--draws", type=int, nargs="+", default=(0,), help="seeds: of the labelled rows and of training"
    )
    parser.add_argument("--limit-minutes", type=float, default=15.0)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--develop", action="store_true", help="watch training rows that are held out, not test rows")
    parser.add_argument("--out", type=Path, required=True, help="the JSONL file; it is begun anew")
    given = parser.parse_args()
    given.out.write_text("")
    for draw in given.draws:
        for system in given.systems:
            if system.startswith("pyro") and find_spec("pyro") is None:
                print(f"{system} is left out: install pyro-ppl, or `make bench`", file=sys.stderr)
                continue
            run(system, draw, given)
    print(table([json.loads(line) for line in given.out.read_text().splitlines()]))


if __name__ == "__main__":
    main()
