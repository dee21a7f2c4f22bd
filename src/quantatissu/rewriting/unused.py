"""Names that nothing uses: what is left behind where an expression, an argument or a statement was lost.

A variable that is bound and never read is the surest sign of a forgotten use that the text alone can give, so edits
that put such a name to use are likelier than others, and edits that leave a name without its only use less likely.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterable, Mapping

from quantatissu.rewriting.edits import Rewrite
from quantatissu.rewriting.source import FunctionNode, ScopeNode, Source, Statement

_WORD = re.compile(r"[^\W\d]\w*")
_TEXT = re.compile(r"'[^'\n]*'|\"[^\"\n]*\"")
# How telling it is that a name is unused. Loop variables and caught exceptions often are, on purpose.
_LOCAL, _PARAMETER, _LAMBDA, _LOOP, _CAUGHT, _PRIVATE, _IMPORT = 1.0, 0.5, 1.0, 0.4, 0.3, 0.6, 0.4


def unused_names(source: Source, statement: Statement) -> Mapping[str, float]:
    """Names visible at a statement that nothing reads -> how telling that is, 0 to 1. Remembered per scope."""
    table: dict[ast.AST, dict[str, float]] = source.__dict__.setdefault("_unused_by_scope", {})
    found: dict[str, float] = {}
    for node in source.own_nodes(statement):
        if isinstance(node, ast.Lambda):
            found.update(_of_scope(source, node, table))
    scope: ast.AST = source.scope_of(statement) if not isinstance(statement, FunctionNode) else statement
    while True:
        if not isinstance(scope, ast.ClassDef):
            found = {**_of_scope(source, scope, table), **found}
        if isinstance(scope, ast.Module):
            return found
        scope = source.scope_of(scope)


def taken_up(unused: Mapping[str, float], source: Source, rewrite: Rewrite) -> float:
    """How telling the most telling unused name is that a rewrite reads, 0 when it reads none."""
    if not unused:
        return 0.0
    best = 0.0
    for edit in rewrite.edits:
        if edit.text:
            new = words(edit.text) - words(source.text[edit.start : edit.end])
            best = max(best, max((unused.get(word, 0.0) for word in new), default=0.0))
    return best


def left_behind(source: Source, statement: Statement, rewrite: Rewrite) -> bool:
    """Whether a rewrite takes away the only use of a local variable or parameter."""
    scope = source.scope_of(statement)
    if not isinstance(scope, FunctionNode):
        return False
    reads = _reads(source, scope)
    bound = source.bindings(scope)
    lost: Counter[str] = Counter()
    kept: set[str] = set()
    for edit in rewrite.edits:
        if edit.end > edit.start:
            lost.update(_words(source.text[edit.start : edit.end]))
        kept |= words(edit.text)
    return any(name in bound and 0 < reads[name] <= count for name, count in lost.items() if name not in kept)


def words(text: str) -> set[str]:
    """The identifiers and keywords in a piece of code, quoted text aside."""
    return set(_words(text))


def _words(text: str) -> Iterable[str]:
    return _WORD.findall(_TEXT.sub("", text))


def _of_scope(source: Source, scope: ast.AST, table: dict[ast.AST, dict[str, float]]) -> dict[str, float]:
    found = table.get(scope)
    if found is None:
        reads = _reads(source, scope)
        found = {}
        if not (isinstance(scope, FunctionNode) and _is_stub(scope)) and "locals" not in reads:
            special = _special(scope)
            for name, kind in source.bindings(scope).items():
                if reads[name] or name in ("self", "cls") or not name.strip("_"):
                    continue
                weight = special.get(name, _weight(source, scope, name, kind))
                if weight:
                    found[name] = weight
        table[scope] = found
    return found


def _weight(source: Source, scope: ast.AST, name: str, kind: str) -> float:
    if isinstance(scope, ast.Lambda):
        return _LAMBDA
    if isinstance(scope, ast.Module):
        if kind == "import":
            return 0.0 if source.path.endswith("__init__.py") else _IMPORT
        private = (name.startswith("_") or name.isupper()) and not name.startswith("__")
        return _PRIVATE if private and not source.path.endswith("__init__.py") else 0.0
    return {"parameter": _PARAMETER, "local": _LOCAL, "import": _IMPORT, "definition": _LOCAL}.get(kind, 0.0)


def _special(scope: ast.AST) -> dict[str, float]:
    """Names whose being unused says little."""
    found: dict[str, float] = {}
    for node in ast.walk(scope):
        if isinstance(node, ast.For | ast.AsyncFor | ast.comprehension):
            found.update((part.id, _LOOP) for part in ast.walk(node.target) if isinstance(part, ast.Name))
        elif isinstance(node, ast.ExceptHandler) and node.name:
            found[node.name] = _CAUGHT
        elif isinstance(node, ast.Global | ast.Nonlocal):
            found.update(dict.fromkeys(node.names, 0.0))
    return found


def _reads(source: Source, scope: ast.AST) -> Counter[str]:
    """Name -> how often the scope, or a function inside it, reads (or deletes) it."""
    table: dict[ast.AST, Counter[str]] = source.__dict__.setdefault("_reads_by_scope", {})
    found = table.get(scope)
    if found is None:
        found = table[scope] = Counter(
            node.id for node in ast.walk(scope) if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Store)
        )
        if isinstance(scope, ast.Module):
            found.update(_exported(scope))
    return found


def _exported(module: ast.Module) -> Iterable[str]:
    for node in module.body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets):
            for part in ast.walk(node.value):
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    yield part.value


def _is_stub(function: ScopeNode) -> bool:
    """Whether a function only raises, passes or documents: its parameters are there for others."""
    body = function.body if isinstance(function.body, list) else [function.body]
    return all(
        isinstance(node, ast.Pass | ast.Raise) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        for node in body
    )
