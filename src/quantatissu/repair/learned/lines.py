"""Edits of characters as changes of whole lines, which is how the model is asked about them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from quantatissu.rewriting import Edit, Source, apply_edits, changed


@dataclass(frozen=True, slots=True)
class LineChange:
    """Lines ``start`` until ``stop`` (from 1) become ``new``, each with its end: the fewest that differ."""

    start: int
    stop: int
    new: tuple[str, ...]


def trimmed(start: int, old: Sequence[str], new: Sequence[str]) -> LineChange:
    """The change of lines ``old``, which begin at line ``start``, into ``new``."""
    first, stop, new_stop = changed(old, new)
    return LineChange(start + first, start + stop, tuple(new[first:new_stop]))


def line_change(source: Source, edits: Sequence[Edit]) -> LineChange | None:
    """What edits do to the lines of a file; None where they overlap, or take a line its end."""
    ordered = sorted(edits, key=lambda edit: (edit.start, edit.end))
    first = source.line_of(min(ordered[0].start, max(len(source.text) - 1, 0)))
    last = source.line_of(max(ordered[0].start, max(edit.end for edit in ordered) - 1))
    low, high = source.line_span(first, last)
    if any(one.end > other.start for one, other in itertools.pairwise(ordered)):
        return None
    text = apply_edits(source.text[low:high], [Edit(e.start - low, e.end - low, e.text) for e in ordered])
    if text and not text.endswith("\n"):
        return None
    return trimmed(first, source.lines[first - 1 : last], text.splitlines(keepends=True))
