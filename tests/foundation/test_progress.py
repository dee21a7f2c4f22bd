"""What people see of long work, in a pipe and on a terminal."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from quantatissu.foundation.progress import Lines, Live, Silent, clock_time, open_progress


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_pipe_gets_sparse_lines() -> None:
    clock, sink = Clock(), io.StringIO()
    with Lines(sink, clock=clock).stage("read", 100, "groups") as stage:
        stage.skip(20)
        for _ in range(40):
            clock.now += 1
            stage.advance(2, "4 MB")
    lines = sink.getvalue().splitlines()
    assert lines[0] == "read: 100 groups"
    assert lines[1] == "read: 40 of 100 groups, 2.0 a second, 0:30 left, 4 MB"
    assert lines[-1] == "read: done in 0:40, 4 MB"
    assert len(lines) == 5


def test_a_stage_that_is_interrupted_says_how_far_it_came() -> None:
    sink = io.StringIO()
    with pytest.raises(KeyboardInterrupt), Lines(sink, clock=Clock()).stage("read", None, "files") as stage:
        stage.advance(3)
        raise KeyboardInterrupt
    assert sink.getvalue().splitlines()[-1].startswith("read: 3 files")
    assert "stopped after" in sink.getvalue()


def test_a_terminal_is_redrawn_in_place_and_keeps_a_line_for_each_stage() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    shown = Live(console)
    shown.note("[not markup]")
    with shown.stage("read", 10, "groups") as stage:
        stage.advance(5, "half")
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert "[not markup]" in text
    assert "read: 5 of 10 groups" in text
    assert "read: done in" in text


def test_no_terminal_means_lines() -> None:
    assert isinstance(open_progress(io.StringIO()), Lines)
    with Silent().stage("read", 1, "groups") as stage:
        stage.advance()
        assert stage.seconds_left == 0


def test_times() -> None:
    assert [clock_time(seconds) for seconds in (3.21, 75, 3723)] == ["3.2 s", "1:15", "1:02:03"]
