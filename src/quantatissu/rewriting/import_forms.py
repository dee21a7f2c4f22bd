"""Operators on the form and the place of imports, and where a new one goes."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from quantatissu.rewriting import stdlib
from quantatissu.rewriting.blocks import (
    Edits,
    code_start,
    delete,
    insert_after,
    insert_before,
    is_docstring,
    lines_of,
)
from quantatissu.rewriting.edits import Edit
from quantatissu.rewriting.modules import layout_of
from quantatissu.rewriting.operators import Change, operator
from quantatissu.rewriting.project import Project
from quantatissu.rewriting.source import FunctionNode, Source, Statement

ImportNode = ast.Import | ast.ImportFrom


def add_import_line(source: Source, *code: str) -> Edits:
    """Put an import, or code lines, behind the file's first run of imports (behind its docstring when it has none)."""
    body = source.tree.body
    if not body:
        return ()
    last: Statement | None = None
    for node in body:
        if isinstance(node, ImportNode):
            last = node
        elif not is_docstring(source, node) and last is not None and not isinstance(node, ast.If | ast.Try):
            break
    if last is not None:
        return insert_after(source, last, *code)
    if is_docstring(source, body[0]):
        return insert_after(source, body[0], "", *code)
    return insert_before(source, body[0], *code)


def reached(source: Source, known: Mapping[str, str], module: str, name: str) -> tuple[str, Edits] | None:
    """How a member of a module is written where the names ``known`` are in scope, and the edits that import it if
    nothing has yet; None where an import finds no place.
    """
    if name in known:
        return name, ()
    if known.get(module) == "import":
        return f"{module}.{name}", ()
    imports = add_import_line(source, f"from {module} import {name}")
    return (name, imports) if imports else None


@operator("import_style", ast.Import, ast.ImportFrom, family="import", prior=-4.3)
def import_style(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """`import a.b` <-> `from a import b`, `import a` <-> `from a import a`, as the uses suggest."""
    assert isinstance(node, ImportNode)
    if len(node.names) != 1:
        return
    alias = node.names[0]
    span = source.span(node)
    as_name = f" as {alias.asname}" if alias.asname else ""
    if isinstance(node, ast.Import):
        head, _, tail = alias.name.rpartition(".")
        members = stdlib.members(alias.name) if not head else frozenset()
        if head:
            yield (Edit(*span, f"from {head} import {tail}{as_name}"),), 0.0
        elif alias.name in members:  # `import datetime` for `datetime.now()`
            yield (Edit(*span, f"from {alias.name} import {alias.name}{as_name}"),), 0.0
    elif not node.level and node.module and alias.name != "*":
        if alias.name == node.module:
            yield (Edit(*span, f"import {node.module}{as_name}"),), 0.0
        elif layout_of(project).exists(f"{node.module}.{alias.name}") or stdlib.members(f"{node.module}.{alias.name}"):
            yield (Edit(*span, f"import {node.module}.{alias.name}{as_name}"),), 0.4


@operator("import_inside", ast.Import, ast.ImportFrom, family="import", prior=-4.5, inverse="import_outside")
def import_inside(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """Move an import from the top of a file into the functions that use it: breaks an import cycle."""
    assert isinstance(node, ImportNode)
    module = (node.module or ".") if isinstance(node, ast.ImportFrom) else node.names[0].name
    layout = layout_of(project)
    inside = isinstance(node, ast.ImportFrom) and node.level > 0
    if inside or any(name == module or name.startswith(f"{module}.") for name in layout.sources):
        yield from made_local(source, node)


def made_local(source: Source, node: ImportNode) -> Iterator[Change]:
    if not isinstance(source.parents[node], ast.Module) or lines_of(source, node) is None or node.names[0].name == "*":
        return
    bound = {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
    users: dict[ast.AST, None] = {}
    for part in source.nodes:
        if isinstance(part, ast.Name) and part.id in bound:
            outermost = [up for up in source.ancestors(part) if isinstance(up, FunctionNode)]
            if not outermost:
                return
            users[outermost[-1]] = None
    text = source.segment(node)
    if not users or len(users) > 8 or "\n" in text:
        return
    edits: list[Edit] = [*delete(source, node)]
    for function in users:
        assert isinstance(function, FunctionNode)
        added = insert_before(source, code_start(function.body), text)
        if not added or is_docstring(source, code_start(function.body)):
            return
        edits += added
    yield tuple(edits), 1.0 + 0.2 * len(users)


@operator("import_outside", ast.Import, ast.ImportFrom, family="import", prior=-6.0, inverse="import_inside")
def import_outside(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """Move an import from a function to the top of the file."""
    assert isinstance(node, ImportNode)
    function = source.parents[node]
    if isinstance(function, FunctionNode) and len(function.body) > 1 and lines_of(source, node) is not None:
        text = source.segment(node)
        if "\n" not in text and (added := add_import_line(source, text)):
            yield (*delete(source, node), *added), 0.0
