"""Tables and curves say what the records say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from experiments import mnist, svhn
from experiments.__main__ import main
from experiments.curves import Curves, draw_curves, points
from experiments.experiment import Experiment
from experiments.pictures import FIGURES, RUNS, slug
from experiments.places import README, Places
from experiments.published import Published
from experiments.readme import between, write_tables
from experiments.record import RESULTS, append
from experiments.table import Measure, Measures, Table, markdown, spread
from experiments.trial import MODULES, find
from unbraid.data import tiny_digits
from unbraid.errors import RunError
from unbraid.figures import caption_of


def record(labels: int | str, seed: int, error: float | None, model: str = "a", rate: float = 1.0) -> dict[str, Any]:
    made: dict[str, Any] = {"cell": {"model": model, "labels": labels, "rate": rate}, "seed": seed}
    if error is None:
        return made | {"failure": "TrainingError()"}
    return made | {"metrics": {"e": error}, "baseline": 2 * error, "baseline_metrics": {"e": 2 * error}}


RECORDS = [
    record(1000, 0, 0.01),
    record(100, 0, 0.02),
    record(100, 1, 0.04),
    record(100, 2, None),
    record("all", 0, 0.005),
    record(100, 0, 0.3, rate=0.1),
]


def test_a_table_of_records() -> None:
    others = (Published("others", {"100": "1.0 ± 0.1", "50": "9"}, "a paper"), Published("more", {"50": "8"}, "it too"))
    table = Table("Error", "e", where={"rate": 1.0}, published=others)
    assert markdown(table, RECORDS).splitlines() == [
        "**Error**, in %",
        "",
        "| model | labels 100 | labels 1000 | labels all | labels 50 | source |",
        "| --- | ---: | ---: | ---: | ---: | --- |",
        "| **a** | 3.00 ± 1.41 (1 of 3 runs failed) | 1.00 | 0.50 |  | ours, 1 to 3 runs |",
        "| a: its recogniser on the labelled rows alone | 6.00 ± 2.83 | 2.00 | 1.00 |  | ours, 1 to 3 runs |",
        "| others | 1.0 ± 0.1 |  |  | 9 | a paper |",
        "| more |  |  |  | 8 | it too |",
    ]
    by_rate = markdown(Table("Error", "e", rows="rate", baseline=False), RECORDS).splitlines()
    assert [line.split("|")[1:3] for line in by_rate[4:]] == [
        [" **0.1** ", " 30.00 "],
        [" **1.0** ", " 3.00 ± 1.41 (1 of 3 runs failed) "],
    ]


def test_a_table_of_several_metrics() -> None:
    """A row has what was measured of it, in the order that was asked for; cells that no column shows do not count."""
    rows = [
        {"cell": {"model": model, "labels": labels}, "seed": seed, "metrics": {"e": error, **more}}
        for model, labels, seed, error, more in (
            ("q", "all", 0, 0.01, {"angle": 4.0}), ("q", "all", 1, 0.03, {}), ("q", 60, 0, 0.2, {}),
            ("neither", "all", 0, 0.5, {"angle": 9.0}), ("none", 7, 0, 0.9, {}),
        )
    ]  # fmt: skip
    rows.append({"cell": {"model": "neither", "labels": 60}, "seed": 0, "failure": "TrainingError()"})
    columns = (
        Measure("all", "e", "percent", {"labels": "all"}),
        Measure("60", "e", "percent", {"labels": 60}),
        Measure("angle", "angle", "degrees", {"labels": "all"}),
    )
    assert markdown(Measures("Both", columns, order=("neither", "q")), rows).splitlines() == [
        "**Both**",
        "",
        "| model | all, % | 60, % | angle, ° | source |",
        "| --- | ---: | ---: | ---: | --- |",
        "| **neither** | 50.00 |  (1 of 1 runs failed) | 9.00 | ours, 1 run |",
        "| **q** | 2.00 ± 1.41 | 20.00 | 4.00 | ours, 1 to 2 runs |",
    ]
    few = markdown(Measures("Both", columns, among=("q",)), rows).splitlines()
    assert [line.split("|")[1] for line in few[4:]] == [" **q** "]


def test_the_deviation_is_that_of_a_sample() -> None:
    assert spread([1.0, 3.0]) == "2.00 ± 1.41"
    assert spread([0.5], 100) == "50.00"


def test_curves_of_records() -> None:
    found = points(Curves("Error", "e", "rate", "labels", name="rate"), RECORDS)
    assert list(found) == ["100", "1000", "all"]
    assert found["100"] == [(0.1, 30.0, 0.0), (1.0, 3.0, pytest.approx(1.414, abs=1e-3))]
    figure = draw_curves(Curves("Error", "e", "rate", "labels", name="rate"), RECORDS)
    assert figure is not None
    assert len(figure.axes[0].lines) == 3
    assert list(figure.axes[0].get_xticks()) == [0.1, 1.0]
    assert "labels" in caption_of(figure)
    assert draw_curves(Curves("Error", "e", "rate", "labels", name="rate"), []) is None
    assert draw_curves(Curves("Error", "e", "rate", "labels", name="rate"), RECORDS[:1]) is None  # a point is no curve
    beside = draw_curves(Curves("Error", "e", "labels", "model", name="labels", baseline=True), RECORDS)
    assert beside is not None
    model, alone = beside.axes[0].lines
    assert np.array_equal(np.asarray(alone.get_ydata()), 2 * np.asarray(model.get_ydata()))
    assert "alone" in caption_of(beside)


def test_a_curve_that_touches_zero_is_drawn_down_to_it() -> None:
    records = [record(10, 0, 0.2), record(20, 0, 0.01), record(40, 0, 0.0)]
    figure = draw_curves(Curves("Error", "e", "labels", "model", name="labels"), records)
    assert figure is not None
    axes = figure.axes[0]
    assert axes.get_ylim() == pytest.approx((0, 24.0))
    assert list(axes.get_yticks()) == [0, 1, 2, 5, 10, 20]
    assert axes.transData.transform((40, 0))[1] >= axes.bbox.y0


def test_only_what_stands_between_the_marks_is_replaced() -> None:
    text = "a\n<!-- x:begin -->\nold\n<!-- x:end -->\nb\n"
    assert between(text, "x", r"\1 new") == "a\n<!-- x:begin -->\n\\1 new\n<!-- x:end -->\nb\n"
    with pytest.raises(RunError, match="no <!-- y:begin -->"):
        between(text, "y", "new")


def test_the_readme_is_made_of_the_records(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("".join(f"<!-- {name}:begin -->\n<!-- {name}:end -->\n" for name in MODULES))
    cell = mnist.EXPERIMENT.cells[0]
    for rate in (1.0, 0.1):
        append(
            tmp_path / "mnist.jsonl", {"cell": {**cell, "rate": rate}, "seed": 0, "metrics": {"digit_error": 0.0123}}
        )
    written = write_tables(list(map(find, MODULES)), Places(tmp_path, readme, tmp_path / "figures", tmp_path / "runs"))
    text = readme.read_text()
    assert "| **paper** | 1.23 |" in text
    assert "11.97 ± 1.71" in text
    assert text.count("No run is recorded yet.") == len(MODULES) - 1
    assert written == [readme, tmp_path / "figures" / "mnist-rate.png"]
    assert "![The paper's Figure 5, left](figures/mnist-rate.png)" in text
    assert text.count("![") == 1


def test_tables_without_a_record_are_kept(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    marks = "".join(f"<!-- {name}:begin -->\n| a table of {name} |\n<!-- {name}:end -->\n" for name in MODULES)
    readme.write_text(marks)
    places = Places.of(tmp_path)
    with pytest.raises(RunError, match=r"no record of any experiment in .*nowhere: .* --out"):
        write_tables(list(map(find, MODULES)), replace(places, results=tmp_path / "nowhere"))
    assert readme.read_text() == marks
    append(tmp_path / "mnist.jsonl", {"cell": mnist.EXPERIMENT.cells[0], "seed": 0, "metrics": {"digit_error": 0.0123}})
    write_tables(list(map(find, MODULES)), places)
    assert readme.read_text().count("| a table of ") == len(MODULES) - 1
    assert "| a table of mnist |" not in readme.read_text()


def test_others_records_have_their_tables_beside_them(tmp_path: Path) -> None:
    append(tmp_path / "mnist.jsonl", {"cell": mnist.EXPERIMENT.cells[0], "seed": 0, "metrics": {"digit_error": 0.0123}})
    before = README.read_bytes()
    assert main(["tables", "--out", str(tmp_path)]) == 0
    text = (tmp_path / "README.md").read_text()
    assert "| **paper** | 1.23 |" in text
    assert text.count("No run is recorded yet.") == len(MODULES) - 1
    assert README.read_bytes() == before
    assert main(["tables", "--out", str(tmp_path)]) == 0
    assert (tmp_path / "README.md").read_text() == text


def test_the_repositorys_records_have_the_repositorys_places() -> None:
    assert Places.of(RESULTS / ".." / "results") == Places(RESULTS, README, FIGURES, RUNS)


@pytest.mark.parametrize("name", MODULES)
def test_figures_of_the_readme_are_those_of_a_cell_or_a_curve(name: str) -> None:
    experiment = find(name)
    made = {curves.name for curves in experiment.curves}
    cells = {slug(cell) for cell in experiment.cells}
    assert all(stem in made or stem.rpartition("-")[0] in cells for stem in experiment.figures)


@pytest.mark.parametrize("name", MODULES)
def test_every_cell_has_settings_a_table_and_even_labels(name: str) -> None:
    experiment = find(name)
    assert experiment.name == name
    assert len({str(cell) for cell in experiment.cells}) == len(experiment.cells)
    for cell in experiment.cells:
        assert experiment.settings(cell).seed == 0
        assert any(table.where.items() <= cell.items() for table in experiment.tables)


@pytest.mark.parametrize(
    ("experiment", "share"), [(mnist.EXPERIMENT, 5 / 6), (svhn.EXPERIMENT, 7 / 8)], ids=["mnist", "svhn"]
)
def test_the_last_rows_are_held_out_for_development(experiment: Experiment, share: float) -> None:
    rows = tiny_digits(240)
    train, held_out = experiment.held_out(rows)
    assert len(train) == 240 * share
    assert torch.equal(torch.cat([train.images, held_out.images]), rows.images)
