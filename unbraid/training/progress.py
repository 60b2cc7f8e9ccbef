"""How a training shows where it is: a bar in a terminal, a line an epoch elsewhere, or nothing."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable, Mapping
from typing import Literal, get_args

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn
from rich.progress import Progress as Bar
from rich.table import Column

from unbraid.errors import OptionError

Style = Literal["auto", "bar", "lines", "quiet"]
Terms = Callable[[], Mapping[str, float]]
REFRESH = 0.25  # seconds between two looks at the screen


class Progress:
    """Shows the epoch, the speed, the terms of the loss, the time left and, when known, the validation error.

    The terms come as a function that is called only when the screen is refreshed, at most four times a second, so a
    step costs a look at the clock and never waits for a GPU.

    Args:
        epochs: how many the training will have had at its end.
        done: how many it has had already (a resumed run).
        style: 'bar'; 'lines', one an epoch; 'quiet'; or 'auto': a bar in a terminal or notebook, lines elsewhere.
        console: where to write; the standard error stream where it is not given.
        shares: whether errors are shares of wrong labels, shown in percent; else they are distances, or means of both.

    Raises:
        OptionError: the style is unknown.

    Example:
        >>> with Progress(epochs=1, style="quiet") as progress:
        ...     progress.begin(epoch=1, steps=2)
        ...     progress.step(rows=64, terms=lambda: {"loss": 0.5})
        ...     progress.end({"loss": 0.5}, validation_error=0.1)
    """

    def __init__(
        self,
        epochs: int,
        *,
        done: int = 0,
        style: Style = "auto",
        console: Console | None = None,
        shares: bool = True,
    ) -> None:
        check_style(style)
        self._console = console or Console(stderr=True)
        self._style = _suited(self._console) if style == "auto" else style
        self._epochs, self._done, self._epoch, self._steps = epochs, done, done, 1
        self._step = self._rows = 0
        self._error: float | None = None
        self._form = ".2%" if shares else ".4g"
        self._start = self._epoch_start = time.monotonic()
        self._shown = float("-inf")
        self._bar: tuple[Bar, TaskID] | None = None

    def __enter__(self) -> Progress:
        self._start = self._epoch_start = time.monotonic()
        if self._style == "bar":
            columns = (_text("head", len(self._head(self._epochs))), _strip(), _text("tail"))
            bar = Bar(*columns, console=self._console, auto_refresh=False)
            task = bar.add_task("", total=max(self._epochs, 1), completed=self._done, head=self._head(), tail="")
            self._bar = bar, task
            bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar[0].stop()

    def begin(self, epoch: int, steps: int) -> None:
        """Starts an epoch.

        Args:
            epoch: its number, from 1.
            steps: how many it will have.
        """
        self._epoch, self._steps, self._step, self._rows = epoch, max(steps, 1), 0, 0
        self._epoch_start = time.monotonic()

    def step(self, rows: int, terms: Terms) -> None:
        """Counts a step.

        Args:
            rows: how many it took.
            terms: gives the terms of the loss by name; called only when the screen is refreshed.
        """
        self._step += 1
        self._rows += rows
        if self._bar is not None and time.monotonic() - self._shown >= REFRESH:
            self._refresh(terms())

    def end(self, terms: Mapping[str, float], validation_error: float | None = None) -> None:
        """Ends an epoch.

        Args:
            terms: its mean terms of the loss by name.
            validation_error: the share of wrong labels, 0 to 1, or a distance, where it was measured.
        """
        self._step = self._steps
        self._error = validation_error
        if self._bar is not None:
            self._refresh(terms)
        elif self._style == "lines":
            line = f"{self._head()}  {self._tail(terms)}"
            encoding = self._console.encoding
            print(line.encode(encoding, "replace").decode(encoding), file=self._console.file, flush=True)

    def _refresh(self, terms: Mapping[str, float]) -> None:
        """Draws the bar again."""
        if self._bar is not None:
            bar, task = self._bar
            bar.update(task, completed=self._completed(), head=self._head(), tail=self._tail(terms))
            bar.refresh()
            self._shown = time.monotonic()

    def _completed(self) -> float:
        """Returns how many epochs are done, with the part of the present one."""
        return self._epoch - 1 + min(self._step / self._steps, 1)

    def _head(self, epoch: int | None = None) -> str:
        """Says the epoch, the present one where none is given."""
        return f"epoch {self._epoch if epoch is None else epoch}/{self._epochs}"

    def _tail(self, terms: Mapping[str, float]) -> str:
        """Says all else: speed, time left, validation error, terms."""
        now = time.monotonic()
        speed = self._rows / max(now - self._epoch_start, 1e-9)
        here = self._completed() - self._done
        left = (now - self._start) * (self._epochs - self._completed()) / here if here > 0 else 0.0
        error = "" if self._error is None else f"  error {self._error:{self._form}}"
        shown = "".join(f"  {name} {value:.4g}" for name, value in terms.items())
        return f"{speed:,.0f} rows/s  {_clock(left)} left{error}{shown}"


def check_style(style: str) -> None:
    """Raises OptionError for a style that does not exist."""
    if style not in get_args(Style):
        raise OptionError(f"progress must be shown as 'auto', 'bar', 'lines' or 'quiet', got {style!r}")


def _suited(console: Console) -> Style:
    """Chooses the style for where the output goes."""
    notebook = console.is_jupyter and importlib.util.find_spec("ipywidgets") is not None
    return "bar" if notebook or (console.is_terminal and not console.is_dumb_terminal) else "lines"


def _text(name: str, least: int | None = None) -> TextColumn:
    """Makes a column for a text of the task, which is cut where the terminal is too narrow."""
    column = Column(no_wrap=True, overflow="ellipsis", min_width=least)
    return TextColumn(f"{{task.fields[{name}]}}", markup=False, table_column=column)


def _strip() -> BarColumn:
    """Makes the column of the bar itself."""
    return BarColumn(16, table_column=Column(min_width=16))


def _clock(seconds: float) -> str:
    """Writes a time as h:mm:ss."""
    minutes, second = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{second:02}"
