"""Text broken into lines: comments, docstrings, string literals."""

from __future__ import annotations

import io
import re
import textwrap
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from quantatissu.repair.lint.ruff import line_starts

_ASIDE = re.compile(r"#\s*(noqa|type:|pragma|pylint|mypy|pyright|ruff|fmt:|isort|nosec|!|%%|region|endregion)", re.I)
_ITEM = re.compile(r"\s*(?:[-*+]\s+|\d+[.)]\s+|:\w[^:]*:\s+|\w+(?:\s*\([^)]*\))?:\s+)?")
_STRUCTURE = re.compile(r"\s*(?:>>>|\.\.\. |\.\. |\||\+[-=]|[-=~^]{4,}|::)")
_MARK = re.compile(r"#+:?[ \t]*")
_SHORT = 0.6  # of the limit: a line that is over goes in front of the next when it is shorter
_LEAST = 20  # characters a piece of a string should have


@dataclass(frozen=True, slots=True)
class Token:
    """A string or comment of a file: [start, end) in characters of the text, the line it begins and ends on, from 1."""

    kind: str
    start: int
    end: int
    first: int
    last: int
    depth: int  # of brackets around it


@lru_cache(maxsize=4)
def tokens(text: str) -> tuple[Token, ...]:
    """The strings (f-strings whole) and comments of a file; none where it is not Python."""
    starts = line_starts(text)
    found: list[Token] = []
    depth, begun = 0, []
    opening = getattr(tokenize, "FSTRING_START", -1)
    closing = getattr(tokenize, "FSTRING_END", -1)
    try:
        for token in tokenize.generate_tokens(io.StringIO(text, newline="").readline):
            start, end = (starts[line - 1] + column if line <= len(starts) else len(text) for line, column in
                          (token.start, token.end))  # fmt: skip
            if token.type == opening:
                begun.append((start, token.start[0]))
            elif token.type == closing:
                low, first = begun.pop()
                if not begun:
                    found.append(Token("string", low, end, first, token.end[0], depth))
            elif begun:
                continue
            elif token.type == tokenize.STRING:
                found.append(Token("string", start, end, token.start[0], token.end[0], depth))
            elif token.type == tokenize.COMMENT:
                found.append(Token("comment", start, end, token.start[0], token.end[0], depth))
            elif token.type == tokenize.OP:
                depth += (token.string in "([{") - (token.string in ")]}")
    except (tokenize.TokenError, SyntaxError):
        return ()
    return tuple(found)


def for_tools(comment: str) -> bool:
    """Whether a comment is there for tools, which look for it where it is."""
    return bool(_ASIDE.match(comment)) or "noqa" in comment


def comment_lines(comment: str, indent: str, limit: int) -> list[str] | None:
    """A comment in lines of at most ``limit`` characters, ``indent`` in front; None for what tools read, or no room."""
    if for_tools(comment):
        return None
    mark = _MARK.match(comment)
    assert mark is not None
    prefix = indent + (mark.group() if mark.group().strip() != mark.group() else mark.group() + " ")
    return _wrapped(comment[mark.end() :], prefix, prefix, limit)


def flowing(lines: list[str], following: Sequence[str], limit: int) -> tuple[list[str], int]:
    """``lines`` with what is over in the last one in front of the lines of the paragraph that follow, and how many of
    those it took. Comments or prose, whichever the last line is.
    """
    lines, taken = list(lines), 0
    while taken < len(following) and len(lines[-1]) < _SHORT * limit and _goes_on(lines[-1], following[taken]):
        words = following[taken][len(_lead(following[taken])) :]
        joined = f"{lines[-1]} {words}"
        lead = _lead(joined)
        wrapped = textwrap.wrap(
            joined[len(lead) :],
            limit,
            initial_indent=lead,
            subsequent_indent=lead,
            break_long_words=False,
            break_on_hyphens=False,
        )
        if max(map(len, wrapped)) > limit:
            break
        lines, taken = [*lines[:-1], *wrapped], taken + 1
    return lines, taken


