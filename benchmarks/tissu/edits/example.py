"""One edit record, and how a wrong text is cut to it.

All positions are lines from 0, half open, in the wrong text unless said otherwise.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

from quantatissu.rewriting import changed

OTHER_SEPARATORS = re.compile("[\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
"""Lines to `str.splitlines`, not to Python."""
PREFIX_LINES = 60
SUFFIX_LINES = 25
_WIDENED = 0.15  # share of records whose marked span is larger than the change
_PRECEDED = 0.25  # share that also show lines before the function
_SHORTENED = 0.2  # share with less around the span than there is room for


@dataclass(frozen=True, slots=True)
class Example:
    """``old`` (perhaps nothing) stands between ``prefix`` and ``suffix`` and is wrong; ``new`` belongs there.

    ``evidence`` is what shows the fault, ``""`` where nothing was run. ``kind`` says how the wrong text came about.
    """

    kind: str
    prefix: str
    old: str
    suffix: str
    new: str
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Scope:
    """A function's lines in the *right* text: decorators from ``first``, what it does from ``body`` (behind a
    docstring, which starts at ``head``), until ``end``. ``owners`` are the numbers of the ``class`` lines around it.
    """

    first: int
    head: int
    body: int
    end: int
    owners: tuple[int, ...] = ()


def cut(
    kind: str,
    wrong: Sequence[str],
    right: Sequence[str],
    scope: Scope,
    chance: random.Random,
    *,
    most: int = 4,
    evidence: str = "",
) -> Example | None:
    """The record for a wrong version (lines, with their ends) of a right text; None when they do not differ inside the
    function, or by more than `most` lines on either side.
    """
    start, stop, right_stop = changed(wrong, right)
    if wrong == right or stop - start > most or right_stop - start > 2 * most:
        return None
    end = scope.end + len(wrong) - len(right)
    if start < scope.first or stop > end:
        return None
    if chance.random() < _WIDENED:
        up = min(chance.randrange(3), start - max(scope.first, 0))
        down = min(chance.randrange(3), end - stop)
        start, stop, right_stop = start - up, stop + down, right_stop + down
    before, after = PREFIX_LINES, SUFFIX_LINES
    if chance.random() < _SHORTENED:
        before, after = chance.randint(4, before), chance.randint(0, after)
    suffix = wrong[stop : min(end, stop + after)]
    return Example(
        kind,
        prefix="".join(_prefix(wrong, start, scope, before, chance)),
        old="".join(wrong[start:stop]),
        suffix="".join(suffix),
        new="".join(right[start:right_stop]),
        evidence=evidence,
    )


def _prefix(lines: Sequence[str], start: int, scope: Scope, room: int, chance: random.Random) -> list[str]:
    """The lines before the span: as much of the function as there is room for, but always how it begins."""
    head = [lines[owner] for owner in scope.owners if owner < scope.first]
    if start - scope.first <= room:
        lead = chance.randint(1, 8) if chance.random() < _PRECEDED else 0
        first = max(0, scope.first - min(lead, room - (start - scope.first)))
        head = [line for owner, line in zip(scope.owners, head, strict=False) if owner < first]
        return [*head, *lines[first:start]]
    signature = lines[scope.first : min(scope.head, scope.first + 12)]
    return [*head, *signature, *lines[max(scope.body, start - room + len(signature)) : start]]
