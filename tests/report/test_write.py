"""The report: one HTML file."""

from __future__ import annotations

from base64 import b64decode
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from unbraid.errors import RunError
from unbraid.figures import save
from unbraid.figures.style import new_figure
from unbraid.report import write_report

HISTORY = [{"epoch": epoch, "loss": 100.0 / epoch, "terms": {"log p(x)": -90.0}} for epoch in range(1, 61)]


class Page(HTMLParser):
    """What a page holds: its elements with their attributes, and its visible text."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(path.read_text(encoding="utf-8"))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data if self.open[-1:] != ["style"] else ""

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def report(path: Path, **changes: Any) -> Page:
    given: dict[str, Any] = {
        "title": "Digits",
        "metrics": {"test": {"digit": {"error": 0.02, "n": 100}}},
        "history": HISTORY,
        "figures": {"samples": new_figure(1.0, 0.5, "Samples: in each row digit is set.")},
        "model_text": "p(x | digit, style)",
        "config": {"seed": 3, "settings": {"rate": 0.001, "estimator": {"digit": "enumerate"}, "clip": None}},
        "plan_text": "100 labels were used.",
    }
    write_report(path, **{**given, **changes})
    return Page(path)


def test_page_is_whole_and_needs_nothing_else(tmp_path: Path) -> None:
    page = report(tmp_path / "run" / "report.html", command="unbraid train mnist", mermaid="flowchart LR")
    assert page.open == []
    assert not page.all("script")
    assert not page.all("link")
    assert all((image["src"] or "").startswith("data:image/png;base64,") for image in page.all("img"))
    assert all((link["href"] or "").startswith("#") for link in page.all("a"))
    assert {link["href"] for link in page.all("a")} <= {f"#{section['id']}" for section in page.all("section")}


def test_page_says_it_all(tmp_path: Path) -> None:
    page = report(tmp_path / "report.html", command="unbraid train mnist", mermaid="flowchart LR")
    for words in (
        "Test error of digit", "2.00 %", "p(x | digit, style)", "flowchart LR", "100 labels were used.", "Samples.",
        "In each row digit is set.", "settings.estimator.digit", "enumerate", "unbraid train mnist",
    ):  # fmt: skip
        assert words in page.text


def test_curves_are_drawn_from_the_history(tmp_path: Path) -> None:
    assert len(report(tmp_path / "a.html").all("img")) == 2
    assert len(report(tmp_path / "b.html", history=[]).all("img")) == 1
    assert len(report(tmp_path / "c.html", figures={"curves": new_figure(1.0, 1.0, "")}).all("img")) == 1


def test_history_is_thinned_and_keeps_the_last_epoch(tmp_path: Path) -> None:
    page = report(tmp_path / "a.html")
    assert "20 of 60 epochs" in " ".join(page.text.split())
    assert page.text.count("1.667") == 1  # 100 / 60


def test_text_is_escaped(tmp_path: Path) -> None:
    page = report(tmp_path / "a.html", title="<script>alert(1)</script>", plan_text="a < b & c", config={"<b>": "<i>"})
    assert not page.all("script")
    assert not page.all("i")
    assert "a < b & c" in page.text


def test_figures_may_be_files(tmp_path: Path) -> None:
    path = save(new_figure(2.0, 0.5, "Walk: a caption."), tmp_path / "walk.png")
    image = report(tmp_path / "a.html", figures={"walk": path}, history=[]).all("img")[0]
    assert b64decode((image["src"] or "").partition(",")[2]) == path.read_bytes()
    assert (image["width"], image["alt"]) == ("192", "Walk")


def test_a_figure_that_could_not_be_drawn_is_missed(tmp_path: Path) -> None:
    page = report(tmp_path / "a.html", figures={}, failed={"walk": "no such light", "curves": "KeyError: 'loss'"})
    assert "The figure 'walk' could not be drawn: no such light" in page.text
    assert not page.all("img")  # curves are not tried again


def test_a_run_without_numbers_says_so(tmp_path: Path) -> None:
    assert "Nothing was measured" in report(tmp_path / "a.html", metrics={}, history=[], figures={}).text


def test_refuses_a_figure_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no picture")
    for name in ("missing.png", "text.png"):
        with pytest.raises(RunError, match="the figure 'walk' cannot be read"):
            report(tmp_path / "a.html", figures={"walk": tmp_path / name})
    assert not (tmp_path / "a.html").exists()
