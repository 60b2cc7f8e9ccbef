"""From times to tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from benchmarks.summary import summary, tables
from benchmarks.systems.sgemm import GFLOP
from benchmarks.workload import gflop


@dataclass
class Process:
    times: list[float]
    first_ms: float = 50.0
    peak_mb: float = 300.0
    compilations: int | None = None


def test_processes_are_pooled() -> None:
    found = summary([Process([1.0, 2.0, 3.0]), Process([3.0, 4.0, 5.0], peak_mb=400.0)])
    assert found["median_ms"] == 3.0
    assert found["quartiles_ms"] == [1.75, 4.25]
    assert found["process_medians_ms"] == [2.0, 4.0]
    assert found["peak_mb"] == 400.0
    assert "recompilations" not in found


def test_the_first_compilation_is_none_again() -> None:
    assert summary([Process([1.0, 2.0], compilations=1), Process([1.0, 2.0], compilations=3)])["recompilations"] == 2


def test_tables() -> None:
    def column(ms: float) -> dict[str, Any]:
        return {"labelled_100": summary([Process([ms, ms])])}

    record = {"unbraid": column(6.0), "by_hand": column(8.0), "numpyro": column(4.0), "machine": {}}
    printed = tables(record, "m2", [10.0] * 20)
    assert record["machine"]["sgemm_gflops"] == pytest.approx(GFLOP * 100)
    assert record["unbraid"]["labelled_100"]["gflops"] == pytest.approx(gflop("m2", "labelled", 100) / 6e-3)
    assert "| unbraid | 6.00 (6.00 to 6.00) |" in printed
    assert "| unbraid / best by hand | 0.750 |" in printed
    assert "| unbraid / numpyro | 1.500 |" in printed
