"""What gives several undefined names a meaning at once, and definitions that the project's files repeat."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator

from quantatissu.rewriting import stdlib
from quantatissu.rewriting.blocks import Edits
from quantatissu.rewriting.import_forms import ImportNode, add_import_line
from quantatissu.rewriting.modules import definitions_of, undefined_names
from quantatissu.rewriting.project import Project
from quantatissu.rewriting.source import BUILTIN_NAMES, Source, Statement


def together(source: Source, name: str, module: str, project: Project) -> str:
    """``name`` and the file's other undefined names that a module offers too, as one import lists them."""
    known = definitions_of(project)
    members = stdlib.members(module)
    others = {
        other
        for other in undefined_names(source)
        if other in members or any(module == where and kind != "import" for where, kind in known.get(other, ()))
    }
    return ", ".join(sorted({name, *others}))


def repeated_definitions(source: Source, name: str, project: Project) -> Iterator[tuple[Edits, float]]:
    """Module-level assignments of a name in other files, put behind this file's imports, with what they need.

    Type variables, loggers and constants are often written anew in every file. The cost is in nats.
    """
    found: Counter[tuple[str, tuple[str, ...]]] = Counter()
    for other in project.sources:
        if other is source or other.path == source.path:
            continue
        for node in other.tree.body:
            if isinstance(node, ast.Assign | ast.AnnAssign) and _binds_only(node, name):
                needed = _needed_imports(source, other, node)
                if needed is not None:
                    found[other.segment(node), needed] += 1
    for (text, needed), count in found.most_common(3):
        apart = [""] if needed or any(isinstance(node, ImportNode) for node in source.tree.body) else []
        if edits := add_import_line(source, *needed, *apart, *text.splitlines()):
            yield edits, 0.2 if count > 1 else 0.6


def _binds_only(node: ast.Assign | ast.AnnAssign, name: str) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return len(targets) == 1 and isinstance(targets[0], ast.Name) and targets[0].id == name and node.value is not None


def _needed_imports(source: Source, other: Source, node: Statement) -> tuple[str, ...] | None:
    """The imports of the other file that a statement needs and this one lacks; None when it needs more than imports."""
    here = source.bindings(source.tree)
    read = {part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load)}
    lacking = {name for name in read if name not in here and name not in BUILTIN_NAMES}
    needed: list[str] = []
    for line in other.tree.body:
        if not isinstance(line, ImportNode):
            continue
        for alias in line.names:
            bound = alias.asname or alias.name.partition(".")[0]
            if bound in lacking:
                lacking.discard(bound)
                origin = f"from {'.' * line.level}{line.module or ''} " if isinstance(line, ast.ImportFrom) else ""
                needed.append(f"{origin}import {alias.name}" + (f" as {alias.asname}" if alias.asname else ""))
    return None if lacking else tuple(needed)
