"""The report on gradients: a record, its tables and its figure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import fill
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH = 100
"""Where the heading is broken, in characters."""
ALL = "all parameters"
HEADER = ("relative bias", "standard deviation", "cosine of the mean", "cosine of one", "ms a step")


@dataclass(frozen=True, slots=True)
class Row:
    """What was measured of one estimator's gradient of one group of parameters.

    Lengths are in units of the exact gradient's.

    Attributes:
        estimator: Its name.
        group: The parameters: all, "q(digit)", "rest of q" or "p".
        squared_bias: The squared length of the bias, estimated without bias; below 0 by chance where there is none.
        squared_bias_se: Its standard error.
        deviation: The standard deviation of one gradient: the root of the variances' sum.
        cosine: Between the mean gradient and the exact one; NaN where noise hides it.
        cosine_of_one: The mean cosine between one gradient and the exact one.
        milliseconds: The time of one objective and its gradient, the median.
    """

    estimator: str
    group: str
    squared_bias: float
    squared_bias_se: float
    deviation: float
    cosine: float
    cosine_of_one: float
    milliseconds: float

    @property
    def seen(self) -> bool:
        """Whether there is a bias: whether its square is more than three standard errors above 0."""
        return self.squared_bias > 3 * self.squared_bias_se

    @property
    def bias(self) -> float:
        """The length of the bias."""
        return math.sqrt(max(self.squared_bias, 0.0))

    @property
    def bias_se(self) -> float:
        """The standard error of the bias: what one standard error of its square adds to its root."""
        return math.sqrt(max(self.squared_bias, 0.0) + self.squared_bias_se) - self.bias

    @property
    def bias_below(self) -> float:
        """What the bias is below, by three standard errors of its square."""
        return math.sqrt(max(self.squared_bias, 0.0) + 3 * self.squared_bias_se)

    def cells(self) -> tuple[str, ...]:
        """Returns the row as text."""
        if self.seen:
            bias = f"{_number(self.bias)} ± {_number(self.bias_se)}"
        else:
            bias = f"< {_number(self.bias_below)}" if self.bias_below else "0"
        numbers = map(_number, (self.deviation, self.cosine, self.cosine_of_one))
        return (self.estimator, bias, *numbers, f"{self.milliseconds:.1f}")


@dataclass(frozen=True, slots=True)
class GradientReport:
    """How the gradients of estimators differ from the exact one, on one batch.

    Attributes:
        rows: One for each estimator and group of parameters.
        variables: The discrete latents that are estimated.
        batch: How many rows of data the batch has.
        repeats: How often each gradient was drawn.
        exact_se: The standard error of the exact gradient, as a length, over its own length.
    """

    rows: tuple[Row, ...]
    variables: tuple[str, ...]
    batch: int
    repeats: int
    exact_se: float

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups of parameters."""
        return tuple(dict.fromkeys(row.group for row in self.rows))

    def of(self, group: str = ALL) -> dict[str, Row]:
        """Returns the rows of a group by estimator."""
        return {row.estimator: row for row in self.rows if row.group == group}

    def heading(self) -> str:
        """Says what was measured."""
        return (
            f"Gradients of the objective of {self.batch} rows, by the estimator of {' and '.join(self.variables)}; "
            f"lengths are in units of the exact gradient's, the mean of {self.repeats} enumerations (± "
            f"{_number(self.exact_se)}). A bias behind < is not told from 0."
        )

    def __str__(self) -> str:
        """Returns the tables as aligned text."""
        tables = [[(group, *HEADER), *(row.cells() for row in self.of(group).values())] for group in self.groups]
        widths = [max(map(len, column)) for column in zip(*(row for table in tables for row in table), strict=True)]
        lines = ["\n".join(_aligned(row, widths) for row in table) for table in tables]
        return "\n\n".join((fill(self.heading(), WIDTH), *lines))

    def markdown(self) -> str:
        """Returns the tables in Markdown."""
        tables = []
        for group in self.groups:
            rows = [(group, *HEADER), ("---", *("---:" for _ in HEADER)), *(r.cells() for r in self.of(group).values())]
            tables.append("\n".join(f"| {' | '.join(row)} |" for row in rows))
        return "\n\n".join((self.heading(), *tables))

    def draw(self, path: Any = None) -> Figure:
        """Draws bias against standard deviation, a panel for each group; saves the picture if a path is given."""
        from unbraid.figures.gradients import gradients
        from unbraid.figures.save import save

        figure = gradients(self)
        if path is not None:
            save(figure, path)
        return figure


def _number(value: float) -> str:
    """Returns a number with three decimals, or one where it is large."""
    if math.isnan(value):
        return "–"
    return f"{value:.3f}" if abs(value) < 9.9995 else f"{value:.1f}"


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Joins cells, the first at the left of its column and the others at the right."""
    first, *others = (
        cell.ljust(width) if i == 0 else cell.rjust(width)
        for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return "  ".join((first, *others)).rstrip()
