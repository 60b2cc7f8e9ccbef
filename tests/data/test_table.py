"""Tables of labels: what each column means, and every fault with its line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from unbraid.data.table import Table, read_table
from unbraid.errors import DataError

GOOD = """name,kind,weight,shape

a.png,0,1.5, round
./sub/b.png,,.5e1,flat
"c, d.png",2,,
"""


def table(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    """Writes a CSV file."""
    path = folder / "labels.csv"
    path.write_bytes(text.encode(encoding))
    return path


def read(folder: Path, text: str, real: tuple[str, ...] = ()) -> Table:
    """Reads a text as a CSV file."""
    return read_table(table(folder, text), ("kind", "weight", "shape"), real)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["unix", "windows"])
def test_columns_say_what_they_hold(encoding: str, newline: str, tmp_path: Path) -> None:
    found = read_table(table(tmp_path, GOOD.replace("\n", newline), encoding))
    assert found.lines == {"a.png": 3, "sub/b.png": 4, "c, d.png": 5}
    kind, weight, shape = found.columns.values()
    assert (kind.values.dtype.name, kind.values.tolist()) == ("int64", [0, -1, 2])
    np.testing.assert_array_equal(weight.values, [1.5, 5.0, np.nan])
    assert (shape.values.tolist(), shape.categories) == ([1, 0, -1], ("flat", "round"))
    assert kind.categories == weight.categories == ()


def test_quotation_marks_may_follow_a_space(tmp_path: Path) -> None:
    """What stands in them are numbers if it reads so; within a word they stand for themselves."""
    found = read(tmp_path, 'name, kind, shape\na, "10", 5" pipe\nb, "2", "x ""y"""\n').columns
    assert found["kind"].values.tolist() == [10, 2]
    assert found["shape"].categories == ('5" pipe', 'x "y"')


def test_whole_numbers_are_real_if_so_told(tmp_path: Path) -> None:
    text = "name,weight\na,-1\nb,2\nc,\n"
    np.testing.assert_array_equal(read(tmp_path, text, ("weight", "other")).columns["weight"].values, [-1, 2, np.nan])
    with pytest.raises(DataError, match=r"labels\.csv:2: 'weight' holds whole numbers, .*got -1: .*write -1\.0"):
        read(tmp_path, text)


def test_one_decimal_makes_a_column_real(tmp_path: Path) -> None:
    found = read(tmp_path, "name,weight\na,-1.0\nb,2\n").columns["weight"].values
    assert (found.dtype.name, found.tolist()) == ("float64", [-1, 2])


def test_a_column_without_labels_labels_nothing(tmp_path: Path) -> None:
    assert np.isnan(read(tmp_path, "name,kind\na,\nb,\n").columns["kind"].values).all()
    assert read(tmp_path, "name,kind\n").lines == {}


WRONG = {
    "nothing": ("", r"labels\.csv is empty: its first line names the columns"),
    "first column": ("file,kind\n", r"labels\.csv:1: the first column is 'file', .*call it 'name'"),
    "semicolons": ("name;kind\n", r"labels\.csv:1: the first column is 'name;kind'"),
    "unknown column": ("name,knid\n", r"labels\.csv:1: the column 'knid' is no variable .*Did you mean 'kind'\?"),
    "column twice": ("name,kind,kind\n", r"labels\.csv:1: two columns are called 'kind'"),
    "no heading": ("name,kind,\n", r"labels\.csv:1: column 3 has no heading"),
    "too few cells": ("name,kind,weight\na,1\n", r"labels\.csv:2: 2 cells, but there are 3 columns"),
    "too many cells": ("name,kind\n\na,1,2\n", r"labels\.csv:3: 3 cells, but there are 2 columns"),
    "no name": ("name,kind\n,1\n", r"labels\.csv:2: the name is empty"),
    "name twice": ("name,kind\na,1\nb,\n./a,2\n", r"labels\.csv:4: 'a' stands in line 2 already"),
    "a word among numbers": ("name,kind\na,1\nb,\nc,x\n", r"labels\.csv:4: 'x' is no number, but 'kind' holds numbers"),
    "not a number": ("name,weight\na,1.5\nb,nan\n", r"labels\.csv:3: 'nan' is no number, .*leave the cell empty"),
    "a quotation mark that is left open": (
        'name,kind\na,"x\nb,y\n',
        r"labels\.csv:3: this is no CSV, or a line before it is none \(unexpected end of data\): .*ends with one",
    ),
    "a word after a quotation mark": ('name,kind\na,"x" y\n', r"labels\.csv:2: this is no CSV"),
    "too large": ("name,kind\na,99999999999\n", r"labels\.csv:2: 'kind' holds whole numbers, which are classes"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_fault_is_named_with_its_line(case: str, tmp_path: Path) -> None:
    text, message = WRONG[case]
    with pytest.raises(DataError, match=message):
        read(tmp_path, text)


def test_a_real_variable_holds_no_words(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"labels\.csv:2: 'heavy' is no number, but 'weight' is real"):
        read(tmp_path, "name,weight\na,heavy\n", ("weight",))


def test_another_encoding_is_refused(tmp_path: Path) -> None:
    text = "name,kind\né,1\n"
    assert read_table(table(tmp_path, text)).lines == {"é": 2}
    with pytest.raises(DataError, match=r"is no table in UTF-8 .*save it as CSV"):
        read_table(table(tmp_path, text, "latin-1"))
