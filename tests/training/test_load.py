"""The model of a run can be loaded; what cannot be says why."""

from __future__ import annotations

import json
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import unbraid as ub
from tests.training.small import ROWS, TEST, Small, same, train, weights
from unbraid.errors import OptionError, RunError, UnbraidError
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


SCRIPT = """
from pathlib import Path

import torch

import unbraid as ub

x, folder = torch.zeros(8, 4), Path(__file__).parent
(folder / "ran").touch(exist_ok=False)


class Cells(ub.Model):
    def encode(self, x):
        return {"style": ub.Normal(2)(x)}

    def decode(self, style):
        return ub.Normal(4)(style)


run = ub.fit(Cells(), x, out=folder / "run", overwrite=True, epochs=1, progress="quiet")
loaded = ub.load(folder / "run")
assert type(loaded) is Cells
"""


@pytest.mark.parametrize(
    "ran", [lambda file: runpy.run_path(file, run_name="__main__"), lambda file: class_at(f"{file}:Cells")]
)
def test_a_script_that_trains_and_loads_runs_once(ran: Callable[[str], Any], tmp_path: Path) -> None:
    script = tmp_path / "cells.py"
    script.write_text(SCRIPT)
    ran(str(script))


def test_a_file_is_run_again_when_it_has_changed(tmp_path: Path) -> None:
    script = tmp_path / "cells.py"
    script.write_text("from tests.training.small import Small\n\nclass Cells(Small):\n    hidden: int = 5\n")
    first = class_at(f"{script}:Cells")
    assert class_at(f"{script}:Cells") is first
    script.write_text(script.read_text().replace("5", "7"))
    assert class_at(f"{script}:Cells")().fields["hidden"] == 7


def test_a_file_that_raised_is_run_again(tmp_path: Path) -> None:
    script = tmp_path / "cells.py"
    script.write_text(
        "from pathlib import Path\nfrom tests.training.small import Small\n\nclass Cells(Small):\n    pass\n\n"
        "Path(__file__).with_name('weights').read_text()\n"
    )
    with pytest.raises(RunError, match="No such file"):
        class_at(f"{script}:Cells")
    (tmp_path / "weights").write_text("")
    class_at(f"{script}:Cells")


def test_a_class_made_in_a_function_cannot_be_found_again(tmp_path: Path) -> None:
    class Inside(Small):
        pass

    train(model=Inside(), out=tmp_path, epochs=1)
    with pytest.raises(
        RunError, match=r"Inside' of .* was made inside a function.*ub\.load\(folder, model\), or move the class"
    ):
        ub.load(tmp_path)
    ub.load(tmp_path, Inside())


@pytest.mark.parametrize(
    ("held", "message"),
    [
        ([], r"config\.json is a list, not the config of a run"),
        ({}, r"config\.json has no 'model'"),
        ({"model": 3}, r"config\.json has the 'model' 3"),
        ({"model": "a:A", "model_seed": 0}, r"config\.json has no 'fields'"),
        ({"model": "a:A", "model_seed": 0, "fields": {}}, r"config\.json has no 'settings'"),
        ({"model": "a:A", "model_seed": 0, "fields": {}, "settings": []}, r"config\.json has the 'settings' \[\]"),
    ],
)
def test_a_config_that_is_none_of_a_run(held: Any, message: str, tmp_path: Path) -> None:
    train(out=tmp_path, epochs=1)
    (tmp_path / "config.json").write_text(json.dumps(held))
    for again in (lambda: ub.load(tmp_path), lambda: train(out=tmp_path, epochs=1, resume=True)):
        with pytest.raises(RunError, match=f"{message}.*undo what was changed"):
            again()


def test_a_class_whose_fields_have_changed(tmp_path: Path) -> None:
    train(out=tmp_path, epochs=1)
    config = tmp_path / "config.json"
    held = json.loads(config.read_text())
    config.write_text(json.dumps({**held, "fields": {"hiden": 16}}))
    with pytest.raises(UnbraidError, match=r"Small has no field 'hiden'\. Did you mean 'hidden'"):
        ub.load(tmp_path)


def test_a_model_in_double_precision_comes_back(tmp_path: Path) -> None:
    run = train(out=tmp_path, images=ROWS.images.double(), model=Small().double(), epochs=1)
    for model in (ub.load(tmp_path), ub.load(tmp_path, Small().double())):
        assert same(weights(model), weights(run.model))


def test_a_class_is_no_model(tmp_path: Path) -> None:
    train(out=tmp_path, epochs=1)
    wrong: Any = Small
    with pytest.raises(OptionError, match=r"load takes a model to be filled, got the class Small: Small\(\)"):
        ub.load(tmp_path, wrong)
