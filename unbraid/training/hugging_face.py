"""Rows of a `datasets.Dataset` of Hugging Face, without importing that library."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unbraid.errors import DataError
from unbraid.training.reading import floats_of


def is_hugging_face(data: Any) -> bool:
    """Says whether data come from the library `datasets`; who has such data has imported it.

    Raises:
        DataError: If they do, but are several splits.
    """
    library = sys.modules.get("datasets")
    if library is None:
        return False
    if isinstance(data, (library.DatasetDict, library.IterableDatasetDict)):
        raise DataError(f'x holds the splits {sorted(data)}: pass one of them, dataset["{next(iter(data))}"].')
    return isinstance(data, library.Dataset)


class ColumnReader:
    """Reads the one column of a dataset that holds rows: an `Image` or an array of numbers.

    Images become (channels, height, width). Bytes are divided by 255; floats stay as they are.

    Args:
        dataset: A `datasets.Dataset`, such as `datasets.load_from_disk` gives.
        dtype: Of the model.

    Raises:
        DataError: If no column holds rows, or several do.
    """

    on_disk = True

    def __init__(self, dataset: Any, dtype: torch.dtype) -> None:
        name = _column(dataset.features)
        self.dtype, self.name, self.what = dtype, name, f"the column {name!r}"
        feature = dataset.features[name]
        self.picture, self.stored = _is_picture(feature), _stored(feature)
        self.rows = dataset.select_columns([name]).with_format("numpy")

    def __len__(self) -> int:
        return len(self.rows)

    def read(self, numbers: NDArray[np.int64]) -> Tensor:
        """Returns rows by their numbers.

        Raises:
            DataError: If rows have several shapes, or are neither bytes nor floats.
        """
        found = np.asarray(self.rows[numbers.tolist()][self.name])
        if found.dtype == object:
            raise DataError(f"rows of {self.what} have several shapes: crop or resize them with dataset.map first.")
        if self.picture:
            found = found[:, None] if found.ndim == 3 else np.moveaxis(found, -1, 1)
        else:
            found = found.astype(self.stored)  # the library gives every whole number as int64
        return floats_of(np.array(found), self.dtype, self.what)


def _column(features: Any) -> str:
    """Finds the column that holds rows."""
    found = [name for name, feature in features.items() if _is_picture(feature) or _is_array(feature)]
    if len(found) == 1:
        return str(found[0])
    if found:
        raise DataError(f"the columns {found} could be rows: keep one, dataset.select_columns([{found[0]!r}]).")
    raise DataError(f"none of the columns {list(features)} holds images or arrays of numbers.")


def _is_picture(feature: Any) -> bool:
    return type(feature).__name__ == "Image"


def _is_array(feature: Any) -> bool:
    """Says whether a column holds an array or a list of numbers in every row, and not one number."""
    several = hasattr(feature, "shape") or hasattr(feature, "feature")
    return several and str(_stored(feature)).startswith(("int", "uint", "float"))


def _stored(feature: Any) -> str | None:
    """Returns the type of the numbers in a column, as they are stored."""
    while hasattr(feature, "feature"):  # a list of
        feature = feature.feature
    return getattr(feature, "dtype", None)
