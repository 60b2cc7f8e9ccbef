"""Rows that are read when they are asked for."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unbraid.errors import DataError
from unbraid.model import Model


class Reader(Protocol):
    """Reads rows by number.

    Attributes:
        what: What the rows are in, for messages: "the dataset".
        on_disk: Whether they are read from a disk, and another thread may do it.
    """

    what: str
    on_disk: bool

    def __len__(self) -> int:
        """Returns how many rows there are."""

    def read(self, numbers: NDArray[np.int64]) -> Tensor:
        """Returns rows (m, *event), in new memory on the CPU, by their numbers (m,), which ascend."""


class ReadSource:
    """Rows that a reader gives, batch by batch, each checked as it comes.

    The rows of a batch are read in the order in which they lie in the file and then put into the order of the batch:
    neighbours come with one access, and a disk reads forwards.

    Args:
        reader: What reads them.
        model: Whose data the rows should be.
        device: Of the training.

    Raises:
        DataError: If the first row is no row of the model's data.
    """

    def __init__(self, reader: Reader, model: Model, device: torch.device) -> None:
        self.reader, self.model, self.device = reader, model, device
        self.on_disk = reader.on_disk
        if len(reader):
            self.gather(torch.zeros(1, dtype=torch.int64))

    def __len__(self) -> int:
        return len(self.reader)

    def gather(self, rows: Tensor) -> Tensor:
        """Returns rows by their numbers, checked."""
        numbers, order = rows.sort()
        read = self.reader.read(numbers.numpy())
        self._check(numbers, read)
        return torch.empty_like(read).index_copy_(0, order, read).to(self.device)

    def _check(self, numbers: Tensor, read: Tensor) -> None:
        """Checks rows, and names a wrong one by its number."""
        self.model.check_shape(read)
        wrong = numbers[~torch.isfinite(read).flatten(1).all(1)]
        if len(wrong):
            raise DataError(
                f"row {int(wrong[0])} of {self.reader.what} has NaN or infinite values. Clean it, or drop it before "
                "fit."
            )
        self.model.graph.likelihood.family.check_data(read)


def floats_of(raw: NDArray[np.generic], dtype: torch.dtype, what: str) -> Tensor:
    """Makes floating-point numbers of what was read: bytes are divided by 255, floats converted.

    Args:
        raw: Shape (rows, *event).
        dtype: Of the model.
        what: What was read, for the message.

    Raises:
        DataError: If the numbers are neither bytes nor floats.

    Example:
        >>> floats_of(np.array([[0, 51, 255]], np.uint8), torch.float32, "an array")
        tensor([[0.0000, 0.2000, 1.0000]])
    """
    if raw.dtype == np.uint8:
        return torch.from_numpy(raw).to(dtype).div_(255)
    if raw.dtype.kind == "f":
        return torch.from_numpy(raw.astype(raw.dtype.newbyteorder("="), copy=False)).to(dtype)
    raise DataError(f"{what} holds {raw.dtype}: store bytes (uint8, from 0 to 255) or floating-point numbers.")
