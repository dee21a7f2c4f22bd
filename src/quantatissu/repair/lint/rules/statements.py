"""Statements that should be something else: globals never assigned, classes, processes, open files."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from quantatissu.repair.lint.ruff import Finding
from quantatissu.repair.lint.rules.table import (
    Edits,
    add_import,
    around,
    fixer,
    has_multiline_string,
    node_at,
    own_line,
    shifted,
)
from quantatissu.rewriting import Edit, Source


@fixer("PLW0602", keeps="behaviour")
def idle_global(source: Source, finding: Finding) -> Iterator[Edits]:
    """A name taken out of a ``global`` statement that no assignment needs."""
    node = around(source, finding, ast.Global)
    name = finding.message.split("`")[1] if finding.message.count("`") >= 2 else ""
    if node is None or name not in node.names or not own_line(source, node):
        return
    left = [other for other in node.names if other != name]
    if left:
        yield (Edit(*source.span(node), f"global {', '.join(left)}"),)
    elif len(source.block_of(node)) > 1:
        yield (Edit(*source.line_span(node.lineno, node.end_lineno or node.lineno), ""),)


@fixer("RUF012")
def class_variable(source: Source, finding: Finding) -> Iterator[Edits]:
    """A mutable class attribute annotated with ``ClassVar``."""
    node = around(source, finding, ast.Assign, ast.AnnAssign)
    if isinstance(node, ast.AnnAssign):
        start, end = source.span(node.annotation)
        yield *add_import(source, "typing", "ClassVar"), Edit(start, end, f"ClassVar[{source.text[start:end]}]")
    elif isinstance(node, ast.Assign) and len(node.targets) == 1:
        end = source.span(node.targets[0])[1]
        yield *add_import(source, "typing", "ClassVar"), Edit(end, end, ": ClassVar")


@fixer("PLW1641", keeps="behaviour")
def unhashable(source: Source, finding: Finding) -> Iterator[Edits]:
    """``__hash__ = None`` written out: a class with ``__eq__`` alone has it already."""
    node = around(source, finding, ast.ClassDef)
    if node is None:
        return
    equal = next((part for part in node.body if isinstance(part, ast.FunctionDef) and part.name == "__eq__"), None)
    if equal is None or not own_line(source, equal):
        return
    _, end = source.line_span(equal.end_lineno or 1, equal.end_lineno or 1)
    line = f"{source.indent_of(equal)}__hash__ = None{source.newline}"
    gap = source.newline if source.text[:end].endswith("\n") else 2 * source.newline
    yield (Edit(end, end, gap + line),)


@fixer("PLW1510", keeps="behaviour")
def unchecked_process(source: Source, finding: Finding) -> Iterator[Edits]:
    """``check=False`` written out."""
    node = around(source, finding, ast.Call)
    if node is None or not (node.args or node.keywords):
        return
    last = max(source.span(part)[1] for part in (*node.args, *node.keywords))
    yield (Edit(last, last, ", check=False"),)


@fixer("SIM115")
def managed_file(source: Source, finding: Finding) -> Iterator[Edits]:
    """The statement that opens, reads and forgets a file, below ``with open(...) as file``."""
    node = around(source, finding, ast.Call)
    if node is None:
        return
    holder = source.parents.get(node)
    statement = source.statement_of(node)
    used_there = isinstance(holder, ast.Attribute | ast.Call | ast.comprehension | ast.For)
    simple = isinstance(statement, ast.Assign | ast.Expr | ast.Return | ast.AugAssign) or holder is statement
    if not used_there or not simple or not own_line(source, statement):
        return
    if has_multiline_string(source, statement) or any(isinstance(up, ast.Lambda) for up in source.ancestors(node)):
        return
    opened = source.segment(node)
    used = {part.id for part in ast.walk(source.tree) if isinstance(part, ast.Name)}
    name = next(name for name in ("file", "stream", "opened_file") if name not in used) if "file" in used else "file"
    indent, unit = source.indent_of(statement), source.indent_unit
    body = shifted(source, statement.lineno, statement.end_lineno or statement.lineno, indent, indent + unit)
    if body is not None and "\n" not in opened:
        start, _ = source.line_span(statement.lineno, statement.lineno)
        head = Edit(start, start, f"{indent}with {opened} as {name}:{source.newline}")
        inside = [edit for edit in body if edit.end > edit.start or edit.text]
        yield head, *inside, Edit(*source.span(node), name)


@fixer("E731")
def named_lambda(source: Source, finding: Finding) -> Iterator[Edits]:
    """``f = lambda x: y`` as ``def f(x): return y``."""
    node = node_at(source, finding, ast.Assign)
    match node:
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.Lambda() as function) if own_line(source, node):
            indent = source.indent_of(node)
            arguments = ast.unparse(function.args)
            body = source.segment(function.body)
            body = f"({body})" if "\n" in body else body
            text = f"def {name}({arguments}):{source.newline}{indent}{source.indent_unit}return {body}"
            yield (Edit(*source.span(node), text),)
        case _:
            return
