"""The command line, from its help to a whole run."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import unbraid as ub
from tests.commands.tiny_mnist import QUICK, make_quick, reader
from unbraid.cli import COMMANDS, main
from unbraid.data.download import PinnedFile
from unbraid.errors import DataNotFoundError
from unbraid.recipes import MNIST, RECIPES, ConvDigits
from unbraid.training.history import History, comparable
from unbraid.training.settings import Settings

MODEL = '''
"""Cells."""

import unbraid as ub


class Cells(ub.Model):
    width: int = 12
    gate: bool = False

    def encode(self, x):
        h = ub.mlp(self.width)(x)
        digit = ub.Categorical(10)(h)
        return {"digit": digit, "style": ub.Normal(2)(digit, h)}

    def decode(self, digit, style):
        return ub.Bernoulli(1, 28, 28)(ub.mlp(self.width)(digit, style))
'''


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a tiny MNIST, which the commands read."""
    made = tmp_path_factory.mktemp("cli")
    with pytest.MonkeyPatch.context() as patch:
        make_quick(patch, made)
        yield made


@pytest.fixture(scope="module")
def run(folder: Path) -> Path:
    """A whole run, as the command makes it."""
    out = folder / "run"
    assert main(["train", "mnist", "--out", str(out), *QUICK, "--seed", "3", "--progress", "quiet"]) == 0
    return out


def helps(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Returns what a command says with --help, on one line."""
    with pytest.raises(SystemExit) as ended:
        main([*words, "--help"])
    assert ended.value.code == 0
    return " ".join(re.sub(r"[│╭╮╰╯─]", " ", capsys.readouterr().out).split())


def fails(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Returns the message of a command that ends with the status 1."""
    assert main(words) == 1
    found = capsys.readouterr().err
    assert "Traceback" not in found
    return found.removeprefix("unbraid: ").strip().splitlines()[-1] if found.startswith("unbraid: ") else found


def test_help_says_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    found = helps(capsys)
    for command in COMMANDS:
        assert f"• {command}" in found
    with pytest.raises(SystemExit):
        main([])
    assert "usage: unbraid" in capsys.readouterr().out


def test_the_command_is_a_module_too() -> None:
    done = subprocess.run([sys.executable, "-m", "unbraid", "trian"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "unbraid: there is no command 'trian'. Did you mean 'train'?\n")


@pytest.mark.parametrize("words", [["train", "--help"], ["--help"]])
def test_what_nobody_reads_to_the_end_is_no_error(words: list[str]) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "unbraid", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as command:
        assert command.stdout
        assert command.stderr
        command.stdout.close()
        assert command.stderr.read() == ""
        assert command.wait() == 141


def test_another_broken_pipe_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Any) -> None:
        raise BrokenPipeError

    monkeypatch.setattr("unbraid.cli._check_command", broken)
    with pytest.raises(BrokenPipeError):
        main(["train"])


def test_help_of_train_shows_every_setting_and_field(capsys: pytest.CaptureFixture[str]) -> None:
    found = helps(capsys, "train")
    assert "[RECIPE]" in found
    assert all(name in found for name in RECIPES)
    for each in dataclasses.fields(Settings):
        assert f"--{each.name.replace('_', '-')} " in found or f"--{each.name.replace('_', '-')}," in found
    for name, field in ConvDigits.field_types().items():
        assert f"--{name.replace('_', '-')} " in found
        assert f"(default: {field.default})" in found
    assert (
        f"sweeps through the rows (default: {MNIST.settings.epochs})" in found
    )  # the recipe's settings, not the library's


def test_help_of_train_shows_the_fields_of_the_model_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "helped.py").write_text(MODEL)
    for words in (["--model", f"{folder}/helped.py:Cells"], [f"--model={folder}/helped.py:Cells"]):
        found = helps(capsys, "train", "mnist", *words)
        assert "--width INT" in found
        assert "--gate, --no-gate" in found
        assert "style-size" not in found


