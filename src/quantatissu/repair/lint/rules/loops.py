"""Loops: variables not used or overwritten, lists built by appending."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from quantatissu.repair.lint.ruff import Finding
from quantatissu.repair.lint.rules.table import Edits, comments_in, fixer, free_name, node_at, own_line
from quantatissu.rewriting import Edit, Source
from quantatissu.rewriting.blocks import first_line

Loop = ast.For | ast.AsyncFor | ast.With | ast.AsyncWith


@fixer("B007", keeps="behaviour")
def unused_variable(source: Source, finding: Finding) -> Iterator[Edits]:
    """An unused loop variable with an underscore in front."""
    node = node_at(source, finding, ast.Name)
    scope = source.function_of(node) if node is not None else None
    if node is None or scope is None or node.id.startswith("_"):
        return
    same = [part for part in ast.walk(scope) if isinstance(part, ast.Name) and part.id == node.id]
    if len(same) == 1 and free_name(source, node, f"_{node.id}"):
        yield (Edit(*source.span(node), f"_{node.id}"),)


@fixer("PLW2901", keeps="behaviour")
def overwritten_variable(source: Source, finding: Finding) -> Iterator[Edits]:
    """The loop under another name; its old one is assigned first, by the first statement where that overwrites it."""
    node = node_at(source, finding, ast.Name)
    if node is None:
        return
    for loop in source.ancestors(node):
        target = _target(loop, node.id)
        if target is None or not isinstance(loop, Loop):
            continue
        new = next((n for n in (f"raw_{node.id}", f"given_{node.id}") if free_name(source, node, n)), None)
        first = loop.body[0]
        if new is None or first.lineno == loop.lineno or not own_line(source, first):
            return
        renamed = Edit(*source.span(target), new)
        match first:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if name == node.id:
                uses = [n for n in ast.walk(value) if isinstance(n, ast.Name) and n.id == name]
                if all(source.segment(use) == name for use in uses):
                    yield renamed, *(Edit(*source.span(use), new) for use in uses)
                    return
            case _:
                pass
        start = source.line_starts[first_line(first) - 1]
        yield renamed, Edit(start, start, f"{source.indent_of(first)}{node.id} = {new}{source.newline}")
        return


def _target(loop: ast.AST, name: str) -> ast.Name | None:
    if isinstance(loop, ast.For | ast.AsyncFor):
        targets: list[ast.AST] = [loop.target]
    elif isinstance(loop, ast.With | ast.AsyncWith):
        targets = [item.optional_vars for item in loop.items if item.optional_vars is not None]
    else:
        return None
    names = (part for target in targets for part in ast.walk(target))
    return next((part for part in names if isinstance(part, ast.Name) and part.id == name), None)


@fixer("PERF401")
def extended_list(source: Source, finding: Finding) -> Iterator[Edits]:
    """``for x in y: if c: found.append(z)`` as ``found.extend(z for x in y if c)``; comments go above."""
    appended = node_at(source, finding, ast.Expr) or node_at(source, finding, ast.Call)
    loop = next((up for up in source.ancestors(appended) if isinstance(up, ast.For)), None) if appended else None
    if loop is None or loop.orelse or len(loop.body) != 1 or not own_line(source, loop):
        return
    inner, test = loop.body[0], ""
    if isinstance(inner, ast.If) and len(inner.body) == 1 and not inner.orelse:
        test, inner = f" if {source.segment(inner.test)}", inner.body[0]
    match inner:
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=held, attr="append"), args=[value], keywords=[])):
            start, end = source.span(loop)
            text = source.text[start:end]
            if "#" in text and re.search("[\"']", text):
                return
            notes = "".join(f"{note}{source.newline}{source.indent_of(loop)}" for note in comments_in(text))
            made = f"{source.segment(value)} for {source.segment(loop.target)} in {source.segment(loop.iter)}{test}"
            yield (Edit(start, end, f"{notes}{source.segment(held)}.extend({made})"),)
        case _:
            return
