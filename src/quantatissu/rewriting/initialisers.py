"""Operators that add what a function's start or an initialiser lacks: `global`, `super()` calls, attributes."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from quantatissu.rewriting.blocks import code_start, insert_after, insert_before, is_docstring
from quantatissu.rewriting.facts import function_start, own_code, scope_facts
from quantatissu.rewriting.operators import Change, operator
from quantatissu.rewriting.project import Project, dotted
from quantatissu.rewriting.source import FunctionNode, Source

Ranked = list[tuple[str, float]]


# -- scopes ---------------------------------------------------------------------------------------------------------


@operator("declare_scope", ast.stmt, family="statement", prior=-1.0, inverse="delete_statement")
def declare_scope(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """`nonlocal x` or `global x` at the start of a function that assigns a name of an outer scope."""
    assert isinstance(node, ast.stmt)
    scope = scope_facts(source, node)
    function = scope.function
    if function is None or not function_start(source, node) or is_docstring(source, node):
        return
    candidates = [name for name in scope.bound if name not in scope.parameters and name not in scope.declared]
    outer: ast.AST | None = source.function_of(function)
    enclosing: set[str] = set()
    while outer is not None:
        enclosing |= set(source.bindings(outer))
        outer = source.function_of(outer)
    module = source.bindings(source.tree)
    for name in candidates:
        unbound = name in scope.updated and name not in scope.assigned
        cost = 0.0 if unbound else 2.0 if len(scope.uses.get(name, ())) > 1 else 2.8
        if name in enclosing:
            yield insert_before(source, node, f"nonlocal {name}"), cost
        elif module.get(name) == "local":
            yield insert_before(source, node, f"global {name}"), cost


# -- initialisers ---------------------------------------------------------------------------------------------------


@operator("call_super", ast.stmt, family="statement", prior=-4.0, inverse="delete_statement")
def call_super(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """`super().method(...)` at the start or the end of a method that does not call it, in a class with bases."""
    assert isinstance(node, ast.stmt)
    function = source.parents.get(node)
    if not isinstance(function, FunctionNode) or is_docstring(source, node):
        return
    owner = source.parents.get(function)
    first, last = code_start(function.body) is node, function.body[-1] is node
    if not isinstance(owner, ast.ClassDef) or not (first or last) or not owner.bases:
        return
    if any(isinstance(part, ast.Name) and part.id == "super" for part in own_code(function)):
        return
    cost = 0.0 if function.name == "__init__" else 1.5
    for index, call in enumerate(_super_calls(source, project, owner, function)):
        if first:
            yield insert_before(source, node, call), cost + 0.4 * index
        if last and not isinstance(node, ast.Return | ast.Raise):
            yield insert_after(source, node, call), cost + 0.5 + 0.4 * index


def _super_calls(source: Source, project: Project, owner: ast.ClassDef, function: ast.AST) -> list[str]:
    assert isinstance(function, FunctionNode)
    arguments = function.args
    names = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args)][1:]
    stars = [f"*{arguments.vararg.arg}"] if arguments.vararg else []
    stars += [f"**{arguments.kwarg.arg}"] if arguments.kwarg else []
    head = f"super().{function.name}"
    calls = []
    base = dotted(owner.bases[0]) or ""
    if function.name == "__init__":
        calls = [
            f"{head}({', '.join(name for name in signature.parameters if name in names)})"
            for signature in project.signatures.get(base.rpartition(".")[2], [])
            if signature.is_method and signature.parameters
        ]
    calls += [f"{head}({', '.join([*names, *stars])})", f"{head}({', '.join(stars)})", f"{head}()"]
    calls += [f"{head}({name})" for name in names[:2]]
    return list(dict.fromkeys(calls))[:5]


@operator("assign_attribute", ast.stmt, family="statement", prior=-1.6, inverse="delete_statement")
def assign_attribute(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """`self.x = x` in `__init__`, for attributes the class reads but never assigns and parameters never stored."""
    assert isinstance(node, ast.stmt)
    function = source.parents.get(node)
    if not isinstance(function, FunctionNode) or function.name not in ("__init__", "__new__", "reset", "setUp"):
        return
    owner = source.parents.get(function)
    last = function.body[-1] is node and not isinstance(node, ast.Return)
    if not isinstance(owner, ast.ClassDef) or (is_docstring(source, node) and not last):
        return
    first = code_start(function.body) is node
    read, stored = _attributes(source, owner)
    scope = scope_facts(source, node)
    missing = sorted(read - stored)
    known = set(scope.plain_parameters)
    values: Ranked = []
    inherited = 2.2 if owner.bases else 0.0  # the attribute may come from a base class
    for name in missing:
        plain = name.lstrip("_")
        if plain in known:
            values.append((f"self.{name} = {plain}", inherited))
        kind = scope_kind(source, owner, name)
        for index, value in enumerate(_initial_values(kind)):
            values.append((f"self.{name} = {value}", inherited + 0.6 + 0.4 * index + 0.1 * len(missing)))
    used = {part.id for part in own_code(function) if isinstance(part, ast.Name)}
    for name in scope.plain_parameters:
        if name not in used and name not in missing:
            values += [(f"self.{name} = {name}", 1.0), (f"self._{name} = {name}", 1.5)]
    values.sort(key=lambda item: item[1])
    for text, cost in values[:10]:
        if last:
            yield insert_after(source, node, text), cost
        elif first:
            yield insert_before(source, node, text), cost + 0.2


def scope_kind(source: Source, owner: ast.ClassDef, name: str) -> str | None:
    """What `self.name` seems to hold, from its uses in all methods of a class."""
    for member in owner.body:
        if isinstance(member, FunctionNode):
            kind = scope_facts(source, member.body[0]).kind(f"self.{name}")
            if kind is not None:
                return kind
    return None


def _initial_values(kind: str | None) -> list[str]:
    table = {"number": ["0", "1"], "text": ["''"], "flag": ["False", "True"], "list": ["[]"], "set": ["set()"],
             "dict": ["{}"], "sequence": ["[]", "()"]}  # fmt: skip
    return [*table.get(kind or "", ["None", "[]", "{}", "0", "False"]), *(["None"] if kind in table else [])]


def _attributes(source: Source, owner: ast.ClassDef) -> tuple[set[str], set[str]]:
    """(attributes of `self` that a class reads, those it or its body defines)."""
    table: dict[ast.ClassDef, tuple[set[str], set[str]]] = source.__dict__.setdefault("_attributes", {})
    if owner not in table:
        read: set[str] = set()
        stored: set[str] = set()
        for node in ast.walk(owner):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self":
                (read if isinstance(node.ctx, ast.Load) else stored).add(node.attr)
        stored |= set(source.bindings(owner))
        stored |= {name for name in read if name.startswith("__")}
        if owner.bases:
            read -= _called_only(owner)
        table[owner] = (read, stored)
    return table[owner]


def _called_only(owner: ast.ClassDef) -> set[str]:
    """Attributes that a class only calls: with base classes around, then likely inherited methods."""
    calls = {id(part.func) for part in ast.walk(owner) if isinstance(part, ast.Call)}
    uses = [part for part in ast.walk(owner) if isinstance(part, ast.Attribute)]
    return {use.attr for use in uses} - {use.attr for use in uses if id(use) not in calls}
