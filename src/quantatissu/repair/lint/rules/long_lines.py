"""Lines that are too long: ruff's formatter for code, and what it leaves: strings, comments, docstrings."""

from __future__ import annotations

import re
from collections.abc import Iterator

from quantatissu.repair.lint.ruff import Finding, format_lines, line_starts
from quantatissu.repair.lint.rules.table import Edits, docstrings, fixer
from quantatissu.repair.lint.rules.wrapping import (
    Token,
    comment_lines,
    flowing,
    for_tools,
    literal_pieces,
    prose_lines,
    tokens,
)
from quantatissu.rewriting import Edit, Source

_LIMIT = re.compile(r"> (\d+)")
_TURNS = 4  # of formatting and cutting strings, each making room for the other


@fixer("E501", "W505", keeps="docstrings")
def too_long(source: Source, finding: Finding) -> Iterator[Edits]:
    """A long line as several: prose at words, code at brackets, a literal as several adjacent ones."""
    said = _LIMIT.search(finding.message)
    if said is None:
        return
    limit = int(said[1])
    found = [token for token in tokens(source.text) if token.first <= finding.line <= token.last]
    line = source.lines[finding.line - 1].rstrip("\r\n")
    start = source.line_starts[finding.line - 1]
    if prose := next((token for token in found if token.first != token.last), None):
        if prose.start in docstrings(source):
            yield from _docstring(source, prose, finding.line, limit)
        return
    comment = next((token for token in found if token.kind == "comment"), None)
    if comment is not None:
        indent = line[: len(line) - len(line.lstrip())]
        text = source.text[comment.start : comment.end]
        if comment.start - start == len(indent):
            if lines := comment_lines(text, indent, limit):
                yield (_replaced(source, finding.line, lines, limit),)
            return
        above = [indent + text] if len(indent + text) <= limit else comment_lines(text, indent, limit)
        if above is not None and not for_tools(text):
            code = line[: comment.start - start].rstrip()
            moved = source.newline.join([*above, code])
            if len(code) <= limit:
                yield (Edit(start, start + len(line), moved),)
            else:
                yield from _code(source, finding.line, limit)
            return
    if token := next((one for one in found if one.start in docstrings(source)), None):
        yield from _one_line_docstring(source, token, limit)
        return
    yield from _code(source, finding.line, limit)


# -- docstrings --------------------------------------------------------------------------------------------------------


def _docstring(source: Source, token: Token, line: int, limit: int) -> Iterator[Edits]:
    text = source.lines[line - 1].rstrip("\r\n")
    start = source.line_starts[line - 1]
    if source.text[max(start, token.start) : start + len(text)].count("\\"):
        return
    lines = _first_line(text, limit) if line == token.first else prose_lines(text, limit)
    if lines is None and text.rstrip().endswith(('"""', "'''")):
        # Only the quotes are too far out.
        body = text.rstrip()[:-3].rstrip()
        indent = source.lines[token.first - 1]
        indent = indent[: len(indent) - len(indent.lstrip())]
        if len(body) <= limit and body.strip():
            lines = [body, indent + text.rstrip()[-3:]]
    if lines:
        yield (_replaced(source, line, lines, limit),)


def _replaced(source: Source, line: int, lines: list[str], limit: int) -> Edit:
    """A line of prose as several, the rest of its paragraph moved up behind them."""
    following = [text.rstrip("\r\n") for text in source.lines[line : line + 30]]
    new, taken = flowing(lines, following, limit)
    start, end = source.line_span(line, line + taken)
    last = source.lines[line + taken - 1]
    return Edit(start, end - (len(last) - len(last.rstrip("\r\n"))), source.newline.join(new))


def _first_line(line: str, limit: int) -> list[str] | None:
    opening = re.match(r"\s*[rRuU]?(\"\"\"|''')\s*", line)
    if opening is None:
        return None
    indent = line[: len(line) - len(line.lstrip())]
    mark = opening.group().strip()
    lines = prose_lines(indent + mark + line[opening.end() :], limit)
    if lines is None:
        return None
    return [opening.group() + lines[0].strip()[len(mark) :], *lines[1:]]


def _one_line_docstring(source: Source, token: Token, limit: int) -> Iterator[Edits]:
    """``\"\"\"One long line.\"\"\"`` over several lines, the closing quotes below."""
    low, _ = source.line_span(token.first, token.first)
    line = source.lines[token.first - 1].rstrip("\r\n")
    match = re.fullmatch(r"(\s*)([rRuU]?)(\"\"\"|''')(.*)\3\s*(#.*)?", line)
    if match is None or "\\" in match[4] or match[5]:
        return
    indent, quotes = match[1], match[2] + match[3]
    body = match[4].strip()
    if len(indent + quotes + body) <= limit:
        lines: list[str] | None = [indent + quotes + body]
    else:
        lines = prose_lines(indent + quotes + body, limit)
    if lines:
        yield (Edit(low, low + len(line), source.newline.join([*lines, indent + match[3]])),)


# -- code --------------------------------------------------------------------------------------------------------------


def _code(source: Source, line: int, limit: int) -> Iterator[Edits]:
    """The statement on a line formatted, its literals cut where that is not enough."""
    statements = source.statements_on(line)
    if not statements:
        return
    statement = statements[-1]
    header = source.header_lines(statement)
    first, last = (header.start, max(header.start, header.stop - 1)) if line in header else (line, line)
    start, end = source.line_span(first, last)
    tail = len(source.text) - end
    text, shift = source.text, end - start
    for cutting in (True, False):
        new = text
        for _ in range(_TURNS):
            before = new
            rows = new.count("\n", 0, start) + 1, new.count("\n", 0, len(new) - tail) + (0 if tail else 1)
            formatted = format_lines(source.path, new, *rows)
            if formatted is not None and formatted[:start] == text[:start] and formatted.endswith(text[end:]):
                new = formatted
            if cutting:
                new = _cut_strings(new, start, len(new) - tail, limit)
            if new == before:
                break
        region = new[start : len(new) - tail]
        if region != text[start : start + shift]:
            yield (Edit(start, end, region),)


def _cut_strings(text: str, start: int, end: int, limit: int) -> str:
    """A text with the first literal that sticks out of a line between two offsets cut into several."""
    starts = list(line_starts(text))
    strings = [token for token in tokens(text) if token.kind == "string" and start <= token.start < end]
    for position, token in enumerate(strings):
        low = starts[token.first - 1]
        high = starts[token.first] if token.first < len(starts) else len(text)
        line = text[low:high].rstrip("\r\n")
        if token.first != token.last or len(line) <= limit or token.end - low <= limit - 8:
            continue
        column, after = token.start - low, len(line) - (token.end - low)
        literal = text[token.start : token.end]
        beside = position and not text[strings[position - 1].end : token.start].strip()
        bare = token.depth == 0 and not beside
        pieces = literal_pieces(literal, column + bare, limit, last=after if after < limit // 4 else 0)
        if pieces is None:
            continue
        newline = "\r\n" if text[low:high].endswith("\r\n") else "\n"
        joined = (newline + " " * (column + bare)).join(pieces)
        if bare:
            joined = f"({joined})"
        return text[: token.start] + joined + text[token.end :]
    return text
