"""Branches and returns: nested conditions, conditions as values."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from quantatissu.repair.lint.ruff import Finding
from quantatissu.repair.lint.rules.table import (
    Edits,
    comments_in,
    fixer,
    has_multiline_string,
    node_at,
    own_line,
    shifted,
)
from quantatissu.rewriting import Edit, Source
from quantatissu.rewriting.blocks import first_line, is_elif
from quantatissu.rewriting.precedence import Level, level


def bound(source: Source, node: ast.expr, at_least: Level) -> str:
    """The code of an expression, in parentheses where it binds too loosely or spans lines."""
    text = source.segment(node)
    return text if level(node) >= at_least and "\n" not in text else f"({text})"


@fixer("SIM102", keeps="behaviour")
def nested_if(source: Source, finding: Finding) -> Iterator[Edits]:
    """``if a: if b:`` as ``if a and b:``; comments between the two go above."""
    outer = node_at(source, finding, ast.If)
    if outer is None or len(outer.body) != 1 or outer.orelse or not isinstance(inner := outer.body[0], ast.If):
        return
    if inner.orelse or inner.lineno == outer.lineno or has_multiline_string(source, inner):
        return
    if is_elif(source, outer):
        return  # comments would have nowhere to go
    test = f"if {bound(source, outer.test, Level.AND)} and {bound(source, inner.test, Level.NOT)}:"
    yield from _merged(source, outer, inner, test)


@fixer("SIM117", keeps="behaviour")
def nested_with(source: Source, finding: Finding) -> Iterator[Edits]:
    """``with a: with b:`` as ``with a, b:``."""
    outer = node_at(source, finding, ast.With)
    if outer is None or len(outer.body) != 1 or not isinstance(inner := outer.body[0], ast.With):
        return
    if inner.lineno == outer.lineno or has_multiline_string(source, inner):
        return
    parts = [_item(source, item) for node in (outer, inner) for item in node.items]
    yield from _merged(source, outer, inner, f"with {', '.join(parts)}:")


def _item(source: Source, item: ast.withitem) -> str:
    text = source.segment(item.context_expr)
    return f"{text} as {source.segment(item.optional_vars)}" if item.optional_vars is not None else text


def _merged(source: Source, outer: ast.If | ast.With, inner: ast.If | ast.With, head: str) -> Iterator[Edits]:
    """The body of ``inner`` below ``head``, a level less deep."""
    first = inner.body[0]
    if first.lineno == inner.lineno or not own_line(source, first):
        return
    start, stop = source.span(outer)[0], source.line_starts[first_line(first) - 1]
    between = source.text[start:stop]
    notes = comments_in(between)
    if notes and re.search("[\"']", between):
        return  # perhaps no comments but strings
    outside, inside, deep = source.indent_of(outer), source.indent_of(inner), source.indent_of(first)
    if not deep.startswith(inside) or not inside.startswith(outside):
        return
    above = "".join(f"{note}{source.newline}{outside}" for note in notes)
    body = shifted(source, source.line_of(stop), outer.end_lineno or first.lineno, deep, inside)
    if body is not None:
        yield Edit(start, stop, f"{above}{head}{source.newline}"), *body


@fixer("SIM103")
def condition_returned(source: Source, finding: Finding) -> Iterator[Edits]:
    """``if c: return True`` and ``return False`` as ``return c``."""
    node = node_at(source, finding, ast.If)
    if node is None or len(node.body) != 1 or not own_line(source, node):
        return
    block = source.block_of(node)
    after = block[block.index(node) + 1 :]
    other = node.orelse[0] if len(node.orelse) == 1 else after[0] if after and not node.orelse else None
    match node.body[0], other:
        case ast.Return(value=ast.Constant(value=bool(one))), ast.Return(value=ast.Constant(value=bool(two))):
            pass
        case _:
            return
    if one == two or other is None or comments_in(source.text[source.span(node)[0] : source.span(other)[1]]):
        return
    test = source.segment(node.test)
    boolean = isinstance(node.test, ast.Compare) or (
        isinstance(node.test, ast.UnaryOp) and isinstance(node.test.op, ast.Not)
    )
    value = f"not {bound(source, node.test, Level.NOT)}"
    if one:
        value = test if boolean else f"bool({test})"
    yield (Edit(source.span(node)[0], source.span(other)[1], f"return {value}"),)


@fixer("SIM108")
def conditional_value(source: Source, finding: Finding) -> Iterator[Edits]:
    """``if c: x = a`` ``else: x = b`` as ``x = a if c else b``; comments go above."""
    node = node_at(source, finding, ast.If)
    if node is None or not own_line(source, node):
        return
    match node:
        case ast.If(
            body=[ast.Assign(targets=[ast.Name(id=one)], value=yes)],
            orelse=[ast.Assign(targets=[ast.Name(id=two)], value=no)],
        ) if one == two:
            start, end = source.span(node)
            text = source.text[start:end]
            if not text.startswith("if") or ("#" in text and ('"' in text or "'" in text)):
                return
            indent = source.indent_of(node)
            above = "".join(f"{note}{source.newline}{indent}" for note in comments_in(text))
            chosen, test = bound(source, yes, Level.OR), bound(source, node.test, Level.OR)
            other = bound(source, no, Level.CONDITIONAL)
            yield (Edit(start, end, f"{above}{one} = {chosen} if {test} else {other}"),)
        case _:
            return


@fixer("RET505", "RET506", "RET507", "RET508", keeps="behaviour")
def idle_else(source: Source, finding: Finding) -> Iterator[Edits]:
    """The block of an ``else`` behind a branch that leaves, a level less deep."""
    for node in source.nodes:
        if not isinstance(node, ast.If) or not node.orelse or isinstance(node.orelse[0], ast.If):
            continue
        low, high = source.span(node.body[-1])[1], source.span(node.orelse[0])[0]
        if not low <= finding.start < high or has_multiline_string(source, node):
            continue
        first, line = node.orelse[0], source.line_of(finding.start)
        if first.lineno == line or source.lines[line - 1].strip() != "else:" or is_elif(source, node):
            continue
        outside, deep = source.indent_of(node), source.indent_of(first)
        body = shifted(source, line + 1, node.end_lineno or line, deep, outside)
        if body is not None:
            start, stop = source.line_span(line, line)
            yield Edit(start, stop, ""), *body


@fixer("RET503", keeps="behaviour")
def explicit_none(source: Source, finding: Finding) -> Iterator[Edits]:
    """``return None`` at the end of a function that returns values elsewhere."""
    function = source.function_of(node) if (node := node_at(source, finding, ast.stmt)) is not None else None
    if function is None:
        return
    last = function.body[-1]
    if own_line(source, last):
        _, end = source.line_span(last.end_lineno or last.lineno, last.end_lineno or last.lineno)
        if source.text[:end].endswith("\n"):
            yield (Edit(end, end, f"{source.indent_of(last)}return None{source.newline}"),)


@fixer("RET504", keeps="behaviour")
def returned_at_once(source: Source, finding: Finding) -> Iterator[Edits]:
    """``x = value`` and ``return x`` as ``return value``."""
    name = node_at(source, finding, ast.Name)
    back = source.parents.get(name) if name is not None else None
    if name is None or not isinstance(back, ast.Return):
        return
    block = source.block_of(back)
    at = block.index(back)
    match block[at - 1] if at else None:
        case ast.Assign(targets=[ast.Name(id=target)], value=value) as before if target == name.id:
            start, end = source.span(before)[0], source.span(back)[1]
            low, high = source.span(before)[1], source.span(back)[0]
            if not source.text[low:high].strip():
                yield Edit(start, source.span(value)[0], "return "), Edit(low, end, "")
        case _:
            return
