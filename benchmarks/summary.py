"""From the times of steps to a record and its Markdown tables."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any, Protocol

from benchmarks.systems.sgemm import GFLOP
from benchmarks.workload import Workload, gflop, kind_and_rows


class Measured(Protocol):
    """What a process measured in a column."""

    times: list[float]
    first_ms: float
    peak_mb: float
    compilations: int | None


def summary(processes: Sequence[Measured]) -> dict[str, Any]:
    """Pools the processes of a system: median and quartiles of all steps, the most memory and compilations of any."""
    times = [each for process in processes for each in process.times]
    low, middle, high = statistics.quantiles(times, n=4)
    found: dict[str, Any] = {
        "median_ms": middle, "quartiles_ms": [low, high], "steps": len(times),
        "process_medians_ms": [statistics.median(process.times) for process in processes],
        "first_step_ms": max(process.first_ms for process in processes),
        "peak_mb": max(process.peak_mb for process in processes),
    }  # fmt: skip
    compiled = [process.compilations for process in processes if process.compilations is not None]
    return found | ({"recompilations": max(compiled) - 1} if compiled else {})


def tables(record: dict[str, Any], workload: Workload, peak_ms: Sequence[float]) -> str:
    """Adds GFLOP/s, and their share of the peak, to a record, and returns its tables.

    Args:
        record: By system and column; under "machine" the machine, which gets the peak.
        workload: Which model.
        peak_ms: Times of one product of `sgemm`; the peak is that of the fastest tenth.
    """
    peak = GFLOP / statistics.quantiles(peak_ms, n=10)[0] * 1e3
    record["machine"]["sgemm_gflops"] = peak
    systems = [name for name in record if name != "machine"]
    columns = list(record[systems[0]]) if systems else []
    needed = {column: gflop(workload, *kind_and_rows(column)) for column in columns}
    for name in systems:
        for column, found in record[name].items():
            found["gflops"] = needed[column] / found["median_ms"] * 1e3
            found["share_of_peak"] = found["gflops"] / peak
    at_peak = " | ".join(f"{needed[column] / peak * 1e3:.2f}" for column in columns)
    lines = [_head("ms per step", columns), *(_row(name, record[name], _times) for name in systems)]
    lines += [f"| products alone at the peak, {peak:.0f} GFLOP/s | {at_peak} |", *_ratios(record, systems, columns)]
    lines += ["", _head("GFLOP/s of the products needed, share of the peak", columns)]
    lines += [_row(name, record[name], _rate) for name in systems]
    lines += ["", _head("peak memory, MB (recompilations)", columns)]
    return "\n".join([*lines, *(_row(name, record[name], _memory) for name in systems)])


def _ratios(record: dict[str, Any], systems: Sequence[str], columns: Sequence[str]) -> list[str]:
    """Compares unbraid with the best code by hand, and with NumPyro."""
    lines = []
    hands = [name for name in systems if name.startswith("by_hand")]
    for ours in (name for name in systems if name.startswith("unbraid")):
        for title, others in (("best by hand", hands), ("numpyro", [name for name in systems if name == "numpyro"])):
            if others:
                best = {column: min(record[other][column]["median_ms"] for other in others) for column in columns}
                cells = (f"{record[ours][column]['median_ms'] / best[column]:.3f}" for column in columns)
                lines.append(f"| {ours} / {title} | {' | '.join(cells)} |")
    return lines


def _head(title: str, columns: Sequence[str]) -> str:
    return f"| {title} | {' | '.join(columns)} |\n| --- |{' --- |' * len(columns)}"


def _row(name: str, found: dict[str, Any], cell: Any) -> str:
    return f"| {name} | {' | '.join(cell(each) for each in found.values())} |"


def _times(found: dict[str, Any]) -> str:
    low, high = found["quartiles_ms"]
    return f"{found['median_ms']:.2f} ({low:.2f} to {high:.2f})"


def _rate(found: dict[str, Any]) -> str:
    return f"{found['gflops']:.0f}, {100 * found['share_of_peak']:.0f} %"


def _memory(found: dict[str, Any]) -> str:
    compiled = found.get("recompilations")
    return f"{found['peak_mb']:.0f}" + (f" ({compiled})" if compiled is not None else "")
