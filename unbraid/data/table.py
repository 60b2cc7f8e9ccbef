"""A table of labels: a CSV file with a line for each labelled row and a column for each variable."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unbraid.errors import DataError, did_you_mean

NAME = "name"
"""What the first column is called."""
_WHOLE = re.compile(r"[+-]?\d+")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_CLASSES = 1 << 31


@dataclass(frozen=True, slots=True)
class Column:
    """The labels of one variable.

    Args:
        values: (rows,): int64 with -1, or float64 with NaN, where a row has none.
        categories: what the classes 0, 1, ... are called, where they were words; else empty.
    """

    values: NDArray[Any]
    categories: tuple[str, ...] = ()

    def spread(self, rows: int, at: NDArray[np.int64]) -> NDArray[Any]:
        """Returns an array of more rows, with these labels at some of them and none at the others."""
        blank = np.full(rows, -1 if self.values.dtype.kind == "i" else np.nan, self.values.dtype)
        blank[at] = self.values
        return blank


@dataclass(frozen=True, slots=True)
class Table:
    """What a CSV file holds.

    Args:
        path: of the file.
        lines: by name of a row: its line in the file, from 1.
        columns: by variable.
    """

    path: Path
    lines: dict[str, int]
    columns: dict[str, Column]


def read_table(
    path: str | os.PathLike[str], variables: Collection[str] | None = None, real: Collection[str] = ()
) -> Table:
    """Reads labels from a CSV file.

    The first column, `name`, says which row a line is of; each other column holds the labels of a variable. An empty
    cell says that the row has no label. A column of whole numbers is discrete; one with decimals is real; words are
    categories, numbered in the order of the alphabet.

    Args:
        path: of the file: commas, UTF-8, a line of headings.
        variables: the names that columns may have; any where it is not given.
        real: variables that are real though all their labels be whole numbers; others than the columns' are ignored.

    Returns:
        The table.

    Raises:
        DataError: the file cannot be read as such a table; the message gives the line.
        OSError: the file cannot be opened.
    """
    path = Path(path)
    try:
        lines = list(_lines(path))
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is no table in UTF-8 ({error}): save it as CSV with commas, in UTF-8") from error
    if not lines:
        raise DataError(f"{path} is empty: its first line names the columns, e.g. name,digit")
    (first, headings), *rows = lines
    _check_headings(headings, variables, f"{path}:{first}")
    numbers: dict[str, int] = {}
    for line, cells in rows:
        _check_cells(cells, headings, f"{path}:{line}")
        name = Path(cells[0]).as_posix()
        if name in numbers:
            raise DataError(f"{path}:{line}: {name!r} stands in line {numbers[name]} already: keep one of the two")
        numbers[name] = line
    columns = {
        heading: _column(heading, [cells[place] for _, cells in rows], list(numbers.values()), path, heading in real)
        for place, heading in enumerate(headings[1:], start=1)
    }
    return Table(path, numbers, columns)


def categorise(words: Sequence[str | None]) -> Column:
    """Numbers words in the order of the alphabet.

    Example:
        >>> categorise(["round", None, "flat"])
        Column(values=array([ 1, -1,  0]), categories=('flat', 'round'))
    """
    categories = tuple(sorted({word for word in words if word is not None}))
    numbers = {word: number for number, word in enumerate(categories)}
    return Column(np.array([-1 if word is None else numbers[word] for word in words], dtype=np.int64), categories)


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Reads the lines that hold anything, with their numbers."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True, skipinitialspace=True)
        try:
            for cells in reader:
                if any(cell.strip() for cell in cells):
                    yield reader.line_num, [cell.strip() for cell in cells]
        except csv.Error as error:
            raise DataError(
                f"{path}:{reader.line_num}: this is no CSV, or a line before it is none ({error}): cells stand between "
                "commas, and one that begins with a quotation mark ends with one"
            ) from error


def _check_headings(headings: list[str], variables: Collection[str] | None, where: str) -> None:
    """Refuses headings that are not `name` and different variables."""
    if headings[0] != NAME:
        raise DataError(f"{where}: the first column is {headings[0]!r}, but it names the rows: call it {NAME!r}")
    for place, heading in enumerate(headings[1:], start=1):
        if not heading:
            raise DataError(f"{where}: column {place + 1} has no heading: name the variable whose labels it holds")
        if heading in headings[:place]:
            raise DataError(f"{where}: two columns are called {heading!r}: keep one of them")
        if variables is not None and heading not in variables:
            raise DataError(
                f"{where}: the column {heading!r} is no variable to be labelled.{did_you_mean(heading, variables)} "
                "Rename the column, or take it out"
            )


def _check_cells(cells: list[str], headings: list[str], where: str) -> None:
    """Refuses a line that has not a cell for each heading, or no name."""
    if len(cells) != len(headings):
        raise DataError(
            f"{where}: {len(cells)} cells, but there are {len(headings)} columns ({', '.join(headings)}): "
            "an empty cell between two commas says that there is no label"
        )
    if not cells[0]:
        raise DataError(f"{where}: the name is empty, so nothing says which row this is: fill it in")


def _column(variable: str, cells: list[str], lines: list[int], path: Path, real: bool) -> Column:
    """Reads the labels of one variable."""
    given = [(cell, line) for cell, line in zip(cells, lines, strict=True) if cell]
    words = [(cell, line) for cell, line in given if not _NUMBER.fullmatch(cell)]
    if words and (real or len(words) < len(given)):
        cell, line = words[0]
        rule = "is real" if real else "holds numbers in other lines"
        raise DataError(
            f"{path}:{line}: {cell!r} is no number, but {variable!r} {rule}: write a number, or leave the cell empty "
            "where the row has no label"
        )
    if words:
        return categorise([cell or None for cell in cells])
    if real or not given or not all(_WHOLE.fullmatch(cell) for cell, _ in given):
        return Column(np.array([float(cell) if cell else np.nan for cell in cells]))
    for cell, line in given:
        if not 0 <= int(cell) < _CLASSES:
            raise DataError(
                f"{path}:{line}: {variable!r} holds whole numbers, which are classes and start at 0, got {cell}: leave "
                f"the cell empty where the row has no label; if {variable!r} is real, write {cell}.0"
            )
    return Column(np.array([int(cell) if cell else -1 for cell in cells], dtype=np.int64))
