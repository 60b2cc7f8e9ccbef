"""Row sources: where the rows of a batch come from."""

from __future__ import annotations

from collections.abc import Sized
from typing import Any, Protocol, cast, runtime_checkable

import torch
from torch import Tensor
from torch.utils.data import Dataset

from unbraid.errors import DataError
from unbraid.model import Model


@runtime_checkable
class Source(Protocol):
    """Rows by number."""

    def __len__(self) -> int:
        """Returns how many rows there are."""

    def gather(self, rows: Tensor) -> Tensor:
        """Returns rows (m, *event) by their numbers (m,), on the device of the training."""


class TensorSource:
    """Rows in memory: gathered by one indexing.

    Args:
        images: Shape (rows, *event).
        device: Of the training; the rows move there once.
    """

    def __init__(self, images: Tensor, device: torch.device) -> None:
        self.images = images.to(device)

    def __len__(self) -> int:
        return len(self.images)

    def gather(self, rows: Tensor) -> Tensor:
        """Returns rows by their numbers."""
        return self.images.index_select(0, rows.to(self.images.device))


class DatasetSource:
    """Rows of a torch dataset, asked for one by one; an item is a row, or a tuple whose first entry is the row.

    Args:
        dataset: With a length.
        model: Whose data the rows should be.
        device: Of the training.
    """

    def __init__(self, dataset: Dataset[Any], model: Model, device: torch.device) -> None:
        if not isinstance(dataset, Sized):
            raise DataError("a dataset must have a length: rows are drawn by number. Iterable datasets have none.")
        self.dataset, self.model, self.device = dataset, model, device
        self.length = len(dataset)

    def __len__(self) -> int:
        return self.length

    def gather(self, rows: Tensor) -> Tensor:
        """Returns rows by their numbers, checked as they come."""
        several = getattr(self.dataset, "__getitems__", None)
        items = several(rows.tolist()) if several else [self.dataset[i] for i in rows.tolist()]
        batch = torch.stack([torch.as_tensor(item[0] if isinstance(item, (tuple, list)) else item) for item in items])
        check_rows(self.model, batch)
        return batch.to(self.device)


def source_of(data: Tensor | Dataset[Any], model: Model, device: torch.device) -> Source:
    """Makes a source of a tensor, an array or a dataset, and checks it against the model.

    Raises:
        DataError: If rows have another shape or type, or values that the likelihood cannot score.
    """
    if isinstance(data, Dataset):
        return DatasetSource(data, model, device)
    tensor = data if isinstance(data, Tensor) else torch.as_tensor(cast(Any, data))
    check_rows(model, tensor)
    if len(tensor) == 0:
        raise DataError("x has no rows.")
    return TensorSource(tensor, device)


def check_rows(model: Model, x: Tensor) -> None:
    """Raises DataError if rows have another shape or type than the model's, or values its likelihood cannot score."""
    model.check_shape(x)
    model.graph.likelihood.family.check_data(x)
