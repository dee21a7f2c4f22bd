"""Faults at the level of statements, on a file's lines: lost, repeated, moved, or another one in their place."""

from __future__ import annotations

import ast
import difflib
import random
from collections.abc import Sequence

from quantatissu.corpus.synthetic.functions import Function
from quantatissu.rewriting.source import Statement

_BLOCKS = (ast.If, ast.For, ast.While, ast.With, ast.Try)
_BLOCK_LINES = 6
_LEAST_ALIKE, _MOST_ALIKE = 0.5, 0.95

Lines = list[str]


def corrupt(kind: str, lines: Sequence[str], function: Function, chance: random.Random) -> Lines | None:
    """The lines of the file with one fault of a kind in the function; None when it has no place for one.

    Kinds are called after their repair: ``insert statement`` and ``insert block`` take one out, ``remove block`` puts
    one of the function's statements in a second time, ``moved`` swaps two neighbours, ``similar line`` puts a line from
    elsewhere in the file in the place of one that looks like it.
    """
    body = [one for one in function.statements() if one is not function.node and one.lineno > function.node.lineno]
    chance.shuffle(body)
    for statement in body:
        first, last = statement.lineno - 1, statement.end_lineno or statement.lineno
        if not _alone(lines, first, statement):
            continue
        found = _corrupted(kind, lines, function, statement, first, last, chance)
        if found is not None:
            return found
    return None


def _corrupted(
    kind: str,
    lines: Sequence[str],
    function: Function,
    statement: Statement,
    first: int,
    last: int,
    chance: random.Random,
) -> Lines | None:
    simple = not hasattr(statement, "body")
    if kind == "insert statement":
        if simple and last - first <= 3 and not isinstance(statement, ast.Pass):
            return [*lines[:first], *_held(lines, function, statement), *lines[last:]]
    elif kind == "insert block":
        if isinstance(statement, _BLOCKS) and last - first <= _BLOCK_LINES:
            return [*lines[:first], *_held(lines, function, statement), *lines[last:]]
    elif kind == "remove block":
        if last - first <= 4 and not isinstance(statement, ast.Return | ast.Raise | ast.Import | ast.ImportFrom):
            return _repeated(lines, function, statement, first, last, chance)
    elif kind == "moved":
        return _swapped(lines, function, statement, first, last)
    elif kind == "similar line" and simple and last - first == 1:
        donors = _similar(lines, function, first)
        if donors:
            indent = lines[first][: len(lines[first]) - len(lines[first].lstrip())]
            return [*lines[:first], indent + chance.choice(donors), *lines[last:]]
    return None


def _alone(lines: Sequence[str], first: int, statement: Statement) -> bool:
    """Whether the statement begins its line and, as far as the line shows, has it to itself."""
    line = lines[first]
    return not line[: statement.col_offset].strip() and ";" not in line


def _block_of(function: Function, statement: Statement) -> list[Statement]:
    """The statements of the block that `statement` stands in."""
    for node in ast.walk(function.node):
        for field in ("body", "orelse", "finalbody"):
            block = getattr(node, field, None)
            if isinstance(block, list) and any(one is statement for one in block):
                return block
    return [statement]


def _held(lines: Sequence[str], function: Function, statement: Statement) -> Lines:
    """What must stay where a statement is taken out: ``pass`` where nothing else is left in its block."""
    if len(_block_of(function, statement)) > 1:
        return []
    return [" " * statement.col_offset + "pass\n"]


def _repeated(
    lines: Sequence[str], function: Function, statement: Statement, first: int, last: int, chance: random.Random
) -> Lines | None:
    """The statement once more, before another one, at that one's indentation."""
    places = [
        one
        for one in function.statements()
        if one is not function.node and one.lineno > function.node.lineno and not (first < one.lineno - 1 < last)
    ]
    if not places:
        return None
    near = sorted(places, key=lambda one: abs(one.lineno - statement.lineno))[:6]
    place = chance.choice(near)
    at = place.lineno - 1
    if not _alone(lines, at, place) or lines[at].lstrip().startswith(("elif", "else", "except", "finally")):
        return None
    shift = place.col_offset - statement.col_offset
    copy = [_shifted(line, shift) for line in lines[first:last]]
    return [*lines[:at], *copy, *lines[at:]]


def _swapped(lines: Sequence[str], function: Function, statement: Statement, first: int, last: int) -> Lines | None:
    """The statement and the one after it, the other way round."""
    block = _block_of(function, statement)
    at = next(number for number, one in enumerate(block) if one is statement)
    if at + 1 == len(block):
        return None
    after = block[at + 1]
    stop = after.end_lineno or after.lineno
    if after.lineno - 1 != last or stop - first > 4 or not _alone(lines, last, after):
        return None
    return [*lines[:first], *lines[last:stop], *lines[first:last], *lines[stop:]]


def _similar(lines: Sequence[str], function: Function, at: int) -> list[str]:
    """Lines of the file, without indentation, that look like line `at` and could stand there."""
    own = lines[at].strip()
    low, high = max(0, function.first - 150), function.last + 150
    matcher = difflib.SequenceMatcher(autojunk=False)
    matcher.set_seq2(own)
    found: list[str] = []
    for line in dict.fromkeys(line.strip() for line in lines[low:high]):
        if line == own or not line or line[0] in "#@\"'" or line[:5] != own[:5] or abs(len(line) - len(own)) > 20:
            continue
        matcher.set_seq1(line)
        if matcher.quick_ratio() >= _LEAST_ALIKE and _LEAST_ALIKE <= matcher.ratio() <= _MOST_ALIKE:
            found.append(line + "\n")
    return found


def _shifted(line: str, by: int) -> str:
    if by >= 0:
        return " " * by + line if line.strip() else line
    return line[-by:] if not line[:-by].strip() else line.lstrip(" ")
