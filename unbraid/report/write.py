"""Writes the report of a run."""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined
from matplotlib.figure import Figure
from PIL import Image

from unbraid.errors import RunError
from unbraid.figures import caption_in, caption_of, curves, png_bytes
from unbraid.figures.style import DPI
from unbraid.report.headline import headlines
from unbraid.training.atomic import write_atomically

_PLACED = ("graph", "labelled", "curves")  # these figures stand in sections of their own
_TABLE_ROWS = 24
_PIXELS_PER_INCH = 96  # of CSS


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure as the page holds it.

    Args:
        data: the PNG file in base64.
        width: in CSS pixels.
        title: what it is.
        caption: how to read it.
    """

    data: str
    width: int
    title: str
    caption: str


@dataclass(frozen=True, slots=True)
class Table:
    """A table of text."""

    head: list[str]
    rows: list[list[str]]


def write_report(
    path: str | os.PathLike[str],
    *,
    title: str,
    metrics: Mapping[str, Any],
    history: Sequence[Mapping[str, Any]],
    figures: Mapping[str, Figure | str | os.PathLike[str]],
    model_text: str,
    config: Mapping[str, Any],
    plan_text: str,
    mermaid: str = "",
    command: str = "",
    failed: Mapping[str, str] | None = None,
) -> Path:
    """Writes one HTML file that needs no other: figures inside, no script, light and dark, fit to print.

    Args:
        path: of the file; written whole or not at all.
        title: of the report.
        metrics: any of "test", "validation", "baseline" and "bound", see `unbraid.report.headline.headlines`.
        history: of the training, an entry for each epoch.
        figures: by name, as `unbraid.figures.figures_for_run` names them: figures, or the PNG files that
            `unbraid.figures.save` wrote. Training curves are drawn from the history where they are missing.
        model_text: the factorisations of q and p.
        config: the settings; nested ones are named with dots.
        plan_text: which labels were used, for which purpose: the statement that makes the numbers honest.
        mermaid: the graph as text, if wanted.
        command: what reproduces the run.
        failed: figures that could not be drawn: by name, why.

    Returns:
        The path of the file.

    Raises:
        RunError: a figure's file cannot be read, or the report cannot be written.
    """
    drawn, missed = dict(figures), dict(failed or {})
    if "curves" not in {*drawn, *missed} and any("loss" in entry or entry.get("terms") for entry in history):
        drawn["curves"] = curves(history)
    pictures = {name: _picture(name, figure) for name, figure in drawn.items()}
    page = _template().render(
        title=title,
        headlines=headlines(metrics),
        model_text=model_text,
        mermaid=mermaid,
        plan_text=plan_text,
        placed={name: pictures.get(name) for name in _PLACED},
        gallery=[picture for name, picture in pictures.items() if name not in _PLACED],
        missed=missed,
        epochs=len(history),
        history=_history_table(history),
        settings=_flat(config),
        command=command,
    )
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(target, page.encode())
    return target


def _template() -> Any:
    """Returns the page's template; text that goes into it is escaped."""
    source = files("unbraid.report").joinpath("report.html.jinja").read_text(encoding="utf-8")
    return Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True).from_string(
        source
    )


def _picture(name: str, figure: Figure | str | os.PathLike[str]) -> Picture:
    """Returns a figure, drawn or read from its file, ready to be embedded."""
    try:
        content = png_bytes(figure) if isinstance(figure, Figure) else Path(figure).read_bytes()
        caption = caption_of(figure) if isinstance(figure, Figure) else caption_in(figure)
        with Image.open(BytesIO(content)) as image:
            width = image.width
    except OSError as error:
        raise RunError(
            f"the figure '{name}' cannot be read from {figure}: {error}. Draw it again, or leave it out"
        ) from error
    heading, colon, text = caption.partition(": ")
    title, text = (heading, text) if colon else (name.replace("_", " ").capitalize(), caption)
    return Picture(
        b64encode(content).decode(), round(width * _PIXELS_PER_INCH / DPI), title, text[:1].upper() + text[1:]
    )


def _history_table(history: Sequence[Mapping[str, Any]]) -> Table:
    """Returns the history as a table: at most `_TABLE_ROWS` epochs, evenly spaced, the last one always."""
    flat = [_flat(entry) for entry in history]
    head = list(dict.fromkeys(key for entry in flat for key in entry if not key.endswith(("_ci", ".n"))))
    step = -(-len(flat) // _TABLE_ROWS) or 1
    return Table(
        [key.removeprefix("terms.") for key in head],
        [[entry.get(key, "") for key in head] for entry in flat[::-1][::step][::-1]],
    )


def _flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Returns nested settings as text by dotted name, in their order."""
    flat: dict[str, str] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping) and value:
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = _text(value)
    return flat


def _text(value: Any) -> str:
    """Returns a value as a reader expects it: a number with four digits, a list without brackets."""
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.4g}".replace("-", "−")
    if isinstance(value, list | tuple):
        return ", ".join(map(_text, value))
    return "{}" if isinstance(value, Mapping) else str(value)
