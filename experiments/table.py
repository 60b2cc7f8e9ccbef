"""Tables: what is made of records, as declarations, and how they become Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, stdev
from typing import Any, Literal

from experiments.published import Published
from experiments.record import Cell, Record

Unit = Literal["percent", "degrees", "nats", "number"]
SCALES: Mapping[str, float] = {"percent": 100.0, "degrees": 1.0, "nats": 1.0, "number": 1.0}
UNITS: Mapping[str, str] = {"percent": "in %", "degrees": "in degrees", "nats": "in nats", "number": ""}

SIGNS: Mapping[str, str] = {"percent": ", %", "degrees": ", °", "nats": ", nats", "number": ""}


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a metric: a row for each value of one key of the cells, a column for each value of another.

    Attributes:
        title: What it shows.
        metric: Its name in the records.
        rows: The key of the cells whose values are the rows.
        columns: The key of the cells whose values are the columns.
        where: Which cells count.
        unit: Of the numbers that are printed.
        baseline: Whether each row is followed by its recogniser on the labelled rows alone.
        published: Rows of others.
    """

    title: str
    metric: str
    rows: str = "model"
    columns: str = "labels"
    where: Cell = field(default_factory=dict)
    unit: Unit = "percent"
    baseline: bool = True
    published: tuple[Published, ...] = ()


@dataclass(frozen=True, slots=True)
class Measure:
    """A column of a table of several metrics.

    Attributes:
        name: At its head.
        metric: Its name in the records.
        unit: Of the numbers that are printed.
        where: Which cells count in this column, among those of the row.
    """

    name: str
    metric: str
    unit: Unit = "number"
    where: Cell = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Measures:
    """A table of several metrics: a row for each value of one key of the cells, a column for each metric.

    Attributes:
        title: What it shows.
        columns: The metrics.
        rows: The key of the cells whose values are the rows.
        order: The values in the order of the rows; those without a run are left out.
        among: The values that have a row; all if none is named.
        where: Which cells count.
    """

    title: str
    columns: tuple[Measure, ...]
    rows: str = "model"
    order: tuple[Any, ...] = ()
    among: tuple[Any, ...] = ()
    where: Cell = field(default_factory=dict)


def markdown(table: Table | Measures, records: Sequence[Record]) -> str:
    """Writes a table of either kind."""
    return _of_one(table, records) if isinstance(table, Table) else _of_several(table, records)


def _of_one(table: Table, records: Sequence[Record]) -> str:
    """Writes a table of one metric: mean ± standard deviation over the seeds, how many they are, how many failed."""
    counted = matching(records, table.where)
    columns = ordered(record["cell"][table.columns] for record in counted)
    names = [*dict.fromkeys([*map(str, columns), *(name for each in table.published for name in each.values)])]
    head = [f"**{table.title}**, {UNITS[table.unit]}".rstrip(", "), ""]
    lines = [_line(table.rows, [f"{table.columns} {name}" for name in names] + ["source"])]
    lines.append("| --- |" + " ---: |" * len(names) + " --- |")
    for row in ordered(record["cell"][table.rows] for record in counted):
        own = [record for record in counted if record["cell"][table.rows] == row]
        cells = [_numbers(own, table, name, "metrics") for name in names]
        lines.append(_line(f"**{row}**", [*cells, _seeds(own)]))
        if table.baseline and any("baseline_metrics" in record for record in own):
            cells = [_numbers(own, table, name, "baseline_metrics") for name in names]
            lines.append(_line(f"{row}: its recogniser on the labelled rows alone", [*cells, _seeds(own)]))
    lines += [
        _line(each.name, [*(each.values.get(name, "") for name in names), each.source]) for each in table.published
    ]
    return "\n".join([*head, *lines])


def _of_several(table: Measures, records: Sequence[Record]) -> str:
    """Writes a table of several metrics: mean ± standard deviation over the seeds; empty where nothing was measured."""
    counted = matching(records, table.where)
    there = ordered(record["cell"][table.rows] for record in counted)
    there = [value for value in there if not table.among or value in table.among]
    lines = [f"**{table.title}**", ""]
    heads = [f"{each.name}{SIGNS[each.unit]}" for each in table.columns]
    lines += [_line(table.rows, [*heads, "source"]), "| --- |" + " ---: |" * len(heads) + " --- |"]
    for row in sorted(there, key=lambda value: table.order.index(value) if value in table.order else len(table.order)):
        own = matching(counted, {table.rows: row})
        entries = [_entry(matching(own, each.where), each.metric, SCALES[each.unit]) for each in table.columns]
        shown = [
            record for record in own if any(each.where.items() <= record["cell"].items() for each in table.columns)
        ]
        if shown:
            lines.append(_line(f"**{row}**", [*entries, _seeds(shown)]))
    return "\n".join(lines)


def matching(records: Sequence[Record], where: Cell) -> list[Record]:
    """Returns the records whose cells have all these values."""
    return [record for record in records if where.items() <= record["cell"].items()]


def values_of(records: Sequence[Record], metric: str, part: str = "metrics") -> list[float]:
    """Returns a metric of the runs that have it; failed ones have none."""
    return [record[part][metric] for record in records if metric in record.get(part, {})]


def ordered(values: object) -> list[object]:
    """Returns what differs: numbers by size, then text in the order in which it came."""
    different = list(dict.fromkeys(values))  # type: ignore[call-overload]
    numbers = [each for each in different if isinstance(each, int | float)]
    return [*sorted(numbers), *(each for each in different if not isinstance(each, int | float))]


def spread(values: Sequence[float], scale: float = 1.0) -> str:
    """Writes mean ± standard deviation with two decimals; of one value no deviation.

    Example:
        >>> spread([0.01, 0.03], 100)
        '2.00 ± 1.41'
    """
    mean = scale * fmean(values)
    return f"{mean:.2f} ± {scale * stdev(values):.2f}" if len(values) > 1 else f"{mean:.2f}"


def _numbers(records: Sequence[Record], table: Table, column: str, part: str) -> str:
    """Writes one entry; with the number of runs where it is not that of the row, and the failed ones."""
    own = [record for record in records if str(record["cell"][table.columns]) == column]
    return _entry(own, table.metric, SCALES[table.unit], part)


def _entry(records: Sequence[Record], metric: str, scale: float, part: str = "metrics") -> str:
    """Writes the mean and the deviation of a metric over some runs, and how many of these failed."""
    values = values_of(records, metric, part)
    failed = sum("failure" in record for record in records)
    text = spread(values, scale) if values else ""
    return text + (f" ({failed} of {len(records)} runs failed)" if failed and part == "metrics" else "")


def _seeds(records: Sequence[Record]) -> str:
    """Says how many runs an entry is the mean of."""
    by_column: dict[str, int] = {}
    for record in records:
        name = str(sorted(record["cell"].items(), key=str))
        by_column[name] = by_column.get(name, 0) + 1
    low, high = min(by_column.values()), max(by_column.values())
    runs = f"{low}" if low == high else f"{low} to {high}"
    return f"ours, {runs} run{'' if high == 1 else 's'}"


def _line(first: object, entries: Sequence[str]) -> str:
    return f"| {first} | " + " | ".join(entries) + " |"
