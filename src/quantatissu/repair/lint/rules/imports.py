"""Imports: unused, imported twice, not at the top."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from quantatissu.repair.lint.ruff import Finding
from quantatissu.repair.lint.rules.table import Edits, around, fixer, node_at, own_line
from quantatissu.rewriting import Edit, Source

Import = ast.Import | ast.ImportFrom


@fixer("F401", keeps="behaviour")
def said_to_be_exported(source: Source, finding: Finding) -> Iterator[Edits]:
    """``from m import x`` in a package's ``__init__`` as ``from m import x as x``: meant for others."""
    alias = node_at(source, finding, ast.alias)
    if alias is None or not finding.path.endswith("__init__.py") or alias.asname or "." in alias.name:
        return
    if isinstance(source.parents.get(alias), ast.ImportFrom):
        end = source.span(alias)[1]
        yield (Edit(end, end, f" as {alias.name}"),)


@fixer("F811")
def imported_twice(source: Source, finding: Finding) -> Iterator[Edits]:
    """The second import of the same thing taken out."""
    alias = node_at(source, finding, ast.alias)
    statement = source.parents.get(alias) if alias is not None else None
    if alias is None or not isinstance(statement, Import) or not own_line(source, statement):
        return
    for other in source.nodes:
        if (
            type(other) is not type(statement)
            or other is statement
            or source.scope_of(other) is not source.scope_of(statement)
        ):
            continue
        same = [a for a in other.names if (a.name, a.asname) == (alias.name, alias.asname)]
        if same and getattr(other, "module", None) == getattr(statement, "module", None):
            break
    else:
        return
    left = [source.segment(one) for one in statement.names if one is not alias]
    if left:
        start, end = source.span(statement.names[0])[0], source.span(statement.names[-1])[1]
        yield (Edit(start, end, ", ".join(left)),)
    elif len(source.block_of(statement)) > 1:
        yield (Edit(*source.line_span(statement.lineno, statement.end_lineno or statement.lineno), ""),)


@fixer("E402")
def late_import(source: Source, finding: Finding) -> Iterator[Edits]:
    """A late import moved behind the first imports, over nothing but assignments of constants."""
    node = around(source, finding, ast.Import, ast.ImportFrom)
    if node is None or source.parents.get(node) is not source.tree or not own_line(source, node):
        return
    body = source.tree.body
    at = body.index(node)
    last = None
    for number, statement in enumerate(body[:at]):
        if isinstance(statement, Import) or (number == 0 and isinstance(statement, ast.Expr)):
            if last == number - 1 or last is None:
                last = number
        elif not (isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Constant)):
            return
    if last is None:
        return
    _, target = source.line_span(body[last].end_lineno or 1, body[last].end_lineno or 1)
    start, end = source.line_span(node.lineno, node.end_lineno or node.lineno)
    yield Edit(target, target, source.text[start:end]), Edit(start, end, "")


@fixer("F841")
def unused_context(source: Source, finding: Finding) -> Iterator[Edits]:
    """``with a as b:`` without its unused name."""
    node = node_at(source, finding, ast.Name)
    item = source.parents.get(node) if node is not None else None
    if node is not None and isinstance(item, ast.withitem):
        yield (Edit(source.span(item.context_expr)[1], source.span(node)[1], ""),)
