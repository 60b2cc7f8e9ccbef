"""Row sources: where the rows of a batch come from."""

from __future__ import annotations

import hashlib
from collections.abc import Sized
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor
from torch.utils.data import Dataset

from unbraid.data.rows import Rows
from unbraid.errors import DataError
from unbraid.model import Model

PROBED = 100
"""How many rows a probe looks at."""


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
        if self.length:
            self.gather(torch.zeros(1, dtype=torch.int64))

    def __len__(self) -> int:
        return self.length

    def gather(self, rows: Tensor) -> Tensor:
        """Returns rows by their numbers, checked as they come."""
        several = getattr(self.dataset, "__getitems__", None)
        items = several(rows.tolist()) if several else [self.dataset[i] for i in rows.tolist()]
        try:
            images = [torch.as_tensor(item[0] if isinstance(item, (tuple, list)) else item) for item in items]
            batch = torch.stack(images)
        except (TypeError, ValueError, RuntimeError) as error:
            raise DataError(
                f"items of the dataset do not make rows of one shape ({error}): give tensors, or (tensor, ...)."
            ) from error
        self._check(rows, batch)
        return batch.to(self.device)

    def _check(self, rows: Tensor, batch: Tensor) -> None:
        """Checks rows by the numbers that they have in the dataset."""
        self.model.check_shape(batch)
        wrong = rows[~torch.isfinite(batch).flatten(1).all(1)]
        if len(wrong):
            raise DataError(
                f"row {int(wrong[0])} of the dataset has NaN or infinite values. Clean it, or drop it before fit."
            )
        self.model.graph.likelihood.family.check_data(batch)


def source_of(data: Tensor | Dataset[Any], model: Model, device: torch.device) -> Source:
    """Makes a source of a tensor, an array or a dataset, and checks it against the model.

    Raises:
        DataError: If rows have another shape or type, or values that the likelihood cannot score.
    """
    source = (
        DatasetSource(data, model, device)
        if isinstance(data, Dataset)
        else TensorSource(rows_in_memory(data, model), device)
    )
    if len(source) == 0:
        raise DataError("x has no rows.")
    return source


def rows_in_memory(data: Any, model: Model) -> Tensor:
    """Makes a tensor of rows that are in memory, and checks it against the model.

    Raises:
        DataError: If they are no array, have another shape or type, or values that the likelihood cannot score.
    """
    if isinstance(data, Rows):
        raise DataError(
            "x is Rows, which hold images and labels: pass rows.images, and the labels that are to be shown."
        )
    try:
        x = data if isinstance(data, Tensor) else torch.as_tensor(data)
    except (TypeError, ValueError, RuntimeError) as error:
        raise DataError(f"x is {type(data).__name__}; it must be a tensor, an array or a torch dataset.") from error
    model.check_shape(x)
    if len(x):
        model.graph.likelihood.family.check_data(x)
    return x


def probe(source: Source) -> str:
    """Returns a digest of some rows, spread over all, by which other data of the same size are noticed on resume."""
    rows = torch.linspace(0, len(source) - 1, min(len(source), PROBED)).long()
    content = source.gather(rows).detach().cpu().contiguous().numpy().tobytes()
    return hashlib.sha256(content).hexdigest()
