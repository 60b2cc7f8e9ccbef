"""The Python of docs/*.md runs, each page in one namespace, on a few drawn digits instead of MNIST."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import unbraid as ub
from tests.test_readme import blocks

PAGES = sorted((Path(__file__).parents[1] / "docs").glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_the_code_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(ub.data, "mnist", lambda *_: (ub.data.tiny_digits(200), ub.data.tiny_digits(50, seed=1)))
    namespace: dict[str, Any] = {"__name__": page.stem}
    for line, code in blocks(page.read_text(encoding="utf-8")):
        exec(
            compile("\n" * line + code, str(page), "exec", dont_inherit=True), namespace
        )  # line numbers are the page's


def test_the_images_are_there() -> None:
    for page in PAGES:
        for part in page.read_text(encoding="utf-8").split("](")[1:]:
            target = part.split(")")[0].split("#")[0]
            if target and "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_there_are_pages() -> None:
    assert PAGES
