"""Operators that add what is forgotten around a value: the last group after a loop, a correction, a clean form."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from quantatissu.rewriting.blocks import LoopNode, insert_after, insert_before, is_docstring
from quantatissu.rewriting.edits import Edit
from quantatissu.rewriting.facts import (
    DICT,
    FLAG,
    LIST,
    NUMBER,
    SELF_NAMES,
    SEQUENCE,
    SIZED,
    TEXT,
    Scope,
    function_start,
    names_in,
    scope_facts,
)
from quantatissu.rewriting.operators import Change, operator
from quantatissu.rewriting.project import Project
from quantatissu.rewriting.source import FunctionNode, Source, Statement

_COLLECTING = frozenset({"append", "add", "extend", "write", "appendleft", "insert", "put", "push", "update"})
_MAX_CORRECTIONS = 16
_MAX_CLEANED = 3
_CLEAN = {
    TEXT: ("{}.strip()", "{}.lower()", "{}.upper()", "int({})"),
    NUMBER: ("abs({})", "int({})"),
    LIST: ("sorted({})", "list({})"),
    SEQUENCE: ("sorted({})", "list({})"),
    DICT: ("dict({})",),
    None: ("{}.strip()", "{}.lower()", "int({})", "list({})", "sorted({})", "abs({})"),
}


@operator("flush_last", ast.For, ast.AsyncFor, ast.While, family="statement", prior=-2.2, inverse="delete_statement")
def flush_last(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """After a loop that closes groups as it meets the next one: `if group: groups.append(group)` for the last."""
    assert isinstance(node, LoopNode)
    known = "\n".join(source.segment(other) for other in source.block_of(node) if other.lineno > node.lineno)
    for part in ast.walk(node):
        for block in (getattr(part, "body", None), getattr(part, "orelse", None)):
            if not isinstance(block, list) or part is node:
                continue
            for index, statement in enumerate(block):
                text = source.segment(statement)
                begun = [name for later in block[index + 1 :] for name in _assigned_names(later)]
                closed = [name for name in dict.fromkeys(begun) if name in _collected(statement)]
                if closed and "\n" not in text and text not in known:
                    for place, name in enumerate(closed[:2]):
                        yield insert_after(source, node, f"if {name}:", f"\t{text}"), 0.4 * place
                    yield insert_after(source, node, text), 0.3


def _collected(statement: ast.stmt) -> set[str]:
    """The names in what a statement puts into a collection or yields."""
    match statement:
        case ast.Expr(value=ast.Call(func=ast.Attribute(attr=method), args=args)) if method in _COLLECTING:
            return {name for argument in args for name in names_in(argument)}
        case ast.Expr(value=ast.Yield(value=ast.expr() as value)) | ast.AugAssign(value=value):
            return names_in(value)
        case ast.Assign(targets=[ast.Subscript() as place], value=value):
            return names_in(value) | names_in(place.slice)
        case _:
            return set()


def _assigned_names(statement: ast.stmt) -> set[str]:
    match statement:
        case ast.Assign(targets=targets):
            return {name for target in targets if not isinstance(target, ast.Subscript) for name in names_in(target)}
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="clear"))):
            return {name}
        case _:
            return set()


@operator("correct_value", ast.Assign, ast.AugAssign, family="guard", prior=-4.4, inverse="delete_statement")
def correct_value(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """After an assignment: `if x < 0: x += 7`, `if x > most: x = most`, `if negative: x = -x`."""
    assert isinstance(node, ast.Assign | ast.AugAssign)
    target = node.targets[0] if isinstance(node, ast.Assign) else node.target
    scope = scope_facts(source, node)
    if not isinstance(target, ast.Name) or scope.function is None or scope.kind(target.id) not in (NUMBER, None):
        return
    name = target.id
    ranked: list[tuple[float, str, str]] = []
    for index, flag in enumerate(other for other in _before(scope, node) if scope.kind(other) == FLAG):
        ranked.append((0.0 + 0.4 * index, flag, f"{name} = -{name}"))
    certain = scope.kind(name) == NUMBER or _is_arithmetic(node)
    for index, bound in enumerate(_bounds(source, scope, node, name) if certain else ()):
        cost = 0.8 + 0.3 * index
        ranked += [
            (cost, f"{name} > {bound}", f"{name} = {bound}"),
            (cost, f"{name} < {bound}", f"{name} = {bound}"),
            (cost, f"{name} <= 0", f"{name} += {bound}"),
            (cost + 0.1, f"{name} < 0", f"{name} += {bound}"),
            (cost + 0.2, f"{name} >= {bound}", f"{name} -= {bound}"),
            (cost + 0.3, f"{name} > {bound}", f"{name} -= {bound}"),
            (cost + 0.4, f"{name} == {bound}", f"{name} -= 1"),
        ]
    if certain:
        ranked += [(1.0, f"{name} < 0", f"{name} = 0"), (1.6, f"{name} < 1", f"{name} = 1")]
    for cost, condition, action in sorted(ranked)[:_MAX_CORRECTIONS]:
        yield insert_after(source, node, f"if {condition}:", f"\t{action}"), cost


def _is_arithmetic(node: ast.Assign | ast.AugAssign) -> bool:
    return isinstance(node, ast.AugAssign) or isinstance(node.value, ast.BinOp | ast.Constant)


def _before(scope: Scope, node: Statement) -> list[str]:
    """The variables with a value before a statement, the nearest first."""
    return [name for name, _ in scope.near(node.lineno) if scope.bound[name] < node.lineno]


def _bounds(source: Source, scope: Scope, node: Statement, name: str) -> list[str]:
    """What a number may be held to: other numbers of the function, and its own constants beyond 1."""
    assert scope.function is not None
    names = [other for other in _before(scope, node) if other != name and scope.kind(other) == NUMBER]
    constants = [
        source.segment(part)
        for part in ast.walk(scope.function)
        if isinstance(part, ast.Constant) and isinstance(part.value, int | float) and part.value > 1
    ]
    return [*names[:2], *dict.fromkeys(constants[:3])]


@operator("clean_name", ast.stmt, family="statement", prior=-3.9, inverse="delete_statement")
def clean_name(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """`text = text.strip()`, `unit = unit.lower()`: for parameters and names bound several at once or by a loop."""
    assert isinstance(node, ast.stmt)
    scope = scope_facts(source, node)
    if scope.function is None or is_docstring(source, node):
        return
    for index, name in enumerate(_just_bound(source, scope, node)):
        sized = [f"{{}} % len({other})" for other in scope.plain_parameters if scope.kind(other) in SIZED]
        wrapped = sized[:1] if scope.kind(name) in (NUMBER, None) else []
        for place, form in enumerate((*_CLEAN.get(scope.kind(name), ()), *wrapped)):
            yield insert_before(source, node, f"{name} = {form.format(name)}"), 0.4 * index + 0.3 * place


def _just_bound(source: Source, scope: Scope, node: ast.stmt) -> list[str]:
    """Names that something other than an assignment of their own has bound right before a statement."""
    if function_start(source, node):
        return scope.plain_parameters[:_MAX_CLEANED]
    block = source.block_of(node)
    parent = source.parents[node]
    if block[0] is node and isinstance(parent, ast.For | ast.AsyncFor) and block is parent.body:
        return [name for name in _targets(parent.target) if name != "_"][:_MAX_CLEANED]
    before = block[next(index for index, other in enumerate(block) if other is node) - 1]
    if before.lineno < node.lineno and isinstance(before, ast.Assign) and isinstance(before.targets[0], ast.Tuple):
        return [name for name in _targets(before.targets[0]) if name not in SELF_NAMES][:_MAX_CLEANED]
    return []


def _targets(target: ast.expr) -> list[str]:
    return [part.id for part in ast.walk(target) if isinstance(part, ast.Name)]


# -- the first of several -------------------------------------------------------------------------------------------


@operator("start_from_none", ast.Assign, family="statement", prior=-2.4, inverse="start_from_number")
def start_from_none(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """`best = 0` -> `best = None` and `if x > best:` -> `if best is None or x > best:`."""
    assert isinstance(node, ast.Assign)
    match node:
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=int() | float()) as start):
            pass
        case _:
            return
    for test in _tests_of(source, node, name):
        if isinstance(test, ast.Compare) and len(test.ops) == 1:
            at = source.span(test)[0]
            yield (Edit(*source.span(start), "None"), Edit(at, at, f"{name} is None or ")), 0.0


@operator("start_from_number", ast.Assign, family="statement", prior=-5.0, inverse="start_from_none")
def start_from_number(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """`best = None` -> `best = 0` and `if best is None or x > best:` -> `if x > best:`."""
    assert isinstance(node, ast.Assign)
    match node:
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=None) as start):
            pass
        case _:
            return
    for test in _tests_of(source, node, name):
        match test:
            case ast.BoolOp(op=ast.Or(), values=[ast.Compare(left=ast.Name(id=asked), ops=[ast.Is()]) as first, then]):
                if asked == name:
                    gone = Edit(source.span(first)[0], source.span(then)[0], "")
                    yield (Edit(*source.span(start), "0"), gone), 0.0


def _tests_of(source: Source, node: ast.Assign, name: str) -> Iterator[ast.expr]:
    """Tests further down in the function that ask about a name and guard a new value for it."""
    scope = source.function_of(node)
    for part in ast.walk(scope) if isinstance(scope, FunctionNode) else ():
        if (
            isinstance(part, ast.If)
            and part.lineno > node.lineno
            and name in names_in(part.test)
            and any(name in _assigned_names(statement) for statement in part.body)
        ):
            yield part.test
