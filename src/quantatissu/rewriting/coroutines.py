"""Operators between plain functions, generators and coroutines."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from quantatissu.rewriting.edits import Edit
from quantatissu.rewriting.facts import own_code, scope_facts
from quantatissu.rewriting.operators import Change, operator
from quantatissu.rewriting.project import Project
from quantatissu.rewriting.source import Source


@operator("make_async", ast.FunctionDef, ast.For, ast.With, family="statement", prior=-4.5, inverse="make_sync")
def make_async(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """`def` -> `async def` where the body awaits; `for` and `with` -> their async forms in a coroutine."""
    if isinstance(node, ast.FunctionDef):
        kinds = (ast.Await, ast.AsyncFor, ast.AsyncWith)
        if not any(isinstance(part, kinds) for part in own_code(node)):
            return
    elif not isinstance(source.function_of(node), ast.AsyncFunctionDef):
        return
    at = source.span(node)[0]
    yield (Edit(at, at, "async "),), 0.0 if not isinstance(node, ast.For) else 0.3


@operator("make_sync", ast.AsyncFunctionDef, ast.AsyncFor, ast.AsyncWith, family="statement", prior=-4.5,
          inverse="make_async")  # fmt: skip
def make_sync(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """`async def`, `async for` and `async with` -> their plain forms."""
    if isinstance(node, ast.AsyncFunctionDef):
        kinds = (ast.Await, ast.AsyncFor, ast.AsyncWith)
        if any(isinstance(part, kinds) for part in own_code(node)):
            return
    at = source.span(node)[0]
    if source.text.startswith("async ", at):
        yield (Edit(at, at + 6, ""),), 0.0


@operator("yield_or_return", ast.Return, ast.Expr, family="statement", prior=-4.6)
def yield_or_return(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """`return e`, `e`, `yield e` and `yield from e` for one another."""
    assert isinstance(node, ast.Return | ast.Expr)
    scope = scope_facts(source, node)
    value = node.value
    if scope.function is None or value is None or isinstance(value, ast.Constant):
        return
    start, plain = source.span(node)[0], isinstance(scope.function, ast.FunctionDef)
    cost = 0.0 if scope.generator else 1.6
    if isinstance(value, ast.Yield):
        if value.value is None:
            return
        inner = source.span(value.value)[0]
        if source.text[start:inner] != "yield ":
            return
        if plain:
            yield (Edit(inner, inner, "from "),), 0.2 if isinstance(value.value, ast.Call | ast.Name) else 1.2
        yield (Edit(start, inner, "return "),), 0.8
        yield (Edit(start, inner, ""),), 2.0
    elif isinstance(value, ast.YieldFrom):
        inner = source.span(value.value)[0]
        if source.text[start:inner] == "yield from ":
            yield (Edit(start, inner, "yield "),), 0.3
            yield (Edit(start, inner, "return "),), 0.8
            yield (Edit(start, inner, ""),), 2.0
    elif isinstance(node, ast.Return):
        inner = source.span(value)[0]
        if source.text[start:inner] == "return ":
            yield (Edit(start, inner, "yield "),), cost
            if plain:
                yield (Edit(start, inner, "yield from "),), cost + 0.4
    elif isinstance(value, ast.Call | ast.Name):
        yield (Edit(start, start, "yield "),), cost + 0.4
        if plain:
            yield (Edit(start, start, "yield from "),), cost + (0.0 if isinstance(value, ast.Call) else 0.6)
