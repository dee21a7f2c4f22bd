"""Edits that come from another thread while a search goes on."""

from __future__ import annotations

import queue
from collections import deque
from collections.abc import Callable, Iterator, Sequence

from quantatissu.repair.candidates import Candidate


class Arrivals:
    """A queue of candidates with an end. Nobody waits for one until there is nothing else to try."""

    def __init__(self, wanted: Callable[[], None]) -> None:
        """``wanted`` is called when they are wanted, perhaps again and again: whoever sends has to begin then, and to
        end some time.
        """
        self.want = wanted
        self._queue: queue.SimpleQueue[Sequence[Candidate] | None] = queue.SimpleQueue()
        self._here: deque[Candidate] = deque()
        self._ended = False

    def put(self, found: Sequence[Candidate]) -> None:
        """Here are some more."""
        self._queue.put(found)

    def end(self) -> None:
        """There will be no more."""
        self._queue.put(None)

    def ready(self) -> Iterator[Candidate]:
        """What is there now; does not wait."""
        while True:
            while self._here:
                yield self._here.popleft()
            if self._ended:
                return
            try:
                self._take(self._queue.get_nowait())
            except queue.Empty:
                return

    def wait(self) -> bool:
        """Wait until something is there; False when nothing will be."""
        if not self._here and not self._ended:
            self.want()
        while not self._here and not self._ended:
            self._take(self._queue.get())
        return bool(self._here)

    def _take(self, batch: Sequence[Candidate] | None) -> None:
        self._ended = batch is None
        self._here.extend(batch or ())
