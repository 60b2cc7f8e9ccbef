"""`unbraid explore`: which rows a run's page has, and what they are called."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import unbraid as ub
from tests.commands.tiny_mnist import QUICK, make_quick
from tests.models import Characters
from tests.test_cli import fails
from unbraid.cli import main
from unbraid.explorer import Explorer

PROGRAM = """
import unbraid as ub


class Cells(ub.Model):
    def encode(self, x):
        kind = ub.Categorical(2)(x)
        return {"kind": kind, "style": ub.Normal(2)(kind, x)}

    def decode(self, kind, style):
        return ub.Bernoulli(1, 6, 6)(kind, style)
"""


def ask(page: Explorer | str, question: str = "describe", **words: Any) -> Any:
    """Asks a served page."""
    url = page if isinstance(page, str) else page.url
    asked = urllib.request.Request(url + question, json.dumps(words).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(asked, timeout=60) as reply:
        return json.load(reply)


def explored(patch: pytest.MonkeyPatch, *words: str) -> tuple[Any, bool]:
    """Runs the command until Ctrl-C; returns what its page said of itself, and whether a browser was asked for."""
    found: list[Any] = []
    opened: list[str] = []

    def wait(page: Explorer) -> None:
        found.append(ask(page) | {"truth": ask(page, "look", of={"row": 0}, changes={})["truth"]})
        raise KeyboardInterrupt

    patch.setattr(Explorer, "wait", wait)
    patch.setattr("webbrowser.open", opened.append)
    assert main(["explore", *words]) == 0
    return found[0], bool(opened)


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a tiny MNIST, a program and cells of one's own."""
    made = tmp_path_factory.mktemp("explore")
    (made / "cells.py").write_text(PROGRAM)
    for name, side in (("cells", 6), ("more", 12)):
        (made / name).mkdir()
        for row in range(20):
            pixels = np.random.default_rng(row).integers(0, 255, (side, side)).astype(np.uint8)
            Image.fromarray(pixels).save(made / name / f"{row:02}.png")
    lines = [f"{row:02}.png,{('left', 'right')[row % 2]}" for row in range(20)]
    (made / "cells.csv").write_text("\n".join(["name,kind", *lines]))
    (made / "right.csv").write_text("name,kind\n00.png,right\n")
    (made / "wrong.csv").write_text("name,kind\n00.png,rigth\n")
    with pytest.MonkeyPatch.context() as patch:
        make_quick(patch, made)
        yield made


@pytest.fixture(scope="module")
def run(folder: Path) -> Path:
    """A run on rows of one's own."""
    words = ["train", f"{folder}/cells.py:Cells", "--images", f"{folder}/cells", "--labels", f"{folder}/cells.csv"]
    quick = ["--epochs", "1", "--test-share", "0.3", "--progress", "quiet"]
    assert main([*words, *quick, "--out", str(folder / "run")]) == 0
    return folder / "run"


def test_a_recipe_s_run_shows_its_test_rows(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = folder / "digits"
    assert main(["train", "mnist", "--out", str(out), *QUICK, "--progress", "quiet"]) == 0
    capsys.readouterr()
    about, opened = explored(monkeypatch, str(out))
    assert (about["rows"], about["title"], opened) == (60, f"Small, {out}", True)
    assert about["truth"]["digit"] in range(10)
    assert re.fullmatch(
        r"http://127\.0\.0\.1:\d+/[\w-]+/ \(only on this machine\); Ctrl-C ends it\n", capsys.readouterr().out
    )


def test_a_run_of_one_s_own_shows_its_test_rows_and_words(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    about, opened = explored(monkeypatch, str(run), "--no-browser")
    assert (about["rows"], about["controls"][0]["values"], opened) == (6, ["left", "right"], False)


def test_other_rows_are_read_at_the_model_s_size_and_their_words_numbered_as_in_training(
    run: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = ("--images", str(folder / "more"))
    about, _ = explored(monkeypatch, str(run), *more, "--labels", str(folder / "right.csv"))
    assert (about["rows"], about["shape"]) == (20, [1, 6, 6])
    assert about["controls"][0]["values"] == ["left", "right"]
    assert about["truth"]["kind"] == 1
    assert explored(monkeypatch, str(run), *more)[0]["truth"] == {}


def test_a_run_that_the_command_did_not_begin_has_no_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = ub.data.tiny_digits(40)
    ub.fit(Characters(), rows.images, epochs=1, out=tmp_path, progress="quiet")
    monkeypatch.setattr(Explorer, "wait", lambda page: found.append(ask(page)))
    found: list[Any] = []
    assert main(["explore", str(tmp_path), "--no-browser"]) == 0
    assert (found[0]["rows"], found[0]["orders"]) == (0, [])


def test_what_does_not_fit_is_refused(run: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labels = str(folder / "cells.csv")
    assert "--labels are of the rows that --images names" in fails(capsys, "explore", str(run), "--labels", labels)
    more = ("--images", str(folder / "more"))
    found = fails(capsys, "explore", str(run), *more, "--labels", str(folder / "wrong.csv"))
    assert "no row of the training had the word 'rigth' for 'kind'. Did you mean 'right'?" in found
    assert "there is no run" in fails(capsys, "explore", str(folder / "none"))
    assert "cannot be served at port 99999" in fails(capsys, "explore", str(run), "--port", "99999")
