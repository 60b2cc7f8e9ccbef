"""Row sources: where the rows of a batch come from."""

from __future__ import annotations

import hashlib
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor
from torch.utils.data import Dataset

from unbraid.data.row_tensor import dtype_of, row_tensor
from unbraid.errors import DataError
from unbraid.model import Model
from unbraid.training.hugging_face import ColumnReader, is_hugging_face
from unbraid.training.items import ItemReader
from unbraid.training.mapped import MappedReader, is_mapped
from unbraid.training.reading import Reader, ReadSource

PROBED = 100
"""How many rows a probe looks at."""


@runtime_checkable
class Source(Protocol):
    """Rows by number.

    Attributes:
        on_disk: Whether rows are read from a disk when they are asked for: then the next batch is gathered while a step
            runs, in a thread.
    """

    on_disk: bool

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
        self.images, self.on_disk = images.to(device), False

    def __len__(self) -> int:
        return len(self.images)

    def gather(self, rows: Tensor) -> Tensor:
        """Returns rows by their numbers."""
        return self.images.index_select(0, rows.to(self.images.device))


def source_of(data: Any, model: Model, device: torch.device) -> Source:
    """Makes a source of whatever holds rows, and checks it against the model.

    Args:
        data: A tensor, an array, a data frame or a list of rows, which is checked as a whole and moves to the device;
            or what is read batch by batch: a memory-mapped array, a torch dataset, a dataset of Hugging Face.
        model: Whose data the rows should be.
        device: Of the training.

    Raises:
        DataError: If rows have another shape or type, or values that the likelihood cannot score.
    """
    reader = reader_of(data, model)
    source = (
        ReadSource(reader, model, device) if reader is not None else TensorSource(rows_in_memory(data, model), device)
    )
    if len(source) == 0:
        raise DataError("x has no rows.")
    return source


def reader_of(data: Any, model: Model) -> Reader | None:
    """Returns what reads rows that are not in memory; None for those that are."""
    if isinstance(data, Dataset):
        return ItemReader(data)
    if is_mapped(data):
        return MappedReader(data, dtype_of(model))
    return ColumnReader(data, dtype_of(model)) if is_hugging_face(data) else None


def rows_in_memory(data: Any, model: Model) -> Tensor:
    """Makes a tensor of rows, and checks it against the model; those of a memory-mapped array are read.

    Raises:
        DataError: If they are no array, are masked, have another shape or type, or values that the likelihood cannot
            score.
    """
    if is_mapped(data) or is_hugging_face(data):
        source = source_of(data, model, torch.device("cpu"))
        return source.gather(torch.arange(len(source)))
    x = row_tensor(data, dtype_of(model), " or a torch dataset").detach()
    model.check_shape(x)
    if len(x):
        model.graph.likelihood.family.check_data(x)
    return x


def probe(source: Source) -> str | None:
    """Returns a digest of some rows, by which other data of the same size are noticed on resume.

    What a dataset draws from torch's generator is drawn from a seed; where rows still differ each time it is None.
    """
    with torch.random.fork_rng(devices=[]):
        once, again = _digest(source), _digest(source)
    return once if once == again else None


def _digest(source: Source) -> str:
    """Returns a digest of some rows, spread over all."""
    torch.default_generator.manual_seed(0)
    rows = torch.linspace(0, len(source) - 1, min(len(source), PROBED)).long()
    content = source.gather(rows).detach().cpu().contiguous().numpy().tobytes()
    return hashlib.sha256(content).hexdigest()
