"""Operators that set a variable again: back to what it started from, or to what it should be from here on."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from quantatissu.rewriting.blocks import (
    JumpNode,
    LoopNode,
    append_else,
    insert_after,
    insert_before,
    last_line,
    loops_around,
    run_lines,
)
from quantatissu.rewriting.facts import (
    FLAG,
    NUMBER,
    TEXT,
    Scope,
    facts_of,
    is_constant_like,
    names_at,
    names_in,
    own_code,
    scope_facts,
)
from quantatissu.rewriting.operators import Change, operator
from quantatissu.rewriting.project import Project, dotted
from quantatissu.rewriting.source import FunctionNode, Source, Statement
from quantatissu.rewriting.statements import can_insert

_MAX_VALUES = 8
_MAX_RESETS = 4


def _starts(source: Source, node: Statement) -> dict[str, str]:
    """Variables that start as a constant or empty before a statement, and ``self.x`` that does in ``__init__``:
    name -> value as written, the latest first.
    """
    scope = scope_facts(source, node)
    starts = {name: value for line, name, value in reversed(_assigned(source, scope.node)) if line < node.lineno}
    owner = source.class_of(node)
    if scope.is_method and owner is not None:
        for member in owner.body:
            if isinstance(member, FunctionNode) and member.name == "__init__" and member is not scope.node:
                for _, name, value in _assigned(source, member):
                    if name.startswith("self."):
                        starts.setdefault(name, value)
    return starts


def _assigned(source: Source, scope: ast.AST) -> list[tuple[int, str, str]]:
    """The assignments of constants and empty containers in a scope, by line: (line, name, value as written)."""
    table: dict[ast.AST, list[tuple[int, str, str]]] = source.__dict__.setdefault("_assigned_starts", {})
    if scope not in table:
        found = []
        for part in own_code(scope):
            if isinstance(part, ast.Assign) and len(part.targets) == 1 and (name := dotted(part.targets[0])):
                value = part.value
                empty = isinstance(value, ast.Call) and not value.args and not value.keywords
                if is_constant_like(value) or (empty and dotted(value) is None and names_in(value)):
                    found.append((part.lineno, name, source.segment(value)))
        table[scope] = sorted(found)
    return table[scope]


def _changed(source: Source, holder: ast.If | LoopNode) -> set[str]:
    """Variables and members that the body of an `if` or a loop binds, mentions by a dot or calls a method of."""
    table: dict[ast.AST, set[str]] = source.__dict__.setdefault("_changed_in_body", {})
    if holder not in table:
        changed = table[holder] = set()
        for part in (part for statement in holder.body for part in ast.walk(statement)):
            match part:
                case ast.Name(id=name, ctx=ast.Store()):
                    changed.add(name)
                case ast.Attribute() if found := dotted(part):
                    changed.add(found)
                case ast.Call(func=ast.Attribute(value=value)) if found := dotted(value):
                    changed.add(found)
    return table[holder]


@operator("add_reset_branch", ast.If, family="statement", prior=-3.0, inverse="drop_branch")
def add_reset_branch(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """Add an `else` in a loop that sets back what the branches before it change: `else: run = 0`."""
    assert isinstance(node, ast.If)
    if node.orelse or run_lines(source, node.body) is None or not loops_around(source, node):
        return
    if isinstance(node.body[-1], JumpNode):
        return
    changed = _changed(source, node)
    starts = [item for item in _starts(source, node).items() if item[0] in changed]
    for index, (name, value) in enumerate(starts[:_MAX_RESETS]):
        yield append_else(source, node, f"{name} = {value}"), 0.3 * index


@operator("insert_assignment", ast.stmt, family="statement", prior=-3.6, inverse="delete_statement")
def insert_assignment(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """Set a variable anew: back to its start in a loop or method, or in an `if` that asks about it to another value."""
    assert isinstance(node, ast.stmt)
    if not can_insert(source, node):
        return
    scope = scope_facts(source, node)
    last = source.block_of(node)[-1] is node and not isinstance(node, JumpNode)
    for text, cost in _assignments(source, node, scope):
        if last:
            yield insert_after(source, node, text), cost
        yield insert_before(source, node, text), cost + 0.3


def _assignments(source: Source, node: Statement, scope: Scope) -> list[tuple[str, float]]:
    """Assignments that may be missing beside a statement: (text, cost), best first."""
    found: dict[str, float] = {}
    parent = source.parents[node]
    here = source.segment(node)
    if isinstance(parent, ast.If) and any(member is node for member in parent.body):
        asked = [name for name in scope.bound if name in names_in(parent.test) and name not in ("self", "cls")]
        for place, name in enumerate(asked[:2]):
            for index, value in enumerate(_other_values(source, node, scope, name)[:_MAX_VALUES]):
                found[f"{name} = {value}"] = 0.4 + 0.5 * place + 0.15 * index
    loops = loops_around(source, node)
    if loops or scope.is_method:
        near = {name: place for place, (name, _) in enumerate(scope.near(last_line(node)))}
        changed = _changed(source, loops[-1]) if loops else set()
        starts = [
            (name, value)
            for name, value in _starts(source, node).items()
            if (name in changed and name not in scope.parameters) or name.startswith("self.")
        ]
        starts.sort(key=lambda item: near.get(item[0], 9))
        for index, (name, value) in enumerate(starts[:_MAX_RESETS]):
            cost = 1.0 + 0.3 * index + (0.8 if name.startswith("self.") else 0.0)
            found.setdefault(f"{name} = {value}", cost)
    found.pop(here, None)
    return sorted(found.items(), key=lambda item: (item[1], item[0]))


def _other_values(source: Source, node: Statement, scope: Scope, name: str) -> list[str]:
    """What a variable that is not as wanted may be set to: the file's constants, variables near by, plain values."""
    visible = names_at(source, node)
    kind = scope.kind(name)
    module = facts_of(source, source.tree)
    constants = [
        other
        for other, origin in visible.items()
        if origin in ("global", "local")
        and other.isupper()
        and (other not in module.bound or module.kind(other) in (kind, TEXT, NUMBER, FLAG, None))
    ]
    near = [
        other
        for other, _ in scope.near(node.lineno)
        if other != name and scope.bound[other] <= node.lineno and scope.kind(other) in (kind, None)
    ]
    plain = {"number": ["0", "1"], "text": ["''"], "list": ["[]"], "flag": ["False", "True"]}.get(kind or "", [])
    return [*constants[:4], *near[:3], *plain, "None"]
