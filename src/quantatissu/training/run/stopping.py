"""A polite kill, or Ctrl-C, asks the run to save and stop after the step it is in."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Stopping:
    """Whether somebody asked. A second Ctrl-C does not wait any more: KeyboardInterrupt at once."""

    def __init__(self) -> None:
        self.asked = False
        self.signal = 0

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self.asked and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.asked, self.signal = True, number


@contextmanager
def asked_to_stop() -> Iterator[Stopping]:
    """Listen for as long as it lasts; outside the main thread nobody can ask."""
    stopping = Stopping()
    before = {}
    try:
        for number in _SIGNALS:
            before[number] = signal.signal(number, stopping)
    except ValueError:  # not the main thread
        pass
    try:
        yield stopping
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
