"""Where the functions of a Python text are, without parsing all of it."""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterator
from dataclasses import dataclass

from quantatissu.corpus.decontaminate.functions import Function, parse, walk

_DEF = re.compile(rb"^([ \t]*)(?:async[ \t]+)?def[ \t]+\w", re.MULTILINE)
_DECORATOR = re.compile(rb"[ \t]*@")
_GROWTHS = 4  # times a region that does not parse is extended: a string may hold lines that look like its end


@dataclass(frozen=True, slots=True)
class Extent:
    """The bytes ``start:stop`` of a function with its decorators, and its source and tree from ``def`` on."""

    start: int
    stop: int
    source: str
    function: Function


class Functions:
    """The places of all `def` lines of a text, and on demand the extent of the function that begins there."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        found = [(match.start(), len(match[1].expandtabs(8))) for match in _DEF.finditer(data)]
        self.starts = [start for start, _ in found]
        self.indents = [indent for _, indent in found]

    def around(self, offset: int) -> list[int]:
        """The numbers of the functions that a byte may be in: the last begun before it and those around that one."""
        at = bisect.bisect_right(self.starts, offset) - 1
        around: list[int] = []
        least = 1 << 30
        while at >= 0 and least > 0:
            if self.indents[at] < least:
                around.append(at)
                least = self.indents[at]
            at -= 1
        return around

    def least_stop(self, number: int) -> int:
        """Where the function that begins at a `def` ends at the earliest."""
        match = next(self._ends(number), None)
        return match.start() if match else len(self.data)

    def extent(self, number: int) -> Extent | None:
        """The function that begins at a `def`, or None when it does not parse."""
        start, ends = self.starts[number], self._ends(number)
        for _ in range(_GROWTHS):
            match = next(ends, None)
            stop = match.start() if match else len(self.data)
            source = self.data[start:stop].decode("utf-8", "surrogatepass")
            tree = parse(source)
            if tree is not None:
                return Extent(self._decorated(start), stop, source, next(walk(tree)))
            if match is None:
                break
        return None

    def _ends(self, number: int) -> Iterator[re.Match[bytes]]:
        """The lines with which the function may have ended."""
        below = self.data.find(b"\n", self.starts[number]) + 1 or len(self.data)
        return _end_pattern(self.indents[number]).finditer(self.data, below)

    def _decorated(self, start: int) -> int:
        """Where the decorators of the `def` at `start` begin."""
        while start:
            above = self.data.rfind(b"\n", 0, start - 1) + 1
            if not _DECORATOR.match(self.data, above):
                break
            start = above
        return start


_ENDS: dict[int, re.Pattern[bytes]] = {}


def _end_pattern(indent: int) -> re.Pattern[bytes]:
    """A line indented no more than `indent` columns that holds code and does not close a bracket."""
    if indent not in _ENDS:
        _ENDS[indent] = re.compile(rb"^[ \t]{0,%d}[^\s#)\]}]" % indent, re.MULTILINE)
    return _ENDS[indent]
