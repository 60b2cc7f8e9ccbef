"""Figures as PNG files: written whole or not at all, with their captions inside."""

from __future__ import annotations

import os
from io import BytesIO
from pathlib import Path

from matplotlib.figure import Figure
from PIL import Image

from unbraid.figures.style import caption_of
from unbraid.training.atomic import write_atomically


def save(figure: Figure, path: str | os.PathLike[str]) -> Path:
    """Writes a figure as a PNG file, whole or not at all; a missing folder is made.

    Args:
        figure: the figure; its caption becomes the file's description.
        path: of the file, which may exist.

    Returns:
        The path of the file.

    Raises:
        RunError: the file could not be written; one from before is intact.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(target, png_bytes(figure))
    return target


def png_bytes(figure: Figure) -> bytes:
    """Returns a figure as the content of a PNG file, with its caption as the file's description."""
    buffer = BytesIO()
    figure.savefig(buffer, format="png", metadata={"Description": caption_of(figure), "Software": "unbraid"})
    return buffer.getvalue()


def caption_in(path: str | os.PathLike[str]) -> str:
    """Returns the caption inside a PNG file that `save` wrote; empty where it has none."""
    with Image.open(path) as image:
        return str(image.info.get("Description", ""))
