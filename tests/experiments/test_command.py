"""What is asked of `python -m experiments` and cannot be done is refused, before anything is run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from experiments.__main__ import main, parsed
from tests.experiments.tiny_data import PLACE, forget_rows

DEVELOP = ["mnist", "--quick", "--develop", "--only", "model=paper"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--jobs", "0"], "--jobs: expected a whole number from 1 on, got '0'"),
        (["--seeds", "0"], "--seeds: expected a whole number from 1 on, got '0'"),
        (["--seeds", "-1"], "--seeds: expected a whole number from 1 on, got '-1'"),
        (["--seeds", "two"], "--seeds: expected a whole number from 1 on, got 'two'"),
        (["--only", "foo"], "--only: expected KEY=VALUE,KEY=VALUE, as in model=paper,labels=100, got 'foo'"),
        (["--develop", "--set", "foo"], "--set: expected NAME=JSON, as in epochs=3 or bound='\"elbo\"', got 'foo'"),
        (["--develop", "--set", "foo=bar"], "--set: expected NAME=JSON, as in epochs=3 or .* got 'foo=bar'"),
        (["--set", "alpha=1.0"], "give --develop too"),
    ],
)
def test_wrong_words_are_explained(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        parsed(["mnist", *words])  # and not main, which would run them all if it took them
    assert message.partition(".*")[0] in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            "learning_rat=0.1",
            "'learning_rat' is no setting to try and no field of Digits. Did you mean 'learning_rate'?",
        ),
        ("seed=3", "'seed' is no setting to try and no field of Digits."),
        ("epochs=0", "epochs must be at least 1, got 0."),
        ("hidden=0.5", "Digits: the field 'hidden' is int, got 0.5 (float)."),
    ],
)
def test_a_change_of_nothing_is_refused(
    change: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*DEVELOP, "--out", str(tmp_path), "--set", change]) == 1
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_what_is_tried_goes_before_what_is_quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forget_rows()
    PLACE["mnist"](monkeypatch, tmp_path)
    assert main([*DEVELOP, "--out", str(tmp_path), "--set", "epochs=2", "--set", "warmup_steps=1"]) == 0
    forget_rows()
    [record] = [json.loads(line) for line in (tmp_path / "development.jsonl").read_text().splitlines()]
    assert (record["settings"]["epochs"], record["settings"]["warmup_steps"]) == (2, 1)
