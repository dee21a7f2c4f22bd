"""The table of lint edits: what a linter should object to, the way people come to write it. One row an edit.

A row yields places; what it yields may still please the linter (a name used elsewhere, a rule that makes an exception),
so nothing counts until the linter has spoken (see `lint`).
"""

from __future__ import annotations

import ast
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from quantatissu.rewriting import Edit, Source

Node = TypeVar("Node", bound=ast.AST)
Edits = tuple[Edit, ...]
Places = Callable[["File"], Iterator[Edits]]


@dataclass(frozen=True, slots=True)
class LintEdit:
    """A row: the ``rule`` it is meant to break, and the places where it can."""

    name: str
    rule: str
    places: Places


LINT_EDITS: dict[str, LintEdit] = {}


def lint_edit(name: str, rule: str) -> Callable[[Places], Places]:
    def register(places: Places) -> Places:
        LINT_EDITS[name] = LintEdit(name, rule, places)
        return places

    return register


class File:
    """A file as the rows see it: its nodes by class, and chances for what a row leaves open."""

    def __init__(self, source: Source, chance: random.Random) -> None:
        self.source, self.text, self.chance = source, source.text, chance
        self._nodes: dict[type[ast.AST], list[ast.AST]] = {}
        for node in ast.walk(source.tree):
            self._nodes.setdefault(type(node), []).append(node)
        self.inert = {id(part) for node in self.nodes(ast.JoinedStr) for part in ast.walk(node) if part is not node}

    def nodes(self, kind: type[Node]) -> list[Node]:
        """The nodes of a class, as `ast.walk` meets them."""
        return self._nodes.get(kind, [])  # type: ignore[return-value]

    def replace(self, node: ast.AST, text: str) -> Edits:
        return (Edit(*self.source.span(node), text),)

    def own_line(self, statement: ast.stmt) -> bool:
        """Whether nothing but a comment shares a statement's lines."""
        start, end = self.source.span(statement)
        low, _ = self.source.line_span(statement.lineno, statement.lineno)
        _, high = self.source.line_span(
            statement.end_lineno or statement.lineno, statement.end_lineno or statement.lineno
        )
        return not self.text[low:start].strip() and not self.text[end:high].partition("#")[0].strip()

    def between(self, left: ast.expr, right: ast.expr) -> tuple[int, int, str]:
        """The gap between two operands: (start, end, text)."""
        start, end = self.source.span(left)[1], self.source.span(right)[0]
        return start, end, self.text[start:end]


def lint_edits(source: Source, chance: random.Random, count: int) -> list[tuple[LintEdit, Edits]]:
    """Up to ``count`` edits of a file, of as many different rows as there are places for."""
    file = File(source, chance)
    names = chance.sample(sorted(LINT_EDITS), len(LINT_EDITS))
    offered = [(LINT_EDITS[name], list(LINT_EDITS[name].places(file))) for name in names]
    found: list[tuple[LintEdit, Edits]] = []
    while len(found) < count and any(places for _, places in offered):
        for row, places in offered:
            if places and len(found) < count:
                found.append((row, places.pop(chance.randrange(len(places)))))
    return found
