"""What a person sees while the search runs, and the plainer lines a log gets instead."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from quantatissu.cli.terminal import printable
from quantatissu.repair.report import Stage, Suspect

_SUSPECTS = 5
_WIDEST_STAGE = 8


class LiveView:
    """A `Listener` that redraws a few lines in place and leaves nothing behind when it is closed.

    The engine's thread only stores what it is told; drawing happens in the display's own thread, ten times a second.
    """

    def __init__(self, console: Console, title: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._title = printable(title)
        self._clock = clock
        self._began = clock()
        self._stages: dict[Stage, str] = {}
        self._suspects: tuple[Suspect, ...] = ()
        self._search = ""
        self._best: str | None = None
        self._ascii = console.options.ascii_only
        self._spinner = Spinner("line" if self._ascii else "dots", style="cyan")
        self._live = Live(get_renderable=self.render, console=console, refresh_per_second=10, transient=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def stage(self, stage: Stage, detail: str) -> None:
        self._stages = self._stages | {stage: printable(detail)}

    def suspects(self, suspects: Sequence[Suspect]) -> None:
        self._suspects = tuple(suspects[:_SUSPECTS])

    def progress(self, tried: int, per_second: float, best: str | None) -> None:
        self._search = f"{tried:,} candidates · {per_second:,.0f} a second"
        self._best = printable(best) if best else None

    def render(self) -> RenderableType:
        """The view at this moment: title and clock, the stages so far, the best patch, the suspicious lines."""
        head = Text.assemble(
            ("quanta fix ", "bold"), self._title, (f"  {self._clock() - self._began:.1f} s", "dim"), overflow="ellipsis"
        )
        head.no_wrap = True
        stages = Table.grid(padding=(0, 1))
        stages.add_column(width=1)
        stages.add_column(width=_WIDEST_STAGE, no_wrap=True)
        stages.add_column(no_wrap=True, overflow="ellipsis")
        known = list(self._stages.items())
        for index, (stage, detail) in enumerate(known):
            running = index == len(known) - 1
            done = Text("+" if self._ascii else "✓", style="green")
            told = " · ".join(part for part in (detail, self._search if stage == "search" else "") if part)
            stages.add_row(self._spinner if running else done, stage, Text(told, style="" if running else "dim"))
        parts: list[RenderableType] = [head, stages]
        if self._best:
            parts.append(Text.assemble(("  best so far  ", "green"), self._best, overflow="ellipsis", no_wrap=True))
        if self._suspects:
            parts += [Text("  suspicious lines", style="dim"), *map(_suspect, self._suspects)]
        return Group(*parts)


class LogView:
    """A `Listener` for logs and pipes: one line when a stage begins, none while it goes on."""

    def __init__(self, sink: TextIO) -> None:
        self._sink = sink
        self._stage: Stage | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def stage(self, stage: Stage, detail: str) -> None:
        if stage != self._stage:
            self._stage = stage
            print(f"{stage}: {printable(detail)}" if detail else stage, file=self._sink, flush=True)

    def suspects(self, suspects: Sequence[Suspect]) -> None: ...

    def progress(self, tried: int, per_second: float, best: str | None) -> None: ...


def _suspect(suspect: Suspect) -> Text:
    return Text.assemble(
        (f"  {suspect.score:5.2f} ", "dim"),
        (f"{printable(suspect.path)}:{suspect.line}", "cyan"),
        "  ",
        printable(suspect.source).strip(),
        overflow="ellipsis",
        no_wrap=True,
    )