@pytest.mark.parametrize("command", ["resume", "evaluate", "figures", "explore", "export"])
def test_help_of_the_other_commands(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert "RUN the run folder (required)" in helps(capsys, command)


@pytest.mark.usefixtures("sizes_may_be_symbols")
def test_a_run_is_exported(run: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, x = folder / "small.pt2", ub.data.tiny_digits(5).images
    assert main(["export", str(run), str(file), "--answer", "reconstruct"]) == 0
    assert capsys.readouterr().out == f"{file}\n"
    program: Any = torch.export.load(file).module()
    torch.testing.assert_close(program(x), ub.load(run).reconstruct(x))
    assert "there is no run" in fails(capsys, "export", str(folder / "none"), str(file))


def test_a_run_leaves_all_that_it_promises(run: Path) -> None:
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["digit"].keys() >= {"error", "error_ci", "n", "baseline_error", "baseline_error_ci"}
    assert metrics["log_px"].keys() >= {"bound", "se", "samples", "n"}
    assert metrics["train_seconds"] > 0
    assert (metrics["labels"], metrics["seed"], metrics["draw"], metrics["digit"]["n"]) == (20, 3, 3, 60)
    figures = {path.name for path in (run / "figures").glob("*.png")}
    assert figures >= {"analogies.png", "curves.png", "graph.png", "labelled.png", "samples.png"}
    report = (run / "report.html").read_text()
    assert report.count("data:image/png;base64,") >= len(figures)
    assert not re.search(r"""(src|href)=["'](https?:)?//|<link|@import|url\((?!data:)""", report)  # all in the one file
    assert "Training saw these labels and no other." in report
    config = json.loads((run / "config.json").read_text())
    assert config["job"] == {
        "recipe": "mnist",
        "per_class": 2,
        "draw": 3,
        "data": None,
        "validation": 0,
        "limit": 0,
        "own": None,
    }
    assert config["device"] == "cpu"
    assert config["settings"]["alpha"] == MNIST.settings.alpha
    assert len(History(run / "history.jsonl").records) == 2


def test_the_command_in_the_report_trains_the_same(run: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = re.search(r"unbraid train mnist[^<]*", (run / "report.html").read_text())
    assert found is not None
    words = shlex.split(found[0])[1:]
    again = folder / "again"
    assert main([*words[: words.index("--out")], "--out", str(again), "--progress", "quiet"]) == 0
    name = "checkpoint.safetensors"
    assert (again / name).read_bytes() == (run / name).read_bytes()
    last = capsys.readouterr().out
    assert re.search(r"test error of digit: [\d.]+ % \(95 % interval [\d.]+ to [\d.]+\)", last)
    assert "the same recogniser trained on the 20 labelled rows alone" in last
    assert f"report: {again}/report.html" in last


def test_evaluate_and_figures_again(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = json.loads((run / "metrics.json").read_text())
    (run / "metrics.json").unlink()
    assert "has no metrics.json yet" in fails(capsys, "figures", str(run))
    assert main(["evaluate", str(run)]) == 0
    after = json.loads((run / "metrics.json").read_text())
    for each in (before, after):
        each.pop("peak_memory_mb")
    assert after == before
    (run / "report.html").unlink()
    assert main(["figures", str(run)]) == 0
    assert str(run / "report.html") in capsys.readouterr().out
    assert (run / "report.html").is_file()


def test_a_run_is_replaced_only_if_asked(run: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "already holds a run: go on with it" in fails(capsys, "train", "mnist", "--out", str(run), *QUICK)
    (folder / "old").mkdir()
    (folder / "old" / "config.json").write_text("{}")
    words = ["--out", str(folder / "old"), *QUICK, "--epochs", "1", "--progress", "quiet"]
    assert main(["train", "mnist", *words, "--overwrite"]) == 0


class Interrupting:
    """Views during which Ctrl-C is pressed once."""

    def __init__(self, calls: int) -> None:
        self.left = calls

    def __call__(self, images: Tensor, generator: object = None) -> Tensor:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGINT)
        return images


def test_ctrl_c_and_resume(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["train", "mnist", *QUICK, "--epochs", "3", "--validation", "20", "--progress", "quiet", "--out"]
    for calls, out in ((-1, folder / "whole"), (4, folder / "stopped")):
        monkeypatch.setitem(RECIPES, "mnist", dataclasses.replace(MNIST, views=Interrupting(calls)))
        status = main([*words, str(out)])
        assert status == (0 if calls < 0 else 130)
    assert f"stopped. Every whole epoch is kept. Go on with `unbraid resume {out}`" in capsys.readouterr().err
    monkeypatch.setitem(RECIPES, "mnist", dataclasses.replace(MNIST, views=Interrupting(-1)))
    assert len(History(out / "history.jsonl").records) == 1
    assert "has no metrics.json yet: `unbraid resume" in fails(capsys, "figures", str(out))
    assert main(["resume", str(out), "--progress", "quiet"]) == 0
    name = "checkpoint.safetensors"
    assert (out / name).read_bytes() == (folder / "whole" / name).read_bytes()
    records = [comparable(History(each / "history.jsonl").records) for each in (out, folder / "whole")]
    assert records[0] == records[1]
    assert records[0][0]["validation"]["digit"]["n"] == 20
    assert (out / "report.html").is_file()


def test_a_model_of_ones_own_can_be_resumed_by_another_process(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "cells.py").write_text(MODEL)
    words = ["--out", str(tmp_path / "run"), "--model", f"{tmp_path}/cells.py:Cells", "--width", "9"]
    assert main(["train", "mnist", *QUICK[2:], "--epochs", "1", "--progress", "quiet", *words]) == 0
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["model"] == f"{tmp_path}/cells.py:Cells"
    assert config["fields"] == {"width": 9, "gate": False}
    program = f"import unbraid as ub; print(ub.load({str(tmp_path / 'run')!r}).fields)"
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.strip() == "{'width': 9, 'gate': False}"


def test_the_recipe_as_it_is_trains_on_a_few_rows(folder: Path) -> None:
    out = folder / "recipe"
    words = ["--limit", "100", "--epochs", "1", "--labels", "2", "--draw", "4", "--progress", "quiet"]
    assert main(["train", "mnist", "--out", str(out), *words]) == 0
    config = json.loads((out / "config.json").read_text())
    assert (config["rows"], config["job"]["draw"], config["settings"]["seed"]) == (100, 4, 0)
    assert config["model"] == "unbraid.recipes.mnist:ConvDigits"
    assert "consistency(digit)" in History(out / "history.jsonl").records[0]["terms"]


WRONG: dict[str, tuple[list[str], str]] = {
    "command": (["trian"], r"there is no command 'trian'\. Did you mean 'train'\?"),
    "recipe": (["train", "mnits"], r"there is no recipe 'mnits' to train on\. Did you mean 'mnist'\?"),
    "recipe after options": (
        ["train", "--epochs", "1", "mnits"],
        r"there is no recipe 'mnits' .*Did you mean 'mnist'\?",
    ),
    "setting": (["train", "mnist", "--threshold", "2"], r"threshold must be at least 0 and below 1, got 2\.0"),
    "labels": (
        ["train", "mnist", "--labels", "99"],
        "class 0 of 'digit' has 15 labelled rows, fewer than per_class=99",
    ),
    "validation": (["train", "mnist", "--validation", "500"], "--validation takes rows out of the 150 to train on"),
    "model": (["train", "mnist", "--model", "nowhere.py:Cells"], r"cannot be found: there is no file nowhere\.py"),
    "class": (["train", "mnist", "--model", "tests.training.small:Smal"], "no attribute 'Smal'"),
    "no class": (["train", "mnist", "--model"], "cannot be found"),
    "data": (["train", "mnist", "--data", "/nowhere"], "What to do: get the four files"),
    "run": (["resume", "/nowhere/run"], "there is no run /nowhere/run: no such folder"),
    "run to evaluate": (["evaluate", "/nowhere/run"], "there is no run /nowhere/run"),
    "estimator": (["train", "mnist", "--estimators", "digt", "plug_in"], r"'digt', which is no latent"),
    "device": (["train", "mnist", "--device", "gpu"], r"--device gpu: .*This machine has cpu"),
    "device without numbers": (
        ["train", "mnist", "--device", "meta"],
        r"--device meta: 'meta' holds no numbers\. This",
    ),
    "rows to choose on": (["train", "mnist", "--choose", "best"], "choose='best' needs rows to choose on"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said_in_a_sentence(case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words, message = WRONG[case]
    if words[0] == "train":
        words = [words[0], *words[1:2], "--out", str(tmp_path / "run"), *words[2:]] if words[1] == "mnist" else words
    assert re.search(message, fails(capsys, *words))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train", "mnist", "--epochz", "3"], "--epochs INT"),
        (["train", "mnist", "--epochs", "many"], "invalid|int"),
        (["train", "mnist", "--schedule", "linear"], "constant"),
        (["resume"], "RUN"),
    ],
)
def test_what_cannot_be_read_ends_with_the_status_2(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert re.search(message, capsys.readouterr().err)


def test_a_file_that_is_not_the_original(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(reader.SHA256, "t10k-labels-idx1-ubyte", "0" * 64)
    words = ["train", "mnist", "--out", str(folder / "wrong")]
    assert re.search(
        r"labels-idx1-ubyte\.gz does not hold what was published: .*delete the file", fails(capsys, *words)
    )


def test_no_data_and_no_network(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def offline(file: PinnedFile) -> bytes:
        raise DataNotFoundError("no network")

    monkeypatch.setattr(reader, "fetch", offline)
    monkeypatch.setenv("UNBRAID_DATA", str(tmp_path))
    assert "UNBRAID_DATA" in fails(capsys, "train", "mnist", "--out", str(tmp_path / "run"))


def test_a_run_that_was_not_trained_by_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = ub.data.tiny_digits(40)
    ub.fit(ConvDigits(hidden=4), rows.images, epochs=1, out=tmp_path, progress="quiet")
    for command in ("resume", "evaluate", "figures"):
        found = fails(capsys, command, str(tmp_path))
        assert re.search(r"was not trained by `unbraid train`: go on with it in Python, ub\.fit\(\.\.\., out=", found)


def test_settings_of_the_command_line_reach_the_run(folder: Path) -> None:
    out = folder / "options"
    more = [
        "--no-balanced",
        "--betas",
        "0.5",
        "0.75",
        "--estimators",
        "digit",
        "enumerate",
        "--consistency",
        "0",
        "--labels",
        "0",
    ]
    assert (
        main(
            [
                "train",
                "mnist",
                *QUICK,
                *more,
                "--epochs",
                "1",
                "--limit",
                "60",
                "--progress",
                "quiet",
                "--out",
                str(out),
            ]
        )
        == 0
    )
    config: dict[str, Any] = json.loads((out / "config.json").read_text())
    settings = config["settings"]
    assert (settings["balanced"], settings["betas"], settings["estimators"]) == (
        False,
        [0.5, 0.75],
        {"digit": "enumerate"},
    )
    assert config["labels"].startswith("60 of 60 rows labelled")
