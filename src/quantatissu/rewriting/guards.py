"""Operators that put a condition in front of code: early returns, base cases, membership guards, wrapping in `if`."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from quantatissu.rewriting.blocks import (
    DefinitionNode,
    JumpNode,
    PlainCompound,
    insert_before,
    is_docstring,
    last_line,
    line_end,
    lines_of,
    loops_around,
    reindent,
)
from quantatissu.rewriting.edits import Edit
from quantatissu.rewriting.facts import (
    CONTAINERS,
    DICT,
    FLAG,
    NUMBER,
    SELF_NAMES,
    SIZED,
    TEXT,
    Scope,
    function_start,
    names_at,
    names_in,
    scope_facts,
)
from quantatissu.rewriting.operators import Change, operator
from quantatissu.rewriting.project import Project, dotted
from quantatissu.rewriting.source import BUILTIN_NAMES, Source, Statement

MAX_BASE_CASES = 40
MAX_ENTRY_GUARDS = 24
MAX_GUARDS = 12
MAX_WRAPS = 10
Ranked = list[tuple[str, float]]


def emptiness(name: str, kind: str | None) -> Ranked:
    """Conditions under which a value is degenerate: (text, cost), most likely first."""
    if kind == NUMBER:
        return [
            (f"{name} == 0", 0.0),
            (f"{name} <= 0", 0.4),
            (f"{name} < 0", 0.5),
            (f"{name} <= 1", 0.6),
            (f"{name} == 1", 0.7),
            (f"{name} is None", 1.2),
            (f"{name} < 2", 1.4),
        ]
    if kind == FLAG:
        return [(name, 0.3), (f"not {name}", 0.0)]
    if kind in SIZED:
        found = [(f"not {name}", 0.0), (f"{name} is None", 0.8)]
        if kind not in (DICT,):
            found += [(f"len({name}) == 1", 1.2), (f"len({name}) <= 1", 0.9), (f"len({name}) < 2", 1.5)]
        return found
    return [(f"{name} is None", 0.0), (f"not {name}", 0.2), (f"{name} == 0", 1.1)]


def _pairs(scope: Scope, names: list[str]) -> Ranked:
    """Conditions between two parameters of a kind, for base cases of two arguments."""
    found: Ranked = []
    for index, left in enumerate(names[:4]):
        for right in names[index + 1 : 4]:
            if scope.kind(left) == scope.kind(right) and scope.kind(left) in (NUMBER, TEXT, None):
                found += [(f"{left} == {right}", 0.9), (f"{left} > {right}", 1.0), (f"{left} >= {right}", 1.2)]
                found += [(f"{left} < {right}", 1.4)]
    return found


def base_case_results(source: Source, scope: Scope, conditioned: set[str], visible: set[str]) -> Ranked:
    """What an early return may give back: the function's own constants, identities, and the parameters themselves."""
    if scope.generator:
        return [("", 0.0)]
    found: dict[str, float] = {}

    def offer(text: str, cost: float) -> None:
        found[text] = min(cost, found.get(text, 99.0))

    for index, text in enumerate(scope.identities):
        offer(text, 0.2 + 0.4 * index)
    for node in scope.returns:
        text = source.segment(node)
        simple = len(text) <= 40 and "\n" not in text
        if simple and names_in(node) <= visible:
            calls = any(isinstance(part, ast.Call) for part in ast.walk(node))
            offer(text, 1.2 if calls else 0.3)
        if simple and isinstance(node, ast.BinOp | ast.Call | ast.BoolOp):
            # The parts of a combined result are natural results of a base case: `first + f(rest)` -> `first`.
            parts = [node.left, node.right] if isinstance(node, ast.BinOp) else []
            for part in parts:
                if names_in(part) <= visible and not any(isinstance(inner, ast.Call) for inner in ast.walk(part)):
                    offer(source.segment(part), 0.9)
    for name in scope.plain_parameters:
        offer(name, 0.7 if name in conditioned else 0.9)
        if scope.recursive:
            offer(f"[{name}]", 1.8)
    if scope.recursive:
        for text, cost in (("[[]]", 2.0), ("1", 1.0), ("0", 1.0), ("[]", 1.0), ("''", 1.8), ("True", 1.6)):
            offer(text, cost)
    if scope.bare_return or not scope.returns:
        offer("", 0.0)
        found.pop("None", None)
    return sorted(found.items(), key=lambda item: (item[1], item[0]))


