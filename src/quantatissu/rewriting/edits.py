"""Edits to source text, and their inverses.

An edit replaces one span of characters and leaves every other character alone, so the formatting around a change
survives byte for byte.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Edit:
    """Replace ``source[start:end]`` by ``text``. Offsets are in characters; ``start == end`` inserts."""

    start: int
    end: int
    text: str

    def __post_init__(self) -> None:
        if not 0 <= self.start <= self.end:
            raise ValueError(f"not a span: {self.start}:{self.end}")


def apply_edits(source: str, edits: Iterable[Edit]) -> str:
    """`source` with all edits made at once. Raises ValueError when two of them overlap or one lies outside."""
    pieces: list[str] = []
    at = 0
    for edit in sorted(edits):
        if edit.start < at or edit.end > len(source):
            raise ValueError(f"edit {edit.start}:{edit.end} overlaps another or lies outside the text")
        pieces += (source[at : edit.start], edit.text)
        at = edit.end
    pieces.append(source[at:])
    return "".join(pieces)


def invert_edits(source: str, edits: Iterable[Edit]) -> tuple[Edit, ...]:
    """The edits that turn ``apply_edits(source, edits)`` back into `source`."""
    inverse: list[Edit] = []
    shift = 0
    for edit in sorted(edits):
        start = edit.start + shift
        inverse.append(Edit(start, start + len(edit.text), source[edit.start : edit.end]))
        shift += len(edit.text) - (edit.end - edit.start)
    return tuple(inverse)


@dataclass(frozen=True, slots=True)
class Rewrite:
    """One application of one operator.

    ``operator`` names its row in the table; ``line`` is the first line of the statement it changes, from 1; ``cost``
    (nats, 0 or more) says how much less likely this application is than the operator's most likely one, for instance
    because the replacement name looks nothing like the old one.
    """

    operator: str
    edits: tuple[Edit, ...]
    line: int
    cost: float = 0.0

    def apply(self, source: str) -> str:
        return apply_edits(source, self.edits)

    def inverse(self, source: str, operator: str) -> Rewrite:
        """The rewrite, filed under the inverse ``operator``, that undoes this one in ``self.apply(source)``."""
        return Rewrite(operator, invert_edits(source, self.edits), self.line, self.cost)


def changed(old: Sequence[str], new: Sequence[str]) -> tuple[int, int, int]:
    """(start, stop, new stop): the fewest items that hold every difference; ``start`` is the same in both."""
    start = 0
    most = min(len(old), len(new))
    while start < most and old[start] == new[start]:
        start += 1
    tail = 0
    while tail < most - start and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    return start, len(old) - tail, len(new) - tail
