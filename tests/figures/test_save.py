"""Figures as files."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from unbraid.errors import RunError
from unbraid.figures import caption_in, save
from unbraid.figures.style import new_figure


def test_saves_the_picture_and_its_caption(tmp_path: Path) -> None:
    path = save(new_figure(1.0, 0.5, "Squares: ≥ 3 of them."), tmp_path / "new" / "a.png")
    with Image.open(path) as image:
        assert image.size == (200, 100)
    assert caption_in(path) == "Squares: ≥ 3 of them."
    assert [file.name for file in path.parent.iterdir()] == ["a.png"]


def test_a_caption_may_be_missing(tmp_path: Path) -> None:
    Image.new("RGB", (2, 2)).save(tmp_path / "bare.png")
    assert caption_in(tmp_path / "bare.png") == ""


def test_refuses_a_folder(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="could not be written"):
        save(new_figure(1.0, 0.5, ""), tmp_path)
