"""Rows gathered ahead: the next batch is read while a step runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Batch = TypeVar("Batch")
Rows = TypeVar("Rows")


def gathered_ahead(
    batches: Iterable[Batch], gather: Callable[[Batch], Rows], *, ahead: bool = False
) -> Iterator[tuple[Batch, Rows]]:
    """Gathers the rows of batches, one after the other; what comes out does not depend on `ahead`.

    Args:
        batches: Which rows.
        gather: Fetches the rows of a batch; an error that it raises is raised when its batch is due.
        ahead: Whether one batch is gathered ahead, in a thread: worth while where rows are read from a disk.

    Yields:
        Each batch with its rows.

    Example:
        >>> list(gathered_ahead([1, 2], lambda batch: batch * 10, ahead=True))
        [(1, 10), (2, 20)]
    """
    if not ahead:
        yield from ((batch, gather(batch)) for batch in batches)
        return
    with ThreadPoolExecutor(1, "unbraid-rows") as thread:
        waiting: tuple[Batch, Future[Rows]] | None = None
        for batch in batches:
            following = batch, thread.submit(gather, batch)
            if waiting is not None:
                yield waiting[0], waiting[1].result()
            waiting = following
        if waiting is not None:
            yield waiting[0], waiting[1].result()
