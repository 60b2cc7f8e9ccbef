"""The command line on a program and data of one's own: a folder with a CSV file, and NumPy's files."""

from __future__ import annotations

import functools
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import unbraid as ub
from tests.test_cli import fails, helps
from unbraid.cli import main
from unbraid.commands import evaluate
from unbraid.evaluation.baseline import supervised_baseline
from unbraid.training.history import History

PROGRAM = '''
"""Cells."""

import unbraid as ub


class Cells(ub.Model):
    """A kind of cell, how heavy it is, and the rest."""

    width: int = 8
    images: float = 0.5

    def encode(self, x):
        h = ub.mlp(self.width)(x)
        kind = ub.Categorical(2)(h)
        weight = ub.Normal(1)(h)
        return {"kind": kind, "weight": weight, "style": ub.Normal(2)(kind, h)}

    def decode(self, kind, weight, style):
        return ub.Bernoulli(1, 8, 8)(ub.mlp(self.width)(kind, weight, style))


class Other:
    """No model."""
'''
QUICK = ["--epochs", "2", "--batch-size", "20", "--test-share", "0.25", "--progress", "quiet"]
Arrays = tuple[np.ndarray[Any, np.dtype[np.uint8]], list[int], list[float]]


def drawn(count: int = 40) -> Arrays:
    """Draws cells (count, 8, 8): bright on the left or on the right, the heavier the brighter."""
    generator = np.random.default_rng(0)
    kinds, weights = generator.integers(0, 2, count), generator.uniform(0.5, 1, count)
    images = np.zeros((count, 8, 8), np.uint8)
    for image, kind, weight in zip(images, kinds, weights, strict=True):
        image[:, kind * 4 : kind * 4 + 4] = round(255 * weight)
    return images, kinds.tolist(), weights.tolist()


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the program, and the same cells in each form; the evaluation is short."""
    made = tmp_path_factory.mktemp("own")
    (made / "my_model.py").write_text(PROGRAM)
    (made / "cells").mkdir()
    images, kinds, weights = drawn()
    lines = ["name,kind,weight"]
    for row, (image, kind, weight) in enumerate(zip(images, kinds, weights, strict=True)):
        Image.fromarray(image).save(made / "cells" / f"{row:03}.png")
        if row < 30:
            lines.append(f"{row:03}.png,{('left', 'right')[kind]},{weight:.3f}")
    (made / "labels.csv").write_text("\n".join(lines))
    np.save(made / "cells.npy", images)
    np.savez(made / "labels.npz", kind=kinds, weight=weights)
    np.savez(made / "cells.npz", images=np.repeat(images[..., None], 1, axis=3), kind=kinds)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluate, "SAMPLES", 3)
        patch.setattr(evaluate, "supervised_baseline", functools.partial(supervised_baseline, steps=10))
        yield made


def own(folder: Path, images: str = "cells", *words: str, program: str = "my_model.py:Cells") -> list[str]:
    """Returns the words that train on one's own data."""
    return ["train", f"{folder}/{program}", "--images", f"{folder}/{images}", *words]


@pytest.fixture(scope="module")
def run(folder: Path) -> Path:
    """A whole run, as the command makes it."""
    words = own(folder, "cells", "--labels", f"{folder}/labels.csv", "--width", "9", "--seed", "3")
    assert main([*words, *QUICK, "--out", str(folder / "run")]) == 0
    return folder / "run"


def test_a_run_leaves_all_that_a_recipe_s_run_does(run: Path, folder: Path) -> None:
    metrics, config = (json.loads((run / f"{name}.json").read_text()) for name in ("metrics", "config"))
    assert metrics["kind"].keys() >= {"error", "error_ci", "baseline_error", "n"}
    assert metrics["weight"].keys() >= {"rmse", "rmse_ci", "baseline_rmse", "n"}
    assert (config["rows"], config["fields"]) == (30, {"width": 9, "images": 0.5})
    assert config["categories"] == {"kind": ["left", "right"]}
    assert metrics["labels"] + metrics["kind"]["n"] == 30
    job = config["job"]
    assert (job["recipe"], job["own"]["images"]) == (f"{folder}/my_model.py:Cells", str(folder / "cells"))
    figures = {path.stem for path in (run / "figures").glob("*.png")}
    assert figures >= {"analogies", "confusion_kind", "curves", "graph", "labelled", "reconstructions", "samples"}
    report = (run / "report.html").read_text()
    assert "all that the training rows have; draw 3 took the test rows out. Training saw these labels" in report
    assert len(History(run / "history.jsonl").records) == 2


