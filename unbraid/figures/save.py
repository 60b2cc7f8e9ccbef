"""Figures as PNG files: written whole or not at all, with their captions inside."""

from __future__ import annotations

import os
import tempfile
from io import BytesIO
from pathlib import Path

from matplotlib.figure import Figure
from PIL import Image

from unbraid.figures.style import caption_of


def save(figure: Figure, path: str | os.PathLike[str]) -> Path:
    """Writes a figure as a PNG file, whole or not at all; a missing folder is made.

    Args:
        figure: the figure; its caption becomes the file's description.
        path: of the file, which may exist.

    Returns:
        The path of the file.
    """
    return write_whole(path, png_bytes(figure))


def png_bytes(figure: Figure) -> bytes:
    """Returns a figure as the content of a PNG file, with its caption as the file's description."""
    buffer = BytesIO()
    figure.savefig(buffer, format="png", metadata={"Description": caption_of(figure), "Software": "unbraid"})
    return buffer.getvalue()


def caption_in(path: str | os.PathLike[str]) -> str:
    """Returns the caption inside a PNG file that `save` wrote; empty where it has none."""
    with Image.open(path) as image:
        return str(image.info.get("Description", ""))


def write_whole(path: str | os.PathLike[str], content: bytes) -> Path:
    """Writes a file under another name in its folder, then renames it: no reader ever sees a part of it."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    written = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        written.chmod(0o644)  # mkstemp lets only its owner read
        written.replace(target)
    except BaseException:
        written.unlink(missing_ok=True)
        raise
    return target
