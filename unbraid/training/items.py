"""Rows of a torch dataset."""

from __future__ import annotations

from collections.abc import Sized
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from unbraid.errors import DataError


class ItemReader:
    """Asks a dataset for its items one by one; an item is a row, or a tuple whose first entry is the row.

    They are asked for in the training's own thread: not every dataset may be used from another.

    Args:
        dataset: With a length.

    Raises:
        DataError: If it has no length.
    """

    what = "the dataset"
    on_disk = False

    def __init__(self, dataset: Dataset[Any]) -> None:
        if not isinstance(dataset, Sized):
            raise DataError("a dataset must have a length: rows are drawn by number. Iterable datasets have none.")
        self.dataset, self.length = dataset, len(dataset)

    def __len__(self) -> int:
        return self.length

    def read(self, numbers: NDArray[np.int64]) -> Tensor:
        """Returns rows by their numbers.

        Raises:
            DataError: If the items are not tensors of one shape, or have masked values.
        """
        several = getattr(self.dataset, "__getitems__", None)
        items = several(numbers.tolist()) if several else [self.dataset[i] for i in numbers.tolist()]
        rows = [item[0] if isinstance(item, (tuple, list)) else item for item in items]
        for number, row in zip(numbers.tolist(), rows, strict=True):
            if np.ma.is_masked(row):
                raise DataError(
                    f"row {number} of the dataset is a masked array with values masked: fill them, e.g. "
                    "values.filled(0), or leave the row out."
                )
        try:
            return torch.stack([torch.as_tensor(row) for row in rows]).detach()
        except (TypeError, ValueError, RuntimeError) as error:
            raise DataError(
                f"items of the dataset do not make rows of one shape ({error}): give tensors, or (tensor, ...)."
            ) from error
