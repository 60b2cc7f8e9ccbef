"""Progress is a bar in a terminal, lines elsewhere, and costs next to nothing."""

import contextlib
import io
import re
import time
from collections.abc import Mapping
from typing import Any

import pytest
from rich.console import Console

from unbraid.errors import OptionError
from unbraid.training.progress import Progress


class Clock:
    """A clock that goes on only when told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr("unbraid.training.progress.time.monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock that `Progress` looks at."""
    return Clock(monkeypatch)


def console_of(*, terminal: bool, width: int = 160) -> tuple[Console, io.StringIO]:
    """A console, and what is written to it."""
    written = io.StringIO()
    console = Console(file=written, force_terminal=terminal, width=width, _environ={"TERM": "xterm"})
    return console, written


def test_without_a_terminal_each_epoch_is_a_plain_line(clock: Clock) -> None:
    console, written = console_of(terminal=False)
    with Progress(epochs=4, console=console) as progress:
        for epoch in (1, 2):
            progress.begin(epoch, steps=2)
            for _ in range(2):
                clock.now += 5
                progress.step(500, terms=lambda: pytest.fail("no one looks"))
            progress.end({"log p(x)": -80.1234, "KL(style)": 12.0}, validation_error=0.0512 if epoch == 2 else None)
    assert written.getvalue().splitlines() == [
        "epoch 1/4  100 rows/s  0:00:30 left  log p(x) -80.12  KL(style) 12",
        "epoch 2/4  100 rows/s  0:00:20 left  error 5.12%  log p(x) -80.12  KL(style) 12",
    ]


def test_a_distance_is_shown_as_a_number(clock: Clock) -> None:
    console, written = console_of(terminal=False)
    with Progress(epochs=1, console=console, shares=False) as progress:
        progress.begin(1, steps=1)
        progress.end({}, validation_error=3.0317)
    assert written.getvalue() == "epoch 1/1  0 rows/s  0:00:00 left  error 3.032\n"


def test_a_line_can_be_written_in_any_encoding() -> None:
    raw = io.BytesIO()
    console = Console(file=io.TextIOWrapper(raw, encoding="ascii", write_through=True), force_terminal=False)
    with Progress(epochs=1, style="lines", console=console) as progress:
        progress.begin(1, 1)
        progress.end({"KL(β)": 1.0})
    assert b"KL(?) 1" in raw.getvalue()


def test_a_resumed_run_reckons_with_its_own_time(clock: Clock) -> None:
    console, written = console_of(terminal=False)
    with Progress(epochs=10, done=8, console=console) as progress:
        progress.begin(9, steps=1)
        clock.now += 3700
        progress.step(37, terms=dict)
        progress.end({})
    assert written.getvalue() == "epoch 9/10  0 rows/s  1:01:40 left\n"


def plain(text: str) -> str:
    """Text without control codes."""
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text)


def test_in_a_terminal_there_is_a_bar(clock: Clock) -> None:
    console, written = console_of(terminal=True)
    with Progress(epochs=2, console=console) as progress:
        progress.begin(1, steps=10)
        for _ in range(5):
            clock.now += 1
            progress.step(64, terms=lambda: {"log p(x)": -80.5, "[bold]odd": 1})
        shown = plain(written.getvalue())
        assert "epoch 1/2" in shown
        assert "64 rows/s  0:00:15 left  log p(x) -80.5  [bold]odd 1" in shown
        progress.end({}, validation_error=0.25)
        assert "error 25.00%" in plain(written.getvalue())
    assert written.getvalue().rstrip("\n").endswith("\x1b[?25h")  # the cursor is shown again


def test_a_narrow_terminal_has_a_single_line(clock: Clock) -> None:
    console, written = console_of(terminal=True, width=40)
    with Progress(epochs=2, console=console) as progress:
        progress.begin(1, steps=1)
        clock.now += 1
        progress.step(64, terms=lambda: {f"KL(variable {each})": 1.0 for each in range(9)})
    lines = [each for each in re.split(r"[\r\n]", plain(written.getvalue())) if each.strip()]
    assert all(each.startswith("epoch 1/2") for each in lines[1:])


def test_the_terms_are_asked_for_at_most_four_times_a_second(clock: Clock) -> None:
    console, _ = console_of(terminal=True)
    asked = 0

    def terms() -> Mapping[str, float]:
        nonlocal asked
        asked += 1
        return {"loss": 1.0}

    with Progress(epochs=1, console=console) as progress:
        progress.begin(1, steps=1000)
        for _ in range(1000):
            clock.now += 0.01
            progress.step(1, terms)
    assert 38 <= asked <= 41  # in ten seconds


@pytest.mark.parametrize("style", ["bar", "lines", "quiet"])
def test_a_step_costs_next_to_nothing(style: Any) -> None:
    console, _ = console_of(terminal=True)
    with Progress(epochs=1, style=style, console=console) as progress:
        progress.begin(1, steps=20_000)
        start = time.perf_counter()
        for _ in range(20_000):
            progress.step(1, dict)
        assert (time.perf_counter() - start) / 20_000 < 50e-6  # seconds; it takes about a millionth


def test_quiet_is_quiet() -> None:
    console, written = console_of(terminal=True)
    with Progress(epochs=1, style="quiet", console=console) as progress:
        progress.begin(1, 1)
        progress.step(1, terms=dict)
        progress.end({"loss": 1.0})
    assert written.getvalue() == ""


def test_an_error_in_the_training_ends_the_bar() -> None:
    console, written = console_of(terminal=True)
    with contextlib.suppress(KeyError), Progress(epochs=1, console=console) as progress:
        progress.begin(1, 1)
        raise KeyError
    assert "\x1b[?25h" in written.getvalue()


def test_a_dumb_terminal_gets_lines() -> None:
    written = io.StringIO()
    console = Console(file=written, force_terminal=True, _environ={"TERM": "dumb"})
    with Progress(epochs=1, console=console) as progress:
        progress.begin(1, 1)
        progress.end({})
    assert written.getvalue().startswith("epoch 1/1")
    assert "\x1b" not in written.getvalue()


def test_an_unknown_style_is_refused() -> None:
    wrong: Any = "loud"
    with pytest.raises((OptionError, TypeError), match="loud"):  # the type checker of the tests may be the first
        Progress(epochs=1, style=wrong)
    Progress(epochs=1, style="quiet")
