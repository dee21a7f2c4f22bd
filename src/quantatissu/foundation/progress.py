"""What people see of long work: the stage, how much is done, how fast, and how long it will take.

On a terminal a line is redrawn in place; into a pipe or a log go a line when a stage begins, one every ten seconds
while it goes on, and one when it ends. A stage that is interrupted says how far it came.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Protocol, TextIO

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

PLAIN_INTERVAL_SECONDS = 10.0


class Stage:
    """Work with a known or unknown ``total`` of ``unit``, counted by whoever does it."""

    def __init__(self, name: str, total: int | None, unit: str, clock: Callable[[], float]) -> None:
        self.name = name
        self.total = total
        self.unit = unit
        self.done = 0
        self.detail = ""
        self._clock = clock
        self._began = clock()
        self._skipped = 0

    def skip(self, amount: int) -> None:
        """Count ``amount`` as done already, by an earlier run: it says nothing about the rate."""
        self.done += amount
        self._skipped += amount

    def advance(self, amount: int = 1, detail: str = "") -> None:
        """Count ``amount`` more as done; ``detail`` is what else there is to say at this moment."""
        self.done += amount
        self.detail = detail or self.detail

    @property
    def seconds(self) -> float:
        """Since the stage began."""
        return self._clock() - self._began

    @property
    def rate(self) -> float:
        """Units a second, of what this run did."""
        return (self.done - self._skipped) / max(self.seconds, 1e-9)

    @property
    def seconds_left(self) -> float | None:
        """By the rate so far; None when nothing is known yet."""
        if self.total is None or self.done <= self._skipped:
            return None
        return max(self.total - self.done, 0) / self.rate

    def describe(self) -> str:
        """One line: ``documents: 1,200 of 4,000 groups, 35.2 a second, 1:20 left``."""
        of = f" of {self.total:,}" if self.total is not None else ""
        parts = [f"{self.name}: {self.done:,}{of} {self.unit}"]
        if self.done > self._skipped:
            parts.append(f"{self.rate:,.1f} a second")
        left = self.seconds_left
        if left is not None and self.done < (self.total or 0):
            parts.append(f"{clock_time(left)} left")
        if self.detail:
            parts.append(self.detail)
        return ", ".join(parts)


class Progress(Protocol):
    """What long work reports to."""

    def stage(self, name: str, total: int | None, unit: str) -> AbstractContextManager[Stage]:
        """Begin a stage; a context manager that gives its `Stage` and ends it."""

    def note(self, text: str) -> None:
        """Say something once that stays to be read."""


class Silent:
    """Shows nothing."""

    @contextmanager
    def stage(self, name: str, total: int | None, unit: str) -> Iterator[Stage]:
        yield Stage(name, total, unit, time.monotonic)

    def note(self, text: str) -> None: ...


class _ToldStage(Stage):
    """A stage that tells somebody of every step."""

    def __init__(
        self, name: str, total: int | None, unit: str, clock: Callable[[], float], tell: Callable[[Stage], None]
    ) -> None:
        super().__init__(name, total, unit, clock)
        self._tell = tell

    def advance(self, amount: int = 1, detail: str = "") -> None:
        super().advance(amount, detail)
        self._tell(self)


class Lines:
    """Sparse lines for a pipe or a log."""

    def __init__(
        self,
        sink: TextIO,
        *,
        interval: float = PLAIN_INTERVAL_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sink = sink
        self._interval = interval
        self._clock = clock
        self._said = clock()

    def note(self, text: str) -> None:
        """One line."""
        self._said = self._clock()
        print(text, file=self._sink, flush=True)

    @contextmanager
    def stage(self, name: str, total: int | None, unit: str) -> Iterator[Stage]:
        """See `Progress.stage`."""
        self.note(f"{name}: {total:,} {unit}" if total is not None else name)
        stage = _ToldStage(name, total, unit, self._clock, self._sometimes)
        try:
            yield stage
        except BaseException:
            self.note(f"{stage.describe()}; stopped after {clock_time(stage.seconds)}")
            raise
        self.note(f"{name}: done in {clock_time(stage.seconds)}" + (f", {stage.detail}" if stage.detail else ""))

    def _sometimes(self, stage: Stage) -> None:
        if self._clock() - self._said >= self._interval and stage.done != stage.total:
            self.note(stage.describe())


class Live:
    """One line redrawn in place on a terminal, and a line that stays for every stage that ended.

    The clock in the line runs on while no step is reported: rich redraws it.
    """

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = clock

    def note(self, text: str) -> None:
        """One line above the one that is redrawn."""
        self._console.print(text, markup=False, highlight=False)

    @contextmanager
    def stage(self, name: str, total: int | None, unit: str) -> Iterator[Stage]:
        """See `Progress.stage`."""
        from rich.live import Live as Redrawn

        stage = Stage(name, total, unit, self._clock)
        view = _Line(stage)
        with Redrawn(get_renderable=view.render, console=self._console, refresh_per_second=5, transient=True):
            yield stage
        self.note(f"{name}: done in {clock_time(stage.seconds)}" + (f", {stage.detail}" if stage.detail else ""))


class _Line:
    """The line of a stage: name, bar, numbers."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def render(self) -> RenderableType:
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        row = Table.grid(padding=(0, 1))
        row.add_column(width=24)
        row.add_column(no_wrap=True, overflow="ellipsis")
        bar = ProgressBar(total=self._stage.total, completed=self._stage.done, width=24, pulse=not self._stage.total)
        row.add_row(bar, Text(f"{self._stage.describe()}, {clock_time(self._stage.seconds)}", overflow="ellipsis"))
        return row


def open_progress(sink: TextIO) -> Progress:
    """The display that suits ``sink``: redrawn in place on a terminal, sparse lines elsewhere."""
    if sink.isatty():
        from rich.console import Console

        console = Console(file=sink)
        if not console.is_dumb_terminal:
            return Live(console)
    return Lines(sink)


def clock_time(seconds: float) -> str:
    """``0:05``, ``12:34``, ``1:02:03``; below ten seconds with a decimal: ``3.2 s``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
