"""Which function an edit changes, so that the worker can swap it in without importing anything anew."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from quantatissu.rewriting import Edit, Source
from quantatissu.rewriting.source import FunctionNode
from quantatissu.testing.client import Unit


def first_line(function: FunctionNode) -> int:
    """The line of the ``def``, or of its first decorator."""
    return min([function.lineno, *(decorator.lineno for decorator in function.decorator_list)])


def lines_of(function: FunctionNode) -> range:
    """The lines of a function, decorators included."""
    return range(first_line(function), (function.end_lineno or function.lineno) + 1)


def enclosing(source: Source, edits: Sequence[Edit]) -> tuple[tuple[str, ...], FunctionNode] | None:
    """The outermost function whose body holds all edits, and the classes around it; None when there is none."""
    start, end = min(edit.start for edit in edits), max(edit.end for edit in edits)
    block: Sequence[ast.stmt] = source.tree.body
    classes: tuple[str, ...] = ()
    while True:
        holder = next((node for node in block if _holds(source, node, start, end)), None)
        if isinstance(holder, FunctionNode):
            return (classes, holder) if start >= _body_start(source, holder) else None
        if isinstance(holder, ast.ClassDef):
            classes = (*classes, holder.name)
            block = holder.body
        elif holder is not None and not classes and isinstance(holder, ast.If | ast.Try | ast.With):
            block = [node for node in ast.walk(holder) if isinstance(node, FunctionNode | ast.ClassDef)]
        else:
            return None


def _holds(source: Source, node: ast.stmt, start: int, end: int) -> bool:
    first = min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", []))])
    low, high = source.line_span(first, node.end_lineno or first)
    return low <= start and end <= high


def _body_start(source: Source, function: FunctionNode) -> int:
    """Where the body's first line begins: anything before it (arguments, decorators) is evaluated at definition."""
    body = function.body[0]
    if body.lineno == function.lineno:
        return source.span(body)[0]
    header = max(source.header_lines(function))
    return (
        source.line_span(header, header)[1] if header < body.lineno else source.line_span(body.lineno, body.lineno)[0]
    )


def unit(parent: Source, original: Source, new_text: str, edits: Sequence[Edit]) -> tuple[Unit, range] | None:
    """The changed function as the worker wants it, and its lines in the original file.

    ``parent`` is the text the edits apply to, ``original`` the file on disk, ``new_text`` the outcome. None when the
    change is not inside one function body.
    """
    found = enclosing(parent, edits)
    if found is None:
        return None
    classes, function = found
    before = function if parent is original else _same_function(original, classes, function.name)
    if before is None:
        return None
    low, high = parent.line_span(first_line(function), function.end_lineno or function.lineno)
    lines = new_text[low : high + len(new_text) - len(parent.text)]
    return Unit(parent.path, classes, function.name, first_line(before), lines), lines_of(before)


def _same_function(source: Source, classes: tuple[str, ...], name: str) -> FunctionNode | None:
    block: Sequence[ast.stmt] = source.tree.body
    for owner in classes:
        holders = [node for node in block if isinstance(node, ast.ClassDef) and node.name == owner]
        if len(holders) != 1:
            return None
        block = holders[0].body
    functions = [node for node in block if isinstance(node, FunctionNode) and node.name == name]
    return functions[0] if len(functions) == 1 else None
