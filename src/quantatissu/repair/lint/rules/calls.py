"""Defaults and closures."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from quantatissu.repair.lint.ruff import Finding
from quantatissu.repair.lint.rules.table import Edits, fixer, free_name, node_at, own_line
from quantatissu.rewriting import Edit, Source
from quantatissu.rewriting.blocks import first_line
from quantatissu.rewriting.source import FunctionNode


@fixer("B008", keeps="behaviour")
def default_made_once(source: Source, finding: Finding) -> Iterator[Edits]:
    """A call in a default, made once above a top-level function, as it was made once before."""
    node = node_at(source, finding, ast.expr)
    function = next((up for up in source.ancestors(node) if isinstance(up, FunctionNode)), None) if node else None
    if node is None or function is None or source.parents.get(function) is not source.tree or source.path.endswith("i"):
        return
    argument = _argument_of(function, node)
    if argument is None or "\n" in source.segment(node):
        return
    name = f"_DEFAULT_{argument.arg.upper()}"
    if not free_name(source, source.tree, name):
        name = f"_{function.name.strip('_').upper()}_{argument.arg.upper()}"
    if free_name(source, source.tree, name):
        start = source.line_starts[first_line(function) - 1]
        gap = 3 * source.newline
        yield Edit(start, start, f"{name} = {source.segment(node)}{gap}"), Edit(*source.span(node), name)


@fixer("B006")
def default_none(source: Source, finding: Finding) -> Iterator[Edits]:
    """A mutable default as None, made where the function begins."""
    node = node_at(source, finding, ast.expr)
    function = next((up for up in source.ancestors(node) if isinstance(up, FunctionNode)), None) if node else None
    if node is None or function is None or (argument := _argument_of(function, node)) is None:
        return
    body = function.body
    documented = ast.get_docstring(function, clean=False) is not None
    if documented and len(body) == 1:
        return
    first = body[1 if documented else 0]
    if first.lineno == function.lineno or not own_line(source, first) or "\n" in source.segment(node):
        return
    indent = source.indent_of(first)
    start = source.line_starts[first_line(first) - 1]
    text = f"{indent}if {argument.arg} is None:{source.newline}{indent}{source.indent_unit}"
    text += f"{argument.arg} = {source.segment(node)}{source.newline}"
    yield Edit(*source.span(node), "None"), Edit(start, start, text)


def _argument_of(function: ast.FunctionDef | ast.AsyncFunctionDef, default: ast.expr) -> ast.arg | None:
    arguments = function.args
    plain = [*arguments.posonlyargs, *arguments.args]
    pairs = [*zip(plain[len(plain) - len(arguments.defaults) :], arguments.defaults, strict=True)]
    pairs += [(arg, value) for arg, value in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if value]
    return next((arg for arg, value in pairs if value is default), None)


@fixer("B023")
def bound_by_default(source: Source, finding: Finding) -> Iterator[Edits]:
    """A loop's variable bound as the default of a parameter of the closure that reads it."""
    node = node_at(source, finding, ast.Name)
    if node is None:
        return
    closure = next((up for up in source.ancestors(node) if isinstance(up, FunctionNode | ast.Lambda)), None)
    if closure is None or closure.args.vararg or closure.args.kwarg or closure.args.kwonlyargs:
        return
    plain = [*closure.args.posonlyargs, *closure.args.args]
    given = f"{node.id}={node.id}"
    if plain:
        last = closure.args.defaults[-1] if closure.args.defaults else plain[-1]
        end = max(source.span(last)[1], source.span(plain[-1])[1])
        yield (Edit(end, end, f", {given}"),)
    elif isinstance(closure, ast.Lambda):
        at = source.span(closure)[0] + len("lambda")
        yield (Edit(at, at, f" {given}"),)
    else:
        opening = source.text.index("(", source.span(closure)[0]) + 1
        yield (Edit(opening, opening, given),)
