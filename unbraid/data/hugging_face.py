"""Data sets of Hugging Face's `datasets`, from local files, as rows."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from unbraid.data.arrays import Layout, from_arrays
from unbraid.data.pixels import BROKEN, Colour, pixels_of, stack
from unbraid.data.rows import Rows
from unbraid.data.table import Column, categorise
from unbraid.errors import DataError, DataNotFoundError, did_you_mean


def from_hugging_face(
    dataset: Any,
    image: str = "image",
    labels: Sequence[str] = (),
    *,
    size: tuple[int, int] | None = None,
    colour: Colour = "auto",
    layout: Layout = "channels_first",
    name: str | None = None,
) -> Rows:
    """Makes rows of a `datasets.Dataset`; nothing is downloaded.

    Args:
        dataset: one split, ``datasets.Dataset``; or the path of a folder that `save_to_disk` wrote, or of a Parquet
            file (these need ``pip install 'unbraid[hugging-face]'``).
        image: the column of images.
        labels: the columns of labels, each a variable: whole numbers, floats, words (they become classes, named in
            `Rows.categories`, as the names of a `ClassLabel` do) or lists of floats; None for a row without a label.
        size: height and width to which images are resized, each new pixel the mean of what it covers.
        colour: "grey" (one channel), "rgb" (three), or "auto": three if any image has three.
        layout: of images that are arrays, as for `from_arrays`; others say it themselves.
        name: what the rows are called; the data set's own name, or its file's, where it is not given.

    Returns:
        The rows, in the order of the data set.

    Raises:
        DataNotFoundError: there is no such path, or `datasets` is not installed.
        DataError: there are several splits, no rows or no such column, an image cannot be read, a column is neither
            images nor labels, or the data set is streamed.
    """
    if isinstance(dataset, str | os.PathLike):
        name = name or Path(dataset).stem
        dataset = _local(Path(dataset))
    if isinstance(dataset, dict):
        splits = ", ".join(map(repr, dataset))
        raise DataError(f"the data set has the splits {splits}: give one, e.g. dataset[{next(iter(dataset))!r}]")
    if not hasattr(dataset, "__len__"):
        raise DataError(
            f"{type(dataset).__name__} has no number of rows, as a data set that is streamed: load it without "
            "streaming=True"
        )
    for column in (image, *labels):
        if column not in dataset.column_names:
            raise DataError(f"the data set has no column {column!r}.{did_you_mean(column, dataset.column_names)}")
    title = name or getattr(dataset.info, "dataset_name", None) or "data set"
    columns = {variable: _column(dataset, variable) for variable in labels}
    plain = dataset.select_columns([image]).with_format(None)  # a row of which nothing else is decoded
    return Rows(
        _images(plain, image, size, colour, layout, title),
        {variable: column.values for variable, column in columns.items()},
        title,
        {variable: column.categories for variable, column in columns.items() if column.categories},
    )


def _local(path: Path) -> Any:
    """Opens a folder that `save_to_disk` wrote, or a Parquet file."""
    if not path.exists():
        raise DataNotFoundError(f"there is no data set at {path}")
    try:
        import datasets
    except ImportError as error:
        raise DataNotFoundError(f"{path} is read by `datasets`: pip install 'unbraid[hugging-face]'") from error
    try:
        if path.is_dir():
            return datasets.load_from_disk(str(path), keep_in_memory=True)
        with tempfile.TemporaryDirectory(prefix="unbraid-") as cache:
            return datasets.Dataset.from_parquet(str(path), cache_dir=cache, keep_in_memory=True)
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
        raise DataError(
            f"{path} is neither a folder that datasets.save_to_disk wrote nor a Parquet file: {error}"
        ) from error


def _images(
    dataset: Any, column: str, size: tuple[int, int] | None, colour: Colour, layout: Layout, name: str
) -> Tensor:
    """Reads the column of images: (rows, channels, height, width)."""
    return stack(_each(dataset, column, layout, name), size, colour)


def _each(dataset: Any, column: str, layout: Layout, name: str) -> Iterator[tuple[str, Tensor]]:
    """Reads one image after the other, each with what messages call it."""
    for row in range(len(dataset)):
        where = f"row {row} of '{name}'"
        try:
            value = dataset[row][column]
            pixels = pixels_of(value, where) if isinstance(value, Image.Image) else None
        except DataError:
            raise
        except BROKEN as error:
            raise DataError(f"{where} is cut short or is no image ({error}): mend it, or leave it out") from error
        if pixels is not None:
            yield where, pixels
        elif isinstance(value, list | np.ndarray):
            array = np.asarray(value)
            if array.dtype.kind in "iu" and array.size and array.min() >= 0 and array.max() <= 255:
                array = array.astype(np.uint8)  # lists do not say how wide their numbers are
            yield where, from_arrays(array[None], name=where, layout=layout).images[0]
        else:
            raise DataError(f"{where}: the column {column!r} holds {type(value).__name__}, expected an image")


def _column(dataset: Any, variable: str) -> Column:
    """Reads a column of labels."""
    names = getattr(dataset.features[variable], "names", None)
    values = dataset.with_format(None)[variable][:]
    given = [value for value in values if value is not None]
    if given and all(isinstance(value, str) for value in given):
        return categorise(values)
    if all(isinstance(value, int) for value in given):  # a truth value is one too: 0 or 1
        whole = np.array([-1 if value is None else int(value) for value in values], dtype=np.int64)
        return Column(whole, tuple(names or ()))
    try:
        blank = np.full(np.shape(given[0]), np.nan)
        numbers = np.array([blank if value is None else value for value in values], dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise _no_label(variable, given) from error
    if isinstance(given[0], Image.Image):
        raise _no_label(variable, given)
    return Column(numbers)


def _no_label(variable: str, given: Sequence[Any]) -> DataError:
    """Words the error for a column that holds no labels."""
    kind = type(given[0]).__name__
    return DataError(
        f"the column {variable!r} holds {kind}, which makes no label: numbers, words and lists of as many numbers do"
    )
