"""The Python of docs/*.md runs, each page in one namespace, on a few drawn digits instead of MNIST, SVHN and faces."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import unbraid as ub
from tests.test_readme import blocks

PAGES = sorted((Path(__file__).parents[1] / "docs").glob("*.md"))


def drawn_faces(size: tuple[int, int]) -> ub.data.Rows:
    """Rows with the labels of faces: 4 people under 10 lights."""
    rows = ub.data.tiny_digits(40)
    azimuth, elevation = (np.tile(np.arange(10) * step, 4).astype(np.float32) for step in (12, 5))
    lighting = ub.data.light_direction(azimuth, elevation)
    labels: dict[str, Any] = {
        "identity": np.arange(40) // 10,
        "lighting": lighting,
        "azimuth": azimuth,
        "elevation": elevation,
    }
    return ub.data.Rows(ub.data.area_average(rows.images, size), labels, name="faces")


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_the_code_runs(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    if page.stem == "export":
        request.getfixturevalue("sizes_may_be_symbols")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(ub.data, "mnist", lambda *_: (ub.data.tiny_digits(200), ub.data.tiny_digits(50, seed=1)))
    monkeypatch.setattr(ub.data, "svhn", lambda *_: (ub.data.tiny_digits(200), ub.data.tiny_digits(50, seed=1)))
    monkeypatch.setattr(ub.data, "yale_faces", drawn_faces)
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
