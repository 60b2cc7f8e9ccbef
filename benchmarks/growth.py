"""How time and peak memory grow: with the values K of an enumerated variable, rows, width, samples S, steps and runs.

K, width, samples and steps: processor seconds and MB of a training step, forward, backward and Adam, each size in a
process of its own, on one thread (models of enumeration.py and repeat.py). Rows and runs: what rows.py and many.py
measure. For each a table, a figure in benchmarks/figures with a line of linear growth, and a part of the JSON file.

    python benchmarks/growth.py --json benchmarks/growth.json                                    (about 25 minutes)
    python benchmarks/growth.py --axes width samples --most 256                                  (1 minute)
    python benchmarks/growth.py --axes runs --most 2 --repeats 1                                 (1 minute)
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
if __name__ == "__main__":
    sys.path[0] = str(ROOT)  # the root, in place of this folder

import torch  # noqa: E402

from benchmarks import enumeration, repeat  # noqa: E402
from benchmarks.cost import cost, slope  # noqa: E402
from benchmarks.growth_figure import growth_figure  # noqa: E402
from unbraid.figures.save import save  # noqa: E402

ROWS = 200
"""Of a batch of `repeat`."""


@dataclass
class Curve:
    """Sizes, and what each cost.

    Attributes:
        label: What grows.
        unit: What the times are of.
        seconds: By name of a line, one for each size.
        megabytes: In the same form.
    """

    label: str
    unit: str
    sizes: list[int]
    seconds: dict[str, list[float]] = field(default_factory=dict)
    megabytes: dict[str, list[float]] = field(default_factory=dict)


STEPS: dict[str, tuple[str, tuple[int, ...], Callable[[int], Callable[[], None]]]] = {
    "values": ("values K that are enumerated", enumeration.VALUES, lambda size: enumeration.stepper(values=size)),
    "width": (
        "units of each hidden layer", (64, 128, 256, 512, 1024, 2048),
        lambda size: enumeration.stepper(hidden=size),
    ),
    "samples": ("samples S", (1, 2, 4, 8, 16, 32), lambda size: enumeration.stepper(samples=size)),
    "steps": ("steps of a Repeat", repeat.STEPS, lambda size: repeat.stepper(size, torch.full((ROWS,), size), ROWS)),
}  # fmt: skip


def of_steps(axis: str, most: int) -> Curve:
    """Measures a step at each size, in a process of its own."""
    label, sizes, _ = STEPS[axis]
    curve = Curve(label, "processor seconds of a step", [size for size in sizes if size <= most])
    for size in curve.sizes:
        found = json.loads(called("growth.py", "--one", axis, str(size)))
        curve.seconds.setdefault("", []).append(found["seconds"])
        curve.megabytes.setdefault("", []).append(found["megabytes"])
    return curve


def of_rows(given: argparse.Namespace) -> Curve:
    """Measures epochs on memory-mapped rows; an epoch is timed for 200 batches at most, and counted in full."""
    sizes = [size for size in (1000, 10_000, 100_000, 1_000_000) if size <= given.most]
    results = recorded("rows.py", "--rows", *map(str, sizes))
    curve = Curve("memory-mapped rows", "seconds of an epoch", sizes)
    curve.seconds = {"": [each["ahead_us"] * each["rows"] / 1e6 for each in results]}
    curve.megabytes = {"": [each["megabytes"] for each in results]}
    return curve


def of_runs(given: argparse.Namespace) -> Curve:
    """Measures runs trained together, in each way that `fit_many` has."""
    sizes = [size for size in (1, 2, 4, 8) if size <= given.most]
    words = ("--models", "digits", "--repeats", str(given.repeats), "--runs", *map(str, sizes))
    results = recorded("many.py", *words)["digits"]
    curve = Curve("runs of fit_many", "seconds of one step of every run", sizes)
    for way in results[str(sizes[0])]:
        found = [results[str(size)][way] for size in sizes]
        curve.seconds[way] = [each["clock"] * size / 1e3 for each, size in zip(found, sizes, strict=True)]
        curve.megabytes[way] = [each["megabytes"] for each in found]
    return curve


def called(program: str, *words: str) -> str:
    """Runs one of these programs on one thread and returns what it printed."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(ROOT / "benchmarks" / program), *words]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment).stdout


def recorded(program: str, *words: str) -> Any:
    """Runs one of these programs and returns the results of its record."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "record.json"
        called(program, *words, "--json", str(path))
        return json.loads(path.read_text())["results"]


def table(curve: Curve) -> str:
    """Writes a curve as a Markdown table; the last line has the exponent of growth between the two largest sizes."""
    names = list(curve.seconds)
    heads = [f"{what}{f', {name}' if name else ''}" for what in (curve.unit, "peak MB") for name in names]
    lines = [f"| {curve.label} | {' | '.join(heads)} |", "| --- " * (len(heads) + 1) + "|"]
    for place, size in enumerate(curve.sizes):
        cells = [f"{curve.seconds[name][place]:.4g}" for name in names]
        cells += [f"{curve.megabytes[name][place]:.0f}" for name in names]
        lines.append(f"| {size:,} | {' | '.join(cells)} |")
    if len(curve.sizes) > 1:
        slopes = [f"{slope(curve.sizes, curve.seconds[name]):.2f}" for name in names]
        lines.append(f"| exponent at the end (1 is linear) | {' | '.join(slopes)} |{' |' * len(names)}")
    return "\n".join(lines)


AXES = (*STEPS, "rows", "runs")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--axes", nargs="+", default=AXES, choices=AXES)
    parser.add_argument("--most", type=int, default=1_000_000, help="leave larger sizes out")
    parser.add_argument("--repeats", type=int, default=3, help="of the measurements of runs")
    parser.add_argument("--json", type=Path, help="where the record goes")
    parser.add_argument("--figures", type=Path, default=ROOT / "benchmarks" / "figures", help="the folder of figures")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        torch.set_num_threads(1)
        axis, size = given.one
        print(json.dumps(cost(STEPS[axis][2](int(size)))))
        return
    record: dict[str, Any] = {}
    for axis in given.axes:
        special = {"rows": of_rows, "runs": of_runs}
        curve = special[axis](given) if axis in special else of_steps(axis, given.most)
        record[axis] = asdict(curve)
        print(table(curve), end="\n\n", flush=True)
        save(growth_figure(curve.label, curve.unit, curve.sizes, curve.seconds, curve.megabytes),
             given.figures / f"{axis}.png")  # fmt: skip
        if given.json:
            given.json.write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
