"""Records are appended whole, found by cell and seed, and say where they come from."""

from __future__ import annotations

from pathlib import Path

import pytest

from experiments.record import append, here, key, latest, read
from unbraid.errors import RunError


def test_records_come_back_in_their_order(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.jsonl"
    assert read(path) == []
    for seed in range(3):
        append(path, {"cell": {"labels": 10}, "seed": seed})
    assert [record["seed"] for record in read(path)] == [0, 1, 2]


def test_a_line_that_is_no_record_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"seed": 0}\n{"seed":\n')
    with pytest.raises(RunError, match=r"a\.jsonl, line 2, is no JSON"):
        read(path)


def test_a_run_is_named_by_what_its_cell_says() -> None:
    assert key({"model": "a", "labels": 1}, 0) == key({"labels": 1, "model": "a"}, 0)
    assert key({"labels": 1}, 0) != key({"labels": "1"}, 0)
    assert key({"labels": 1}, 0) != key({"labels": 1}, 1)


def test_of_a_run_that_was_repeated_the_last_counts() -> None:
    records = [{"cell": {"a": 1}, "seed": seed, "n": n} for n, seed in enumerate((0, 1, 0))]
    assert [record["n"] for record in latest(records).values()] == [2, 1]


def test_code_and_machine_are_named() -> None:
    assert set(here()) >= {"commit", "machine"}
    assert set(here()["machine"]) == {"processor", "threads", "torch"}
