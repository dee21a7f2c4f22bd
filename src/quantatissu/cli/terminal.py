"""Small things about terminals: what is safe to print, who is reading, and asking a question."""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

# Code points that make a terminal act, or that reorder what a person reads (CVE-2021-42574), instead of showing text.
_UNSAFE = frozenset(
    {*range(0x20), *range(0x7F, 0xA0), 0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)}
) - {0x09, 0x0A}
_ESCAPES = {code: f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" for code in _UNSAFE}
_ESCAPES |= {code: f"\\x{code - 0xDC00:02x}" for code in range(0xDC80, 0xDD00)}  # bytes that were not UTF-8


def printable(text: str) -> str:
    """`text` with control, bidirectional and undecodable characters spelt out; tab and newline stay.

    Test ids, source lines and messages come from the project under repair and must not steer the user's terminal.
    """
    return text.translate(_ESCAPES)


def interactive(stdin: TextIO | None = None, stdout: TextIO | None = None) -> bool:
    """Whether a person is at both ends: questions make sense only then."""
    return (stdin or sys.stdin).isatty() and (stdout or sys.stdout).isatty()


def confirm(question: str, *, stdin: TextIO | None = None, stdout: TextIO | None = None) -> bool:
    """Ask until the answer is yes or no. Return and end of input mean no."""
    source, sink = stdin or sys.stdin, stdout or sys.stdout
    while True:
        sink.write(f"{question} [y/N] ")
        sink.flush()
        _wait_for_line(source)
        line = source.readline()
        if not line:
            sink.write("\n")
            return False
        answer = line.strip().lower()
        if answer in {"y", "yes"}:
            return True
        if answer in {"", "n", "no"}:
            return False
        sink.write("Please answer y or n.\n")


def _wait_for_line(source: TextIO) -> None:
    """Block until a person has typed a line, or a signal has come, also one that came just before the wait began.

    A read that begins between a signal and Python's handling of it is not interrupted by that signal: Ctrl-C would seem
    to do nothing. The wake-up descriptor holds what came early, and Python raises as soon as ``select`` returns.
    """
    if not source.isatty() or threading.current_thread() is not threading.main_thread():
        return
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    before = signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    try:
        while source.fileno() not in select.select([source.fileno(), woken], [], [])[0]:
            os.read(woken, 4096)
    finally:
        signal.set_wakeup_fd(before)
        os.close(woken)
        os.close(wake)


def process_age() -> float:
    """Seconds since this process was started, to a hundredth: what loading the program took, too."""
    stat = Path("/proc/self/stat").read_text("ascii", "replace")
    ticks = int(stat.rpartition(")")[2].split()[19])  # starttime, field 22; the name before it may hold blanks
    return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK"))


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Ctrl-C and polite kills wait until the block is done: files are written whole or not at all."""
    held = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, held)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
