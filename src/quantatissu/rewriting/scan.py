"""A scan of Python text that may not parse: where strings, comments and brackets begin and end."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_PAIRS = {")": "(", "]": "[", "}": "{"}
_OPENERS = {"(": ")", "[": "]", "{": "}"}
_TOKEN = re.compile(r"\"\"\"|'''|[\"'#()\[\]{}\r\n]")


@dataclass(frozen=True, slots=True)
class Bracket:
    """A bracket at an offset. For one that closes the wrong one: what was expected, and where that was opened."""

    sign: str
    at: int
    expected: str | None = None
    opener: int | None = None


@dataclass(frozen=True, slots=True)
class OpenString:
    """A string literal without an end: its quotes and their offset."""

    sign: str
    at: int


@dataclass
class Scan:
    """``comments``: line -> offset of its comment. ``string_lines``: lines that start inside a string."""

    unclosed: list[Bracket] = field(default_factory=list)
    unmatched: list[Bracket] = field(default_factory=list)
    open_strings: list[OpenString] = field(default_factory=list)
    comments: dict[int, int] = field(default_factory=dict)
    string_lines: set[int] = field(default_factory=set)


def scan(text: str) -> Scan:
    """Strings, comments and brackets of a text; a plain string without an end is taken to end with its line."""
    result = Scan()
    stack: list[Bracket] = []
    at, line = 0, 1
    while (found := _TOKEN.search(text, at)) is not None:
        sign, start, at = found.group(), found.start(), found.end()
        if sign == "\n" or (sign == "\r" and text[at : at + 1] != "\n"):
            line += 1
        elif sign == "#":
            result.comments[line] = start
            end = re.compile(r"[\r\n]").search(text, at)
            at = end.start() if end else len(text)
        elif sign in _OPENERS:
            stack.append(Bracket(sign, start))
        elif sign in _PAIRS:
            _close(result, stack, sign, start)
        elif sign != "\r":
            end_at = _string_end(text, at, sign)
            if end_at is None:
                result.open_strings.append(OpenString(sign, start))
                if len(sign) == 3:
                    break
                end = re.compile(r"[\r\n]").search(text, at)
                end_at = end.start() if end else len(text)
            inside = text.count("\n", start, end_at)
            result.string_lines.update(range(line + 1, line + inside + 1))
            line += inside
            at = end_at
    result.unclosed = sorted([*result.unclosed, *stack], key=lambda bracket: bracket.at)
    return result


def _close(result: Scan, stack: list[Bracket], sign: str, at: int) -> None:
    if stack and stack[-1].sign == _PAIRS[sign]:
        stack.pop()
    elif stack:
        top = stack[-1]
        result.unmatched.append(Bracket(sign, at, _OPENERS[top.sign], top.at))
        if len(stack) > 1 and stack[-2].sign == _PAIRS[sign]:
            result.unclosed.append(top)
            del stack[-2:]
        else:
            stack.pop()
    else:
        result.unmatched.append(Bracket(sign, at))


def _string_end(text: str, at: int, quote: str) -> int | None:
    """The offset behind a string's closing quotes; None when it has none (a plain one: on its line)."""
    pattern = re.compile(r"\\[\s\S]|" + quote + ("" if len(quote) == 3 else r"|[\r\n]"))
    while (found := pattern.search(text, at)) is not None:
        if found.group() == quote:
            return found.end()
        if found.group() in ("\n", "\r"):
            return None
        at = found.end()
    return None
