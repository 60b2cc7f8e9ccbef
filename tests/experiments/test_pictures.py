"""Pictures of kept models, and of such as another program kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import unbraid as ub
from experiments.pictures import draw_kept, folder_of
from experiments.trial import find
from unbraid import zoo
from unbraid.data import tiny_digits
from unbraid.figures import reconstructions

CELLS = ({"model": "m1", "size": 2}, {"model": "m1", "size": 3})


def test_a_model_of_another_program_is_named_and_the_others_are_drawn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = tiny_digits(40)
    experiment = replace(
        find("mnist"),
        cells=CELLS,
        model=lambda cell, seed: zoo.M1(size=cell["size"], hidden=8, seed=seed),
        rows=lambda cell, seed: (rows, rows),
        pictures=lambda cell, model, test: {
            name: reconstructions(model, test.images[:2]) for name in ("pairs", "not-shown")
        },
        figures={"m1-2-pairs": "Pairs", "m1-3-pairs": "Pairs"},
    )
    for cell in CELLS:
        ub.fit(
            zoo.M1(size=3, hidden=8),
            rows.images,
            epochs=1,
            out=folder_of(experiment, cell, tmp_path),
            progress="quiet",
        )
    drawn = draw_kept(experiment, CELLS, tmp_path / "figures", tmp_path)
    assert [each.name for each in drawn] == ["mnist-m1-3-pairs.png"]
    said = capsys.readouterr().out
    assert f"no pictures of {folder_of(experiment, CELLS[0], tmp_path)}" in said
    assert "of another shape" in said
