"""Unified diffs as a grammar: the counts in a hunk's header are those of its lines.

No context-free grammar counts without bound. Up to a bound it has a rule for every pair of numbers of lines that are
left in the old text and in the new one. Line numbers are any: only the text says whether they are right.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from quantatissu.inference.constraints.specs import Grammar

_LEXEMES = r"""
PATH: /\.?[A-Za-z0-9_\-][A-Za-z0-9_.\-]*(\/\.?[A-Za-z0-9_\-][A-Za-z0-9_.\-]*)*/
START: /[1-9][0-9]{0,5}/
HEADING: / @@( [^\x00-\x08\x0a-\x1f\x7f]*)?\n/
LINE: /[^\x00-\x08\x0a-\x1f\x7f]*\n/"""


def unified_diff(*, path: str | None = None, hunks: int = 4, lines: int = 12) -> Grammar:
    """A diff of one file that ``git apply`` reads: 1 to ``hunks`` hunks, each with at most ``lines`` lines of the old
    text and of the new one, and at least one changed. ``path`` None: any relative path without blanks, and not surely
    the same one in both lines of the header. Raises ValueError for what no diff can have.
    """
    if hunks < 1 or lines < 1:
        raise ValueError("a diff has at least one hunk, and a hunk at least one line")
    if path is not None and (not path or not path.isprintable()):
        raise ValueError(f"a diff cannot name the path {path!r}")
    name = "PATH" if path is None else json.dumps(path, ensure_ascii=False)
    rules = [
        f'start: "--- a/" {name} "\\n+++ b/" {name} "\\n" hunk{{1,{hunks}}}{_LEXEMES}',
        f"hunk: {' | '.join(f'hunk_{old}_{new}' for old, new in _pairs(lines))}",
    ]
    for old, new in _pairs(lines):
        rules.append(f'hunk_{old}_{new}: "@@ -" {_range(old)} " +" {_range(new)} HEADING changed_{old}_{new}')
        rules.append(f"changed_{old}_{new}: {' | '.join(_changed(old, new))}")
        rules.append(f"rest_{old}_{new}: {' | '.join(_rest(old, new))}")
    return Grammar("\n".join(rules))


def _pairs(most: int) -> Iterator[tuple[int, int]]:
    """Numbers of lines in the old and the new text, not both none."""
    return ((old, new) for old in range(most + 1) for new in range(most + 1) if old or new)


def _range(count: int) -> str:
    """The first line and the number of lines. One line may go without saying."""
    return 'START ",1"?' if count == 1 else f'START ",{count}"'


def _changed(old: int, new: int) -> Iterator[str]:
    """Bodies in which a line is still to be taken out or put in."""
    yield from _edits(old, new)
    if old and new and old + new > 2:
        yield f'" " LINE changed_{old - 1}_{new - 1}'


def _rest(old: int, new: int) -> Iterator[str]:
    """Bodies of any lines."""
    yield from _edits(old, new)
    if old and new:
        yield f'" " LINE {_then(old - 1, new - 1)}'


def _edits(old: int, new: int) -> Iterator[str]:
    if old:
        yield f'"-" LINE {_then(old - 1, new)}'
    if new:
        yield f'"+" LINE {_then(old, new - 1)}'


def _then(old: int, new: int) -> str:
    return f"rest_{old}_{new}" if old or new else ""
