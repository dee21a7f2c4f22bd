"""Pages: taken in runs, held by several, given back by the last."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np


class PagePool:
    """Pages 0 to ``count - 1`` and how many hold each.

    Runs are handed out where the numbers follow on, so that a sequence's keys and values can be read as one slice.
    """

    def __init__(self, count: int) -> None:
        assert count > 0
        self._holders = np.zeros(count, dtype=np.int32)
        self._free = count
        self._next = 0

    @property
    def count(self) -> int:
        """All pages."""
        return len(self._holders)

    @property
    def free(self) -> int:
        """Pages that nobody holds."""
        return self._free

    def holders(self, page: int) -> int:
        """How many hold ``page``."""
        return int(self._holders[page])

    def take(self, count: int, *, after: int | None = None) -> list[int] | None:
        """``count`` free pages, now held once; None when there are not so many. Preferably those behind ``after``, else
        a run that goes on from where the last one ended, else whatever is free.
        """
        if count > self._free:
            return None
        if count == 0:
            return []
        found = self._run(after + 1, count) if after is not None else None
        if found is None:
            found = self._first_run(count)
        self._holders[found] += 1
        self._free -= count
        self._next = found[-1] + 1
        return found

    def hold(self, pages: Iterable[int]) -> None:
        """One more holder for each of ``pages``, which must be held already."""
        for page in pages:
            assert self._holders[page] > 0, "a free page cannot be shared"
            self._holders[page] += 1

    def give_back(self, pages: Iterable[int]) -> None:
        """One holder less for each of ``pages``."""
        for page in pages:
            assert self._holders[page] > 0, "a page was given back twice"
            self._holders[page] -= 1
            self._free += int(self._holders[page] == 0)

    def _run(self, start: int, count: int) -> list[int] | None:
        if start + count > len(self._holders) or self._holders[start : start + count].any():
            return None
        return list(range(start, start + count))

    def _first_run(self, count: int) -> list[int]:
        run = self._run(self._next, count)
        if run is not None:
            return run
        free = np.flatnonzero(self._holders == 0)
        # free[i + count - 1] - free[i] == count - 1 just where count free pages follow each other
        starts = np.flatnonzero(free[count - 1 :] - free[: len(free) - count + 1] == count - 1)
        first = int(starts[0]) if len(starts) else 0
        pages: list[int] = free[first : first + count].tolist()
        return pages
