"""The model of a run can be loaded; what cannot be says why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

import unbraid as ub
from tests.training.small import TEST, Small, same, train, weights
from unbraid.errors import RunError, UnbraidError
from unbraid.training.load import class_at


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"average": 0.9},
        {"validation": TEST, "choose": "best"},
        {"validation": TEST, "choose": "best", "average": 0.9},
    ],
)
def test_what_is_loaded_is_the_result(settings: dict[str, Any], tmp_path: Path) -> None:
    run = train(out=tmp_path, model=Small(hidden=12, seed=4), **settings)
    for model in (ub.load(tmp_path), ub.load(str(tmp_path), Small(hidden=12))):
        assert same(weights(model), weights(run.model))
        assert not model.training
        assert torch.equal(model.predict(TEST.images)["digit"], run.model.predict(TEST.images)["digit"])
    assert ub.load(tmp_path).fields == {"hidden": 12, "drop": 0.2}


def test_another_model_is_refused(tmp_path: Path) -> None:
    train(out=tmp_path, epochs=1)
    with pytest.raises(RunError, match=r"is of another model: Small in the file, Small here.*of another shape or type"):
        ub.load(tmp_path, Small(hidden=3))
    ub.load(tmp_path, Small())


def test_a_folder_without_a_run(tmp_path: Path) -> None:
    train(out=tmp_path / "first", epochs=1)
    with pytest.raises(RunError, match=r"there is no run .*Did you mean '.*first'"):
        ub.load(tmp_path / "frist")
    (tmp_path / "first" / "checkpoint.safetensors").unlink()
    with pytest.raises(
        RunError, match=r"there is no checkpoint .*: the training was stopped before its first, or has moved"
    ):
        ub.load(tmp_path / "first")


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ("tests.training.smal:Small", r"cannot be found: No module named 'tests\.training\.smal'.*Give module:Class"),
        ("tests.training.small:Smal", "cannot be found: .*no attribute 'Smal'"),
        ("tests.training.small:ROWS", r"is no ub\.Model class"),
        ("Small", "cannot be found"),
        ("nowhere.py:Small", r"cannot be found: there is no file nowhere\.py"),
        ("", "cannot be found"),
    ],
)
def test_a_class_that_is_not_there(named: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(RunError, match=message):
        class_at(named)
    train(out=tmp_path, epochs=1)
    config = tmp_path / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "model": named}))
    with pytest.raises(RunError, match=message):
        ub.load(tmp_path)
    assert class_at("tests.training.small:Small") is Small
    ub.load(tmp_path, Small())  # a model at hand needs no class


def test_a_file_that_is_no_python(tmp_path: Path) -> None:
    file = tmp_path / "cells.py"
    file.write_text("class Cells(:\n")
    with pytest.raises(RunError, match=r"cannot be found: .*invalid syntax|cannot be found"):
        class_at(f"{file}:Cells")


def test_a_class_whose_fields_have_changed(tmp_path: Path) -> None:
    train(out=tmp_path, epochs=1)
    config = tmp_path / "config.json"
    held = json.loads(config.read_text())
    config.write_text(json.dumps({**held, "fields": {"hiden": 16}}))
    with pytest.raises(UnbraidError, match=r"Small has no field 'hiden'\. Did you mean 'hidden'"):
        ub.load(tmp_path)
