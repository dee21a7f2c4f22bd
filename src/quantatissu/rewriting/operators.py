"""The operator table: every way this package knows to change one place of a program.

An operator is a function from a syntax node to rewrites, registered under a name with its family and the name of the
operator that undoes it. The same table serves repair (apply an operator to a wrong program) and bug injection (apply
the inverse to a right one).
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass

from quantatissu.foundation.syntax import parsed
from quantatissu.rewriting.edits import Edit, Rewrite, apply_edits
from quantatissu.rewriting.project import Project
from quantatissu.rewriting.source import Source, Statement

# What an operator yields for one node: the edits, and the cost in nats of this application within the operator.
Change = tuple[tuple[Edit, ...], float]
Apply = Callable[[ast.AST, Source, Project], Iterable[Change]]


@dataclass(frozen=True, slots=True)
class Operator:
    """One row of the table.

    ``inverse`` is the name of the row that undoes it (often itself); ``family`` groups rows for reports
    (``condition``, ``literal``, ``name``, ``call``, ``operator``, ``subscript``, ``statement``, ``guard``, ``import``,
    ``string``, ``donor``, ``syntax``); ``nodes`` are the syntax nodes it looks at; ``prior`` its log-probability
    (nats, at most 0) that a random real bug at a node it applies to is undone by it.
    """

    name: str
    inverse: str
    family: str
    nodes: tuple[type[ast.AST], ...]
    prior: float
    apply: Apply


OPERATORS: dict[str, Operator] = {}
LAST = -7.6  # rows with a lower prior go through all that can be said; they come when everything else was tried
_BY_NODE: dict[type[ast.AST], list[Operator]] = {}


def operator(
    name: str, *nodes: type[ast.AST], family: str, prior: float, inverse: str | None = None
) -> Callable[[Apply], Apply]:
    """Register the decorated function as a row of the table. ``inverse`` defaults to the operator itself."""

    def register(apply: Apply) -> Apply:
        if name in OPERATORS:
            raise ValueError(f"operator {name} is registered twice")
        row = Operator(name, inverse or name, family, nodes, prior, apply)
        OPERATORS[name] = row
        for node in nodes:
            _BY_NODE.setdefault(node, []).append(row)
        return apply

    return register


def rewrites(
    source: Source, statement: Statement, project: Project, *, only: Collection[str] | None = None
) -> Iterator[Rewrite]:
    """Every rewrite of one statement's own code (not of the statements in its blocks), in no particular order.

    `only` names the rows of the table to use; all of them when it is None.

    Rewrites that leave the text as it is, or break the f-string they stand in, are dropped; the same text may come
    from two operators.
    """
    for node in source.own_nodes(statement):
        outer = source.fstring_of.get(node)
        for kind in type(node).__mro__[:-1]:
            for row in _BY_NODE.get(kind, ()):
                if only is not None and row.name not in only:
                    continue
                for edits, cost in row.apply(node, source, project):
                    if all(source.text[edit.start : edit.end] == edit.text for edit in edits):
                        continue
                    if outer is None or _keeps_fstring(source, outer, edits):
                        yield Rewrite(row.name, edits, statement.lineno, cost)


def _keeps_fstring(source: Source, outer: ast.JoinedStr, edits: tuple[Edit, ...]) -> bool:
    """Whether an f-string edited inside still parses, with as many placeholders (quotes and braces can break it)."""
    start, end = source.span(outer)
    if any(edit.start < start or edit.end > end for edit in edits):
        return False
    moved = [Edit(edit.start - start, edit.end - start, edit.text) for edit in edits]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            again = parsed(f"({apply_edits(source.text[start:end], moved)})", mode="eval").body
    except (SyntaxError, ValueError):
        return False
    return isinstance(again, ast.JoinedStr) and [*map(type, again.values)] == [*map(type, outer.values)]
