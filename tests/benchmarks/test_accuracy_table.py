"""The table of time_to_accuracy.py."""

from __future__ import annotations

from typing import Any

from benchmarks.time_to_accuracy import table


def look(system: str, seconds: float, error: float) -> dict[str, Any]:
    return {"system": system, "draw": 0, "seconds": seconds, "error": error}


def end(system: str, seconds: float) -> dict[str, Any]:
    return {"system": system, "draw": 0, "ended_after": seconds}


def test_the_first_time_at_a_bar_counts() -> None:
    lines = [look("a", 40, 0.11), look("a", 80, 0.04), look("a", 120, 0.06), look("a", 160, 0.021), end("a", 165)]
    assert table(lines).splitlines()[-1] == "| a | 0 | 80 | 80 | 160 | 2.10 % after 160 s |"


def test_a_bar_that_is_never_reached_says_how_far_it_came() -> None:
    lines = [look("a", 40, 0.5), look("a", 80, 0.375), end("a", 900)]
    assert "never (37.5 % after 15.0 min)" in table(lines)


def test_a_run_without_a_look() -> None:
    assert table([end("a", 60)]).endswith("| never (no error yet after 1.0 min) | none |")
