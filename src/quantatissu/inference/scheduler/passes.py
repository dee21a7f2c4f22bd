"""Work beside running samples: passes of its own over the same pages, one at a time."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Generator, Sequence
from typing import Protocol

import numpy as np

from quantatissu.foundation import QuantaError
from quantatissu.inference.runner import Runner, Segment
from quantatissu.inference.scheduler.cache import KeyValueCache


class OutOfPages(Exception):
    """There is no room now; there is when running samples end."""


class Passes(Protocol):
    """Something that goes through the model several times, and lets running samples go on in between."""

    def work(self) -> Generator[None]:
        """Yields after every pass. Raises OutOfPages before one for which there is no room; called again, it makes up
        for what was lost. No page is held when it has ended, failed, or been closed.
        """


class Errand:
    """`Passes`, and who waits for them."""

    def __init__(self, passes: Passes) -> None:
        self._passes, self._work = passes, passes.work()
        self._done = threading.Event()
        self._error: BaseException | None = None

    def wait(self) -> None:
        """Until all passes have been made. Raises what they raise."""
        self._done.wait()
        if self._error is not None:
            raise self._error

    def advance(self) -> bool:
        """One more pass; whether that was the last. Begins again after `OutOfPages`."""
        try:
            next(self._work)
            return False
        except StopIteration:
            self._done.set()
            return True
        except OutOfPages:
            self._work = self._passes.work()
            raise

    def fail(self, error: BaseException) -> None:
        """No pass comes any more."""
        self._work.close()
        self._error = error
        self._done.set()


class Errands(deque[Errand]):
    """One after another."""

    def advance(self, *, alone: bool) -> None:
        """One more pass of the first. ``alone``: nobody else holds pages, so waiting for some is in vain."""
        if not self:
            return
        try:
            if self[0].advance():
                self.popleft()
        except OutOfPages:
            if alone:
                error = QuantaError("this does not fit into the key-value cache", hint="Give it more memory.")
                self.popleft().fail(error)
        except BaseException as error:
            self.popleft().fail(error)

    def fail(self, error: BaseException) -> None:
        """No pass of any comes any more."""
        while self:
            self.popleft().fail(error)


def prefill(
    runner: Runner,
    cache: KeyValueCache,
    prefix: Sequence[int],
    pages: list[int],
    *,
    adapter: str | None,
    step_tokens: int,
) -> Generator[None]:
    """Run all of ``prefix`` but its last token into ``pages``, which hold its beginning already, and remember it.

    Yields after every pass of ``step_tokens`` at most. Raises OutOfPages.
    """
    end, start = len(prefix) - 1, len(pages) * cache.page
    if not cache.grow(pages, end):
        raise OutOfPages
    while start < end:
        count = min(step_tokens, end - start)
        tokens = np.array(prefix[start : start + count], dtype=np.int64)
        runner.run([Segment(tokens, start, tuple(pages), 0, adapter)])
        start += count
        yield
    cache.remember(prefix[:end], pages, adapter)
