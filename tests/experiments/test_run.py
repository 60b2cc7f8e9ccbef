"""What is run: cells without a record, all of a seed before the next, until the budget is spent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from experiments import faces, svhn
from experiments import run as running
from experiments.experiment import few, product
from experiments.face_tables import PROTOCOLS
from experiments.record import append, read
from experiments.run import chosen, pending, run_all
from experiments.trial import Trial, rows_of
from tests.experiments.tiny_data import write_faces, write_svhn
from unbraid.data import Rows, tiny_digits
from unbraid.errors import OptionError

CELLS = product({"model": ("a", "b"), "labels": (100, "all")})


def test_cells_are_chosen_by_their_values() -> None:
    assert chosen(CELLS, {}) == list(CELLS)
    assert chosen(CELLS, {"labels": "100"}) == [{"model": "a", "labels": 100}, {"model": "b", "labels": 100}]
    assert chosen(CELLS, {"labels": "all", "model": "b"}) == [{"model": "b", "labels": "all"}]
    with pytest.raises(OptionError, match=r"no cell has labels=7. Cells have model: a, b; labels: 100, all"):
        chosen(CELLS, {"labels": "7"})


def test_what_has_a_record_is_not_run_again(tmp_path: Path) -> None:
    path, cells = tmp_path / "svhn.jsonl", CELLS[:2]
    assert pending(svhn.EXPERIMENT, cells, range(2), path) == [(cell, seed) for seed in (0, 1) for cell in cells]
    append(path, {"experiment": "svhn", "cell": cells[0], "seed": 0, "metrics": {}})
    append(path, {"experiment": "svhn", "cell": cells[1], "seed": 0, "failure": "TrainingError()"})
    append(path, {"experiment": "another", "cell": cells[0], "seed": 1, "metrics": {}})
    assert pending(svhn.EXPERIMENT, cells, range(2), path) == [(cells[0], 1), (cells[1], 1)]
    assert pending(svhn.EXPERIMENT, cells, range(2), path, retry=True)[0] == (cells[1], 0)


def test_no_run_is_begun_after_the_budget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(trial: Trial) -> dict[str, Any]:
        return {"seed": trial.seed}

    monkeypatch.setattr(running, "run", run)
    trials = [Trial("svhn", CELLS[0], seed) for seed in range(3)]
    told: list[Any] = []
    assert run_all(trials, tmp_path / "a.jsonl", budget=0.0) == 0
    assert run_all(trials, tmp_path / "b.jsonl", note="why", report=told.append) == 3
    assert read(tmp_path / "b.jsonl") == [{"seed": seed, "note": "why"} for seed in range(3)]
    assert told == [{"seed": seed} for seed in range(3)]


def test_a_failed_run_has_a_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_svhn(tmp_path)
    monkeypatch.setenv("UNBRAID_DATA", str(tmp_path))
    svhn.read.cache_clear()
    cells = product({"model": ("conv",), "labels": (5000, 7), "rate": (1.0,)})
    run_all([Trial("svhn", cell, 0, quick=True) for cell in cells], tmp_path / "a.jsonl")
    svhn.read.cache_clear()
    records = read(tmp_path / "a.jsonl")
    assert ["metrics" in record for record in records] == [False, False]
    assert "fewer than per_class=500" in records[0]["failure"]
    assert "7 labels cannot be shared evenly" in records[1]["failure"]


@pytest.mark.slow
def test_runs_in_two_processes_are_the_same_as_in_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_svhn(tmp_path)
    monkeypatch.setenv("UNBRAID_DATA", str(tmp_path))
    svhn.read.cache_clear()
    trials = [Trial("svhn", svhn.EXPERIMENT.quick[0], seed, quick=True) for seed in range(2)]
    for jobs in (1, 2):
        run_all(trials, tmp_path / f"{jobs}.jsonl", jobs=jobs)
    svhn.read.cache_clear()
    one, two = ({record["seed"]: record["terms"] for record in read(tmp_path / f"{jobs}.jsonl")} for jobs in (1, 2))
    assert one == two


@pytest.mark.parametrize("split", PROTOCOLS)
def test_faces_are_split_once_and_developed_on_training_rows(
    split: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_faces(tmp_path)
    monkeypatch.setenv("UNBRAID_DATA", str(tmp_path))
    faces.read.cache_clear()
    cell = {"model": "q", "labels": 60, "split": split}
    train, test = rows_of(Trial("faces", cell, 3), faces.EXPERIMENT)
    for_training, held_out = rows_of(Trial("faces", cell, 100), faces.EXPERIMENT)
    faces.read.cache_clear()

    def names(rows: Rows) -> set[tuple[float, ...]]:
        columns = (rows.labels[name] for name in ("identity", "azimuth", "elevation"))
        return set(zip(*(column.tolist() for column in columns), strict=True))

    assert len(names(train)) + len(names(test)) == 38 * 9
    assert names(for_training) | names(held_out) == names(train)
    assert not names(for_training) & names(held_out)
    assert not names(train) & names(test)


def test_labels_are_shared_evenly() -> None:
    rows = tiny_digits(100)
    assert (few(rows, "digit", 20, seed=0)["digit"] >= 0).sum() == 20
    assert (few(rows, "digit", "all", seed=0)["digit"] >= 0).all()
    with pytest.raises(OptionError, match="25 labels cannot be shared evenly among the 10 values of 'digit'"):
        few(rows, "digit", 25, seed=0)
