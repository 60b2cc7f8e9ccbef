"""The demonstration of Eq. 4 runs, on drawn digits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from experiments import eq4


def test_quick(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    eq4.main(["--quick", "--out", str(tmp_path)])
    records = [json.loads(line) for line in (tmp_path / "eq4.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [(record["supervision"], record["epoch"]) for record in records] == [
        (way, epoch) for way in ("eq4", "default") for epoch in range(3)
    ]
    q_right = {(record["supervision"], record["epoch"]): record["q_right"] for record in records}
    assert q_right["eq4", 2] < q_right["eq4", 1] < q_right["eq4", 0] == q_right["default", 0] < q_right["default", 2]
    assert (tmp_path / "eq4.png").stat().st_size > 10_000
    assert "| Eq. 4 | 2 |" in capsys.readouterr().out

    eq4.main(["--quick", "--figure", "--out", str(tmp_path)])  # draws again, measures nothing
    assert len((tmp_path / "eq4.jsonl").read_text(encoding="utf-8").splitlines()) == 6


def test_of_a_measurement_that_was_repeated_the_last_counts() -> None:
    records = [
        {"supervision": "eq4", "draw": draw, "epoch": 0, "error": error} for draw, error in ((1, 2), (0, 3), (1, 4))
    ]
    assert [[each["error"] for each in draw] for draw in eq4.lines(records, "eq4")] == [[3], [4]]
