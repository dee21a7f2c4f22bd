"""Tabs in indentation."""

from __future__ import annotations

import io
import tokenize
from collections.abc import Iterator

from quantatissu.repair.lint.ruff import Finding
from quantatissu.repair.lint.rules.table import Edits, fixer
from quantatissu.rewriting import Edit, Source

_WIDTH = 4


@fixer("W191", "E101", keeps="ast")
def spaces(source: Source, finding: Finding) -> Iterator[Edits]:
    """All of the file's indentation in spaces at once, by level; lines inside strings stay as they are."""
    levels, inside = _levels(source.text)
    if levels is None:
        return
    for only_tabs in (True, False):
        edits = []
        level = 0
        for number, line in enumerate(source.lines, start=1):
            lead = line[: len(line) - len(line.lstrip(" \t"))]
            if number in levels:
                level = levels[number]
            if not lead or number in inside or not line.strip() or (only_tabs and "\t" not in lead):
                continue
            new = " " * (_WIDTH * level) if number in levels else lead.expandtabs(_WIDTH)
            if new != lead:
                start = source.line_starts[number - 1]
                edits.append(Edit(start, start + len(lead), new))
        if edits:
            yield tuple(edits)


def _levels(text: str) -> tuple[dict[int, int] | None, set[int]]:
    """The level of each line that begins a logical line, and the lines that begin inside a string."""
    levels: dict[int, int] = {}
    inside: set[int] = set()
    level, fresh = 0, True
    try:
        for token in tokenize.generate_tokens(io.StringIO(text, newline="").readline):
            if token.start[0] != token.end[0] and token.type not in (tokenize.NEWLINE, tokenize.NL):
                inside.update(range(token.start[0] + 1, token.end[0] + 1))
            if token.type == tokenize.INDENT:
                level += 1
            elif token.type == tokenize.DEDENT:
                level -= 1
            elif token.type == tokenize.NEWLINE:
                fresh = True
            elif fresh and token.type not in (tokenize.NL, tokenize.COMMENT):
                levels[token.start[0]], fresh = level, False
    except (tokenize.TokenError, SyntaxError):
        return None, inside
    return levels, inside