def _lead(line: str) -> str:
    """The blanks, and the comment's mark if it is one, in front of a line's words."""
    blank = line[: len(line) - len(line.lstrip())]
    mark = _MARK.match(line, len(blank))
    return blank + (mark.group() if mark else "")


def _goes_on(line: str, next_: str) -> bool:
    """Whether the next line is of the same paragraph: as far in, not an item or a table, beginning in small letters."""
    lead = _lead(line)
    rest = next_[len(lead) :]
    if not next_.startswith(lead) or _lead(next_) != lead or not rest[:1].islower():
        return False
    if '"""' in next_ or "'''" in next_ or "\\" in next_ or for_tools(next_.strip()):
        return False
    item = _ITEM.match(rest)
    return not _STRUCTURE.match(rest) and not (item and item.group().strip())


def prose_lines(line: str, limit: int) -> list[str] | None:
    """A line of a docstring in lines of at most ``limit`` characters; None for tables, doctests and what has no room.

    What follows the first goes where the text of a list's item begins, as a paragraph's does.
    """
    if _STRUCTURE.match(line):
        return None
    lead = line[: len(line) - len(line.lstrip())]
    item = _ITEM.match(line)
    marker = item.group().strip() if item else ""
    if marker[:1] in (":",) or marker.endswith(":"):
        hanging = lead + "    "
    elif marker:
        hanging = lead + " " * (len(item.group()) - len(lead)) if item else lead
    else:
        hanging = lead
    return _wrapped(line.strip(), lead, hanging, limit)


def _wrapped(text: str, first: str, rest: str, limit: int) -> list[str] | None:
    lines = textwrap.wrap(
        text, limit, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    )
    return lines if len(lines) > 1 and max(map(len, lines)) <= limit else None


def literal_pieces(literal: str, column: int, limit: int, *, last: int = 0) -> list[str] | None:
    """A string literal of one line as adjacent literals that fit between ``column`` and ``limit``.

    ``last`` characters follow the last piece. Cut behind blanks, never inside an escape or a replacement field. None
    where there is no place to cut.
    """
    match = re.fullmatch(r"([A-Za-z]*)('|\")(.*)\2", literal)
    if match is None or literal[len(match[1]) :].startswith(('"""', "'''")):
        return None
    prefix, quote, body = match.groups()
    room = limit - column - len(prefix) - 2
    if room < _LEAST:
        return None
    pieces, begin = [], 0
    cuts = list(_cuts(body, "f" in prefix.lower(), "r" in prefix.lower()))
    while len(body) - begin > room - last:
        fitting = [cut for cut in cuts if begin < cut <= begin + room]
        if not fitting:
            return None
        blank = [cut for cut in fitting if body[cut - 1] in " ,;/" or body[begin:cut].endswith("\\n")]
        cut = max(blank or fitting)
        if not blank and len(body) - begin <= room:
            return None
        pieces.append(body[begin:cut])
        begin = cut
    pieces.append(body[begin:])
    return [prefix + quote + piece + quote for piece in pieces] if len(pieces) > 1 else None


def _cuts(body: str, fields: bool, raw: bool) -> Iterator[int]:
    """Offsets at which a literal's body may be cut."""
    at, depth = 0, 0
    while at < len(body):
        if not raw and body[at] == "\\":
            named = re.compile(r"\\(?:N\{[^}]*\}|x..|u.{4}|U.{8}|[0-7]{1,3}|.)").match(body, at)
            at = named.end() if named else at + 2
        elif (raw and body[at] == "\\") or (fields and depth == 0 and body.startswith(("{{", "}}"), at)):
            at += 2
        else:
            if fields:
                depth += (body[at] == "{") - (body[at] == "}")
            at += 1
        if depth == 0 and at < len(body):
            yield at