@operator("entry_guard", ast.stmt, family="guard", prior=-3.6, inverse="delete_statement")
def entry_guard(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """At a function's start: `if x is None: return ...`, `if not xs: return ...`, a recursion's base case, ...

    The prior is that of a recursive function without any condition.
    """
    assert isinstance(node, ast.stmt)
    if not function_start(source, node) or is_docstring(source, node) or lines_of(source, node) is None:
        return
    scope = scope_facts(source, node)
    visible = set(scope.parameters) | BUILTIN_NAMES | {"None", "True", "False"}
    ranked: list[tuple[float, str, str]] = []
    conditions: Ranked = []
    for index, name in enumerate(scope.plain_parameters[:5]):
        conditions += [(text, cost + 0.4 * index) for text, cost in emptiness(name, scope.kind(name))]
    conditions += _pairs(scope, scope.plain_parameters)
    known = {source.segment(test) for test in scope.tests}
    late = (0.0 if not scope.tests else 1.0) if scope.recursive else 1.8
    for condition, cost in conditions:
        if condition in known:
            continue
        mentioned = set(re.findall(r"[^\W\d]\w*", condition))
        for result, more in base_case_results(source, scope, mentioned, visible):
            ranked.append((late + cost + more, condition, f"return {result}".rstrip()))
        name = condition.split(" ")[0]
        if condition.endswith("is None"):
            ranked += [
                (1.0 + cost + more, condition, f"{name} = {value}") for value, more in _defaults(scope.kind(name))
            ]
        if condition.startswith("not ") or condition.endswith((" is None", "< 0", "<= 0")):
            ranked.append((1.8 + cost, condition, f"raise ValueError({name.removeprefix('not ')!r})"))
    ranked.sort()
    for total, condition, action in ranked[: MAX_BASE_CASES if scope.recursive else MAX_ENTRY_GUARDS]:
        yield insert_before(source, node, f"if {condition}:", f"\t{action}"), total


def _defaults(kind: str | None) -> Ranked:
    table = {NUMBER: "0", TEXT: "''", DICT: "{}", FLAG: "False", "list": "[]", "set": "set()"}
    if kind in table:
        return [(table[kind], 0.0)]
    return [("[]", 0.2), ("{}", 0.4)]


# -- in front of any statement --------------------------------------------------------------------------------------


def dangers(source: Source, scope: Scope, node: Statement) -> Ranked:
    """Conditions under which a statement is likely to fail or to be unwanted, most likely first.

    Divisors that may be 0, containers that may be empty, keys that may be missing, values that may be None.
    """
    found: dict[str, float] = {}

    def offer(text: str, cost: float) -> None:
        found[text] = min(cost, found.get(text, 99.0))

    variables = set(scope.bound)
    for part in source.own_nodes(node):
        if isinstance(part, ast.BinOp) and isinstance(part.op, ast.Div | ast.FloorDiv | ast.Mod):
            divisor = source.segment(part.right)
            if isinstance(part.right, ast.Name | ast.Attribute) and scope.kind(divisor) != TEXT:
                offer(f"{divisor} == 0", 0.2)
            elif isinstance(part.right, ast.Call) and len(divisor) < 30 and "\n" not in divisor:
                offer(f"{divisor} == 0", 0.3)
        elif isinstance(part, ast.Subscript) and not isinstance(part.slice, ast.Slice | ast.Tuple | ast.NamedExpr):
            base, key = dotted(part.value), source.segment(part.slice)
            if base and base.partition(".")[0] in variables and "\n" not in key:
                fixed = isinstance(part.slice, ast.Constant | ast.UnaryOp)
                offer(f"not {base}", 0.5 if fixed else 1.2)
                if not isinstance(part.slice, ast.UnaryOp):
                    offer(f"{key} not in {base}", 0.3 if scope.kind(base) == DICT else 1.0)
                    offer(f"{key} in {base}", 1.0 if scope.kind(base) == DICT else 1.9)
                if not fixed:
                    offer(f"{key} >= len({base})", 1.3)
        elif isinstance(part, ast.Attribute):
            base = dotted(part.value)
            if base and base.partition(".")[0] in variables and base not in SELF_NAMES:
                offer(f"{base} is None", 0.6)
                offer(f"not {base}", 0.8)
        elif isinstance(part, ast.Name) and part.id in variables - SELF_NAMES and scope.bound[part.id] < node.lineno:
            for text, cost in emptiness(part.id, scope.kind(part.id))[:3]:
                offer(text, 1.0 + cost)
    _offer_membership(scope, node, offer)
    return sorted(found.items(), key=lambda item: (item[1], item[0]))


def _offer_membership(scope: Scope, node: Statement, offer: object) -> None:
    """`x in seen` for the containers of the scope and the variables of the statement."""
    assert callable(offer)
    used = names_in(node) & set(scope.bound)
    for container in list(scope.kinds):
        kind = scope.kind(container)
        root = container.partition(".")[0]
        if kind not in CONTAINERS or (root not in scope.bound and root not in SELF_NAMES):
            continue
        if scope.bound.get(container, 0) >= node.lineno:
            continue
        for name in sorted(used - {container}):
            if scope.kind(name) not in CONTAINERS:
                plain = 0.8 if container not in scope.members_tested else 1.4
                offer(f"{name} in {container}", plain + (0.0 if kind != "list" else 0.5))


@operator("guard", ast.stmt, family="guard", prior=-5.1, inverse="delete_statement")
def guard(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """Before a statement that may fail: `if x is None: return ...`, `if x in seen: continue`, ..."""
    assert isinstance(node, ast.stmt)
    scope = scope_facts(source, node)
    if scope.function is None or isinstance(node, ast.Pass | ast.Break | ast.Continue | DefinitionNode):
        return
    if is_docstring(source, node) or lines_of(source, node) is None:
        return
    actions: Ranked = []
    if loops_around(source, node):
        actions += [("continue", 0.0), ("break", 1.0)]
    later = 0.7 if actions else 0.0
    bound = {name for name, line in scope.bound.items() if line < node.lineno or name in scope.parameters}
    visible = bound | BUILTIN_NAMES | {"None", "True", "False"}
    for result, cost in base_case_results(source, scope, set(), visible)[:4]:
        actions.append((f"return {result}".rstrip(), later + cost))
    ranked = [
        (cost + more, condition, action)
        for condition, cost in dangers(source, scope, node)[:8]
        for action, more in actions
    ]
    ranked.sort()
    start = function_start(source, node)
    for total, condition, action in ranked[:MAX_GUARDS]:
        plain = condition.endswith(" is None") or condition.startswith("not ")
        if not (start and plain):  # those are entry guards
            yield insert_before(source, node, f"if {condition}:", f"\t{action}"), total


_OPPOSITES = {" is None": " is not None", " == ": " != ", " >= ": " < ", " <= ": " > ", " > ": " <= ", " < ": " >= "}


def negated(condition: str) -> str:
    """The opposite of a simple condition, as one would write it."""
    if condition.startswith("not "):
        return condition[4:]
    if " not in " in condition:
        return condition.replace(" not in ", " in ", 1)
    if " in " in condition:
        return condition.replace(" in ", " not in ", 1)
    for text, opposite in _OPPOSITES.items():
        if text in condition:
            return condition.replace(text, opposite, 1)
    return f"not {condition}"


@operator("wrap_if", ast.stmt, family="guard", prior=-4.9, inverse="unwrap_block")
def wrap_if(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """Make a statement conditional: `if x is not None:` around it, or a condition used nearby."""
    assert isinstance(node, ast.stmt)
    scope = scope_facts(source, node)
    if scope.function is None or isinstance(node, DefinitionNode | ast.Pass | ast.Import | ast.ImportFrom):
        return
    lines = lines_of(source, node)
    if lines is None or is_docstring(source, node) or lines[1] - lines[0] > 12:
        return
    indent = source.lines[lines[0] - 1][: node.col_offset]
    text = reindent(source, *lines, indent, indent + source.indent_unit)
    if text is None:
        return
    size = 0.15 * (lines[1] - lines[0]) + (0.5 if isinstance(node, PlainCompound) else 0.0)
    size += 0.0 if isinstance(node, JumpNode | ast.Expr | ast.AugAssign) else 0.3
    at = source.line_span(*lines)
    newline = line_end(source, lines[0])
    for condition, cost in _wrapping_conditions(source, scope, node)[:MAX_WRAPS]:
        yield (Edit(*at, f"{indent}if {condition}:{newline}{text}"),), size + cost


def _wrapping_conditions(source: Source, scope: Scope, node: Statement) -> Ranked:
    found: dict[str, float] = {}
    for condition, cost in dangers(source, scope, node)[:10]:
        found[negated(condition)] = cost
    visible = names_at(source, node)
    own = names_in(node)
    for test in scope.tests:
        text = source.segment(test)
        if "\n" in text or len(text) > 60 or _holds(test, node):
            continue
        names = names_in(test)
        if names <= set(visible) | BUILTIN_NAMES and _bound_before(scope, names, node.lineno):
            cost = 0.8 + min(2.0, 0.1 * abs(test.lineno - node.lineno)) - (0.3 if names & own else 0.0)
            found[text] = min(found.get(text, 99.0), cost)
            if not isinstance(test, ast.BoolOp | ast.IfExp | ast.NamedExpr | ast.Lambda):
                opposite = negated(text)
                found[opposite] = min(found.get(opposite, 99.0), cost + 0.4)
    for name, cost in scope.near(node.lineno)[:6]:
        if scope.kind(name) == FLAG and scope.bound[name] < node.lineno:
            found.setdefault(name, 0.6 + cost)
            found.setdefault(f"not {name}", 0.7 + cost)
    return sorted(found.items(), key=lambda item: (item[1], item[0]))


def _holds(test: ast.expr, node: Statement) -> bool:
    """Whether a test is part of the statement."""
    return node.lineno <= test.lineno <= last_line(node)


def _bound_before(scope: Scope, names: set[str], line: int) -> bool:
    return all(scope.bound.get(name, 0) <= line for name in names)
