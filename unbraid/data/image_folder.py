"""A folder of images with a CSV file of labels: data of one's own."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor

from unbraid.data.pixels import BROKEN, Colour, pixels_of, stack
from unbraid.data.rows import Rows
from unbraid.data.table import Table, read_table
from unbraid.errors import DataError, DataNotFoundError, did_you_mean

SUFFIXES = frozenset(
    f".{suffix}" for suffix in ("bmp", "gif", "jpeg", "jpg", "pbm", "pgm", "png", "ppm", "tif", "tiff", "webp")
)


def image_folder(
    folder: str | os.PathLike[str],
    labels: str | os.PathLike[str] | None = None,
    *,
    size: tuple[int, int] | None = None,
    colour: Colour = "auto",
    variables: Collection[str] | None = None,
    real: Collection[str] = (),
) -> Rows:
    """Reads a folder of images, and the labels that a CSV file has of some of them.

    The CSV file has a line for each labelled image, and a column for each variable:

        name,kind,weight
        a.png,round,1.5
        b.png,,0.25

    The first column is the image's path in the folder. An empty cell says that the image has no label of the variable;
    an image without a line has none at all. Whole numbers are the classes of a discrete variable, decimals the values
    of a real one; words are classes too, numbered in the order of the alphabet, and `Rows.categories` names them.

    Args:
        folder: of the images; sub-folders are read too.
        labels: the CSV file; None for images without labels.
        size: height and width to which all images are resized, each new pixel the mean of what it covers; None where
            they have one size already.
        colour: "grey" (one channel), "rgb" (three), or "auto": three if any image has colour.
        variables: the names that columns may have, e.g. ``model.latents``; any where it is not given.
        real: variables that are real though all their labels be whole numbers.

    Returns:
        The images in the order of `image_files`, (rows, 1 or 3, height, width); labels int64 with -1, or floats with
        NaN, where an image has none.

    Raises:
        DataNotFoundError: there is no such folder, CSV file or image.
        DataError: an image cannot be read or has another size than the others; or the CSV file is not of this form. The
            message gives the file, and the line of the CSV file.
    """
    files = image_files(folder)
    table = _table(labels, variables, real)
    files |= _named(table, Path(folder), files)
    files = dict(sorted(files.items()))
    if not files:
        raise DataNotFoundError(f"{folder} holds no image: its files end in none of {', '.join(sorted(SUFFIXES))}")
    place = {name: row for row, name in enumerate(files)}
    at = np.array([place[name] for name in table.lines], dtype=np.int64)
    return Rows(
        stack(_read(files, table), size, colour),
        {variable: column.spread(len(files), at) for variable, column in table.columns.items()},
        name=Path(folder).resolve().name,
        categories={variable: column.categories for variable, column in table.columns.items() if column.categories},
    )


def image_files(folder: str | os.PathLike[str]) -> dict[str, Path]:
    """Lists the images in a folder and its sub-folders, sorted: by the path in the folder, the path to the file.

    Raises:
        DataNotFoundError: there is no such folder.
    """
    root = Path(folder)
    if not root.is_dir():
        raise DataNotFoundError(f"there is no folder {root} to read images from")
    found = {path.relative_to(root).as_posix(): path for path in root.rglob("*") if path.suffix.lower() in SUFFIXES}
    shown = {name: path for name, path in found.items() if not f"/{name}".count("/.") and path.is_file()}
    return dict(sorted(shown.items()))


def _table(labels: str | os.PathLike[str] | None, variables: Collection[str] | None, real: Collection[str]) -> Table:
    """Reads the CSV file, if there is one."""
    if labels is None:
        return Table(Path(), {}, {})
    if not Path(labels).is_file():
        raise DataNotFoundError(f"there is no file {labels} to read labels from")
    return read_table(labels, variables, real)


def _named(table: Table, folder: Path, files: Mapping[str, Path]) -> dict[str, Path]:
    """Returns the images that the CSV file names, whatever their suffix; refuses names of no file, and second names."""
    others = {name: line for name, line in table.lines.items() if name not in files}
    known = {_identity(path): name for name, path in files.items()} if others else {}
    for name, line in others.items():
        if not (folder / name).is_file():
            hint = did_you_mean(name, files)
            raise DataNotFoundError(
                f"{table.path}:{line}: there is no image {name!r} in {folder}."
                f"{hint if hint.startswith(' Did') else ' Mend the name, or take the line out.'}"
            )
        same = known.setdefault(_identity(folder / name), name)
        if same != name:
            raise DataError(f"{table.path}:{line}: {name!r} is the image {same!r}: call it so, and only once")
    return {name: folder / name for name in table.lines}


def _identity(path: Path) -> tuple[int, int]:
    """Says which file a path leads to, whatever it is called: by another way, or in other letters' case."""
    found = path.stat()
    return found.st_dev, found.st_ino


def _read(files: Mapping[str, Path], table: Table) -> Iterator[tuple[str, Tensor]]:
    """Reads the images, each with what messages call it: the file, and its line in the CSV file."""
    for name, path in files.items():
        where = f"{table.path}:{table.lines[name]}: {path}" if name in table.lines else str(path)
        yield where, read_image(path, where)


def read_image(path: Path, where: str) -> Tensor:
    """Reads an image file: (1 or 3, height, width) in [0, 1].

    Args:
        path: of the file.
        where: what messages call it.

    Raises:
        DataError: the file cannot be read as an image.
    """
    try:
        with Image.open(path) as image:
            return pixels_of(image, where)
    except DataError:
        raise
    except BROKEN as error:
        raise DataError(f"{where} is cut short or is no image ({error}): mend the file, or take it away") from error
