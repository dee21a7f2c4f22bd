"""The same change in lines that are alike: `x = min(x, width)` and `y = min(y, height)` are wrong in the same way.

Two lines of a function are twins when they differ in names, numbers, strings and signs alone. What a rewrite makes of
the one is made of the other with those exchanged, so a fault that was copied along with its line is mended in both.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator
from dataclasses import dataclass

from quantatissu.rewriting.edits import Edit, Rewrite, apply_edits
from quantatissu.rewriting.operators import LAST, OPERATORS, rewrites
from quantatissu.rewriting.project import Project
from quantatissu.rewriting.source import FunctionNode, Source, Statement

COST = 1.5  # nats, of a change in two places instead of one
_MOST_TWINS = 3
_LEAST_WORDS = 3
_TOKEN = re.compile(r"""[^\W\d]\w*|\d[\w.]*|"[^"\n]*"|'[^'\n]*'|\s+|[<>]=?|.""")
_SIGNS = (frozenset({"<", ">", "<=", ">="}), frozenset({"+", "-"}))


@dataclass(frozen=True, slots=True)
class Twin:
    """Another line; ``words`` maps each name, number, string and sign of the first to what stands there."""

    start: int
    end: int
    words: dict[str, str]

    def translated(self, text: str) -> str:
        """What a new text of the first line is for this one."""
        return "".join(self.words.get(token, token) for token in _TOKEN.findall(text))


def rewrite_twins(source: Source, statement: Statement, project: Project) -> Iterator[Rewrite]:
    """Rewrites of a statement's first lines, each together with the same in one twin, or in all where there are more.

    They go by the name of the operator. What goes through all that can be said is left out.
    """
    found = twins(source, statement)
    if not found:
        return
    start, end = _span(source, statement)
    rows = frozenset(name for name, row in OPERATORS.items() if row.prior > LAST)
    for rewrite in rewrites(source, statement, project, only=rows):
        if any(edit.start < start or edit.end > end for edit in rewrite.edits):
            continue
        inside = [Edit(edit.start - start, edit.end - start, edit.text) for edit in rewrite.edits]
        try:
            new = apply_edits(source.text[start:end], inside)
        except ValueError:
            continue
        edits = [Edit(twin.start, twin.end, twin.translated(new)) for twin in found]
        if any(source.text[edit.start : edit.end] == edit.text for edit in edits):
            continue
        choices = [[edit] for edit in edits] if len(edits) == 1 else [*([edit] for edit in edits), edits]
        for choice in choices:
            both = tuple(sorted((*rewrite.edits, *choice)))
            yield Rewrite(rewrite.operator, both, rewrite.line, rewrite.cost + COST)


def twins(source: Source, statement: Statement) -> list[Twin]:
    """The nearest lines of the function that are alike, first those behind the statement."""
    function = source.function_of(statement)
    if function is None or isinstance(statement, FunctionNode):
        return []
    own = _tokens(source, statement)
    found: list[tuple[int, Twin]] = []
    for other in source.statements:
        if other is statement or type(other) is not type(statement) or source.function_of(other) is not function:
            continue
        words = _differences(own, _tokens(source, other))
        if words:
            distance = other.lineno - statement.lineno
            found.append((2 * abs(distance) - (distance > 0), Twin(*_span(source, other), words)))
    return [twin for _, twin in sorted(found, key=lambda pair: pair[0])[:_MOST_TWINS]]


def _span(source: Source, statement: Statement) -> tuple[int, int]:
    lines = source.header_lines(statement)
    return source.line_span(lines.start, lines.stop - 1)


def _tokens(source: Source, statement: Statement) -> list[str]:
    start, end = _span(source, statement)
    return _TOKEN.findall(source.text[start:end])


def _differences(one: list[str], other: list[str]) -> dict[str, str]:
    """What to exchange to get from one line to the other, both ways round; empty for lines that are not twins."""
    if len(one) != len(other) or sum(map(_is_word, one)) < _LEAST_WORDS:
        return {}
    found: dict[str, str] = {}
    for mine, theirs in zip(one, other, strict=True):
        if mine != theirs and not _may_differ(mine, theirs):
            return {}
        if found.setdefault(mine, theirs) != theirs:
            return {}
    changed = {mine: theirs for mine, theirs in found.items() if mine != theirs}
    back = {theirs: mine for mine, theirs in changed.items() if theirs not in found}
    return changed | back if changed else {}


def _may_differ(one: str, other: str) -> bool:
    return (_is_word(one) and _is_word(other)) or any(one in signs and other in signs for signs in _SIGNS)


def _is_word(token: str) -> bool:
    return (token[0].isalnum() or token[0] in "_\"'") and not keyword.iskeyword(token)
