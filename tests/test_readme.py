"""The Python of README.md runs, on a few drawn digits instead of MNIST."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import unbraid as ub

README = Path(__file__).parents[1] / "README.md"
FENCE = re.compile(r"^```python(?P<no_run> no-run)?\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(text: str) -> list[tuple[int, str]]:
    """Returns the blocks that are to run, each with the number of its first line."""
    found = [each for each in FENCE.finditer(text) if not each["no_run"]]
    return [(text.count("\n", 0, each.start("code")), each["code"]) for each in found]


def test_the_code_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All blocks in order, in one namespace, as a reader would paste them."""
    text = README.read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(ub.data, "mnist", lambda *_: (ub.data.tiny_digits(200), ub.data.tiny_digits(50, seed=1)))
    found = blocks(text)
    assert found
    namespace: dict[str, Any] = {"__name__": "readme"}
    for line, code in found:
        # the line numbers are README's
        exec(compile("\n" * line + code, str(README), "exec", dont_inherit=True), namespace)


def test_blocks_are_found_and_left_out() -> None:
    text = "a\n```python\nx = 1\n```\n```\nno\n```\n```python no-run\nno\n```\n```python\ny = 2\n```\n"
    assert blocks(text) == [(2, "x = 1\n"), (11, "y = 2\n")]