def test_the_command_in_the_report_trains_the_same(
    run: Path, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("unbraid.commands.train.draw_run", lambda *_: None)
    found = re.search(r"unbraid train [^<]*", (run / "report.html").read_text())
    assert found is not None
    words = shlex.split(found[0])[1:]
    assert main([*words[: words.index("--out")], "--out", str(folder / "again"), "--progress", "quiet"]) == 0
    name = "checkpoint.safetensors"
    assert (folder / "again" / name).read_bytes() == (run / name).read_bytes()
    last = capsys.readouterr().out
    assert re.search(r"test error of kind: [\d.]+ % \(95 % interval", last)
    assert re.search(r"test rmse of weight: [\d.]+ \(95 % interval [\d.]+ to [\d.]+\)", last)


def test_what_can_be_done_with_a_run(run: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unbraid.commands.train.draw_run", lambda *_: None)  # resume's; figures draws them
    monkeypatch.chdir(folder / "cells")  # the run knows where its program and its data are
    before = json.loads((run / "metrics.json").read_text())
    (run / "report.html").unlink()
    for command in ("evaluate", "figures", "resume"):
        assert main([command, str(run)]) == 0
        assert json.loads((run / "metrics.json").read_text())["kind"] == before["kind"]
    assert (run / "report.html").is_file()


@pytest.mark.parametrize(
    ("images", "words"),
    [
        ("cells.npy", ["--labels", "labels.npz"]),
        ("cells.npz", ["--layout", "channels_last", "--validation", "6"]),
        ("cells", []),
        ("cells", ["--labels", "labels.csv", "--image-size", "8", "8", "--colour", "grey", "--limit", "12"]),
    ],
    ids=["npy", "npz", "no labels", "resized"],
)
def test_other_forms_of_data(
    images: str, words: list[str], folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("unbraid.commands.train.draw_run", lambda *_: None)
    monkeypatch.chdir(folder)
    done = ["train", "my_model.py:Cells", "--images", images, *words, *QUICK, "--epochs", "1"]
    assert main([*done, "--out", str(tmp_path / "run")]) == 0
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert ("kind" in metrics) == (images != "cells" or bool(words))
    assert ("weight" in metrics) == ("--labels" in words)
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["rows"] == (24 if "--validation" in words else 12 if "--limit" in words else 30)
    assert main(["evaluate", str(tmp_path / "run")]) == 0


def test_help_shows_the_fields_of_the_program(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = helps(capsys, *own(folder))
    for part in ("--images PATH", "--labels", "--image-size", "--test-share", "--width INT", "--model-images FLOAT"):
        assert part in found
    assert f"sweeps through the rows (default: {ub.Settings().epochs})" in found


WRONG: dict[str, tuple[list[str], str]] = {
    "file": (["nowhere.py:Cells"], r"cannot be found: there is no file .*nowhere\.py"),
    "class": (["my_model.py:Cell"], r"has no attribute 'Cell'\. Did you mean 'Cells'\?"),
    "no class": (["my_model.py"], r"it names no class\. Give module:Class or file\.py:Class"),
    "no model": (["my_model.py:Other"], r"my_model\.py:Other' of the command line is no ub\.Model class"),
    "raises": (["raises.py:Cells"], r"for .*raises\.py raises ZeroDivisionError: .* \(line 2\)"),
    "syntax": (["syntax.py:Cells"], r"cannot be found: .*syntax\.py, line 1"),
    "images": (["my_model.py:Cells", "cell"], r"there is no folder .*/cell to read images from"),
    "array": (["my_model.py:Cells", "cell.npy"], r"there is no file .*/cell\.npy to read images from"),
    "column": (["my_model.py:Cells", "cells", "knid\n000.png,1"], r"csv:1: the column 'knid' .*Did you mean 'kind'\?"),
    "name": (["my_model.py:Cells", "cells", "kind\n00.png,1"], r"csv:2: there is no image '00\.png'"),
    "vector": (["my_model.py:Cells", "cells", "style\n000.png,1"], r"'style' has the shape \(\), but .*\.npz file"),
    "share": (["my_model.py:Cells", "cells", "kind\n000.png,1", "--test-share", "1"], "between 0 and 1: got 1"),
    "few to test": (
        ["my_model.py:Cells", "cells", "kind\n000.png,1", "--test-share", "0.03"],
        "1 row to test on is too few: .* Raise --test-share",
    ),
    "limit": (["my_model.py:Cells", "cells", "kind\n000.png,1", "--limit", "-5"], "--limit takes .* got -5"),
    "size": (
        ["my_model.py:Cells", "cells", "kind\n000.png,1", "--image-size", "4", "4"],
        r"are \(1, 4, 4\), but Cells takes \(1, 8, 8\) .*--image-size 8 8",
    ),
    "colour": (
        ["my_model.py:Cells", "cells", "kind\n000.png,1", "--colour", "rgb"],
        r"are \(3, 8, 8\), .*--colour grey",
    ),
    "channels": (["my_model.py:Cells", "colours.npz"], r"are \(3, 8, 8\), .*give arrays of 1 channels, or change the"),
    "array of no latent": (["my_model.py:Cells", "odd.npz"], r"holds the array 'knid', .*Did you mean 'kind'\?"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said(case: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (program, *more), message = WRONG[case]
    (folder / "raises.py").write_text("import unbraid\n1 / 0\n")
    (folder / "syntax.py").write_text("class Cells(:\n")
    np.savez(folder / "odd.npz", images=np.zeros((9, 8, 8), np.uint8), knid=np.zeros(9))
    np.savez(folder / "colours.npz", images=np.zeros((40, 3, 8, 8), np.uint8))
    words = own(folder, *(more[:1] or ["cells"]), program=program)
    if len(more) > 1:
        (tmp_path / "labels.csv").write_text(f"name,{more[1]}\n")
        words += ["--labels", str(tmp_path / "labels.csv"), *more[2:]]
    assert re.search(message, fails(capsys, *words, "--out", str(tmp_path / "run")))
    assert not (tmp_path / "run").exists()
