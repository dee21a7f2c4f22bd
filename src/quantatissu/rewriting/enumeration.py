"""What may be missing, enumerated: small statements, conditions and operands over the names in scope.

The other operators know slips that people make often. Forgotten code has no such list, so these rows go through all
that can be said in a few words with what a function has at hand: `pending.clear()`, `if left == right: return 0`,
`total + fee`, `ready and count > limit`. Their priors are so low that the search comes to them when everything else was
tried; within a row the nearest names and the commonest forms come first.
"""

from __future__ import annotations

import ast
import heapq
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

from quantatissu.rewriting.blocks import else_line, insert_after, insert_before, is_docstring, lines_of, loops_around
from quantatissu.rewriting.context import Changes, Context, expression
from quantatissu.rewriting.edits import Edit
from quantatissu.rewriting.facts import (
    DEQUE,
    DICT,
    FLAG,
    LIST,
    NUMBER,
    SELF_NAMES,
    SEQUENCE,
    SET,
    SIZED,
    TEXT,
    Scope,
    scope_facts,
)
from quantatissu.rewriting.guards import base_case_results
from quantatissu.rewriting.kinds import NUMBERS, kind
from quantatissu.rewriting.operators import Change, operator
from quantatissu.rewriting.precedence import Level
from quantatissu.rewriting.project import Project, dotted
from quantatissu.rewriting.source import BUILTIN_NAMES, Source, Statement

PRIOR = -8.0
_MAX_ATOMS = 9
_MAX_CONDITIONS = 90
_MAX_STATEMENTS = 220
_MAX_GUARDS = 600
_MAX_OPERANDS = 60
_MAX_ALTERNATIVES = 120
_MAX_GUARDED = 40
_ON_TOPIC = 1.6  # nats for a guarded statement that changes what its condition asks about
Ranked = list[tuple[float, str]]

_METHODS: dict[str | None, tuple[str, ...]] = {
    LIST: ("append({})", "clear()", "sort()", "pop()", "remove({})", "reverse()", "pop(0)", "extend({})"),
    SET: ("add({})", "discard({})", "clear()", "remove({})", "update({})"),
    DICT: ("pop({}, None)", "clear()", "update({})", "pop({})"),
    DEQUE: ("append({})", "popleft()", "clear()", "pop()", "appendleft({})"),
    None: ("append({})", "clear()", "add({})", "discard({})"),
}
_BEGINNINGS: dict[str | None, tuple[str, ...]] = {FLAG: ("False", "True"), LIST: ("[]",), DICT: ("{}",), TEXT: ("''",)}
_OPERATORS = (" + ", " - ", " * ", " // ", " / ", " % ")


@dataclass(frozen=True, slots=True)
class Atom:
    """A variable, member or constant, what it seems to hold, and how far off it is in nats."""

    text: str
    kind: str | None
    cost: float


def atoms(source: Source, node: ast.AST, *, behind: bool = False) -> list[Atom]:
    """What a place has at hand, the nearest first: variables with a value by then, and members. ``behind`` the node
    there is what it assigns, too.
    """
    scope = scope_facts(source, node)
    line = getattr(node, "lineno", 0) + behind
    found: dict[str, Atom] = {}
    for name, cost in scope.near(line):
        if scope.bound[name] < line and name not in SELF_NAMES:
            found[name] = Atom(name, scope.kind(name), cost)
    for text, distance in _members(source, scope, line):
        found.setdefault(text, Atom(text, scope.kind(text), 0.4 + distance))
    return sorted(found.values(), key=lambda atom: atom.cost)[:_MAX_ATOMS]


def _members(source: Source, scope: Scope, line: int) -> list[tuple[str, float]]:
    """``self.x`` of the class, and ``a.b`` that the function mentions, without methods."""
    table: dict[ast.AST, list[tuple[str, int]]] = source.__dict__.setdefault("_members_mentioned", {})
    if scope.node not in table:
        owner = source.class_of(scope.node.body[0]) if scope.is_method else None
        mentioned: dict[str, int] = {}
        for holder in (owner, scope.node):
            for part in ast.walk(holder) if holder is not None else ():
                if not isinstance(part, ast.Attribute) or source.is_called(part):
                    continue
                text = dotted(part)
                if text and (holder is scope.node or text.startswith("self.")):
                    mentioned[text] = part.lineno
        table[scope.node] = list(mentioned.items())
    return [(text, min(1.5, 0.05 * abs(at - line))) for text, at in table[scope.node] if text.count(".") == 1]


def _constants(scope: Scope) -> list[Atom]:
    """0, 1, and the other numbers and short strings that a function mentions."""
    seen = {"0": Atom("0", NUMBER, 0.2), "1": Atom("1", NUMBER, 0.6)}
    for part in ast.walk(scope.node):
        if isinstance(part, ast.Constant) and type(part.value) in (int, float, str) and len(repr(part.value)) <= 12:
            text = scope.source.segment(part)
            held = TEXT if isinstance(part.value, str) else NUMBER
            if text[:1] not in ("f", "F") and text.isprintable():
                seen.setdefault(text, Atom(text, held, 0.9))
    return list(islice(seen.values(), 7))


def conditions(source: Source, node: ast.AST) -> Ranked:
    """Short conditions over what a place has at hand, the likeliest first; remembered by line."""
    scope = scope_facts(source, node)
    table: dict[tuple[ast.AST, int], Ranked] = source.__dict__.setdefault("_conditions_by_line", {})
    key = scope.node, getattr(node, "lineno", 0)
    if key not in table:
        table[key] = _conditions(atoms(source, node), _constants(scope))
    return table[key]


def _conditions(near: list[Atom], constants: list[Atom]) -> Ranked:
    found: dict[str, float] = {}

    def offer(text: str, cost: float) -> None:
        found[text] = min(cost, found.get(text, 99.0))

    for place, one in enumerate(near):
        if one.kind == FLAG:
            offer(one.text, one.cost)
            offer(f"not {one.text}", one.cost + 0.2)
        elif one.kind in SIZED or one.kind is None:
            offer(f"not {one.text}", one.cost + 0.4)
            offer(one.text, one.cost + 0.5)
        if one.kind is None:
            offer(f"{one.text} is None", one.cost + 0.5)
            offer(f"{one.text} is not None", one.cost + 0.6)
        for other in (*near[:place], *near[place + 1 :], *constants):
            _compare(one, other, other in near[:place], offer)
    ranked = sorted((cost, text) for text, cost in found.items())
    return ranked[:_MAX_CONDITIONS]


def _compare(one: Atom, other: Atom, asked: bool, offer: Callable[[str, float], None]) -> None:
    """Offer what compares two atoms; ``asked`` says that the other order of the two was offered before."""
    cost = one.cost + other.cost
    held = {one.kind, other.kind}
    if other.kind in (LIST, SET, DICT, DEQUE, SEQUENCE) and one.kind not in (LIST, SET, DICT, DEQUE):
        offer(f"{one.text} in {other.text}", cost + 0.4)
        offer(f"{one.text} not in {other.text}", cost + 0.5)
        if one.kind == NUMBER:
            offer(f"{one.text} < len({other.text})", cost + 1.0)
            offer(f"{one.text} >= len({other.text})", cost + 1.0)
        return
    if asked:
        return
    if held <= {NUMBER, None}:
        for place, symbol in enumerate(("==", ">", "<", ">=", "<=", "!=")):
            offer(f"{one.text} {symbol} {other.text}", cost + 0.3 + 0.1 * place)
    elif held <= {TEXT, None}:
        offer(f"{one.text} == {other.text}", cost + 0.4)
        offer(f"{one.text} != {other.text}", cost + 0.6)


def actions(source: Source, node: Statement, project: Project, *, behind: bool = False) -> Ranked:
    """Statements of a few words that change something at hand, the likeliest first."""
    near, constants = atoms(source, node, behind=behind), _constants(scope_facts(source, node))
    found: dict[str, float] = {}
    for one in near:
        others = [other for other in near if other.text != one.text]
        steps = [
            replace(other, cost=0.4) for other in constants if other.kind == NUMBER and other.text not in ("0", "1")
        ]
        for text, cost in (*_calls(one, others, project), *_counts(one, [*others, *steps]), *_settings(one, others)):
            found[text] = min(one.cost + cost, found.get(text, 99.0))
    return sorted((cost, text) for text, cost in found.items())[:_MAX_STATEMENTS]


def _calls(one: Atom, others: list[Atom], project: Project) -> Iterator[tuple[str, float]]:
    """Methods that change what an atom holds: those the project calls on it, and those of its kind."""
    seen = [_SEEN_METHODS[name] for name in project.members.get(one.text, {}) if name in _SEEN_METHODS]
    unsure = 0.6 if one.kind is None and not seen else 0.0
    for place, form in enumerate(dict.fromkeys((*seen, *_METHODS.get(one.kind, ())))):
        cost = 0.15 * place + unsure
        if "{}" in form:
            for other in others:
                yield f"{one.text}.{form.format(other.text)}", cost + other.cost
        else:
            yield f"{one.text}.{form}", cost + 0.2


def _counts(one: Atom, others: list[Atom]) -> Iterator[tuple[str, float]]:
    """Steps of a number."""
    if one.kind not in (NUMBER, None):
        return
    unsure = 1.0 if one.kind is None else 0.0
    yield f"{one.text} += 1", 0.3 + unsure
    yield f"{one.text} -= 1", 0.5 + unsure
    yield f"{one.text} = 0", 0.5 + unsure
    for other in others:
        if other.kind in (NUMBER, None):
            yield f"{one.text} += {other.text}", 0.4 + other.cost
            yield f"{one.text} -= {other.text}", 0.5 + other.cost


def _settings(one: Atom, others: list[Atom]) -> Iterator[tuple[str, float]]:
    """New values: what another atom of the kind holds, or a beginning."""
    for other in others:
        if other.kind == one.kind or None in (other.kind, one.kind):
            yield f"{one.text} = {other.text}", 0.6 + other.cost
    for value in _BEGINNINGS.get(one.kind, ()):
        yield f"{one.text} = {value}", 0.4


_SEEN_METHODS = {
    form.partition("(")[0]: form
    for form in (
        "append({})", "add({})", "discard({})", "remove({})", "clear()", "pop()", "popleft()", "sort()", "extend({})",
        "update({})", "appendleft({})", "move_to_end({})", "close()", "flush()", "reset()",
    )
}  # fmt: skip


@operator("any_statement", ast.stmt, family="statement", prior=PRIOR, inverse="delete_statement")
def any_statement(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """Before a statement, or behind the last of a block: `pending.clear()`, `total += fee`, `last = item`."""
    assert isinstance(node, ast.stmt)
    if not _is_place(source, node):
        return
    block = source.block_of(node)
    last = block[-1] is node and not isinstance(node, ast.Return | ast.Raise | ast.Continue | ast.Break)
    for cost, text in actions(source, node, project):
        yield insert_before(source, node, text), cost
    for cost, text in actions(source, node, project, behind=True) if last else ():
        yield insert_after(source, node, text), cost + 0.1


@operator("any_guard", ast.stmt, family="guard", prior=PRIOR, inverse="delete_statement")
def any_guard(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """Before a statement: `if left == right: return 0`, `if count > limit: count = limit`, `if word in seen: break`."""
    assert isinstance(node, ast.stmt)
    if not _is_place(source, node):
        return
    scope = scope_facts(source, node)
    then: Ranked = [(0.0, "continue"), (0.5, "break")] if loops_around(source, node) else []
    visible = {name for name, line in scope.bound.items() if line < node.lineno} | BUILTIN_NAMES
    then += [
        (0.3 * bool(then) + cost, f"return {result}".rstrip())
        for result, cost in base_case_results(source, scope, set(), visible | {"None", "True", "False"})[:4]
    ]
    then += [(1.0 + cost, text) for cost, text in actions(source, node, project)[:_MAX_GUARDED]]
    pairs = (
        (cost + more - _ON_TOPIC * _is_about(test, action), test, action)
        for cost, test in conditions(source, node)
        for more, action in then
    )
    for total, test, action in heapq.nsmallest(_MAX_GUARDS, pairs):
        yield insert_before(source, node, f"if {test}:", f"\t{action}"), total


def _is_about(test: str, action: str) -> bool:
    """Whether a statement changes what a condition asks about: `if count > limit: count = limit`."""
    changed = re.match(r"[\w.]+(?= [-+]?= )", action)
    return changed is not None and re.search(rf"(?<![\w.]){re.escape(changed[0])}(?![\w.(])", test) is not None


def _is_place(source: Source, node: ast.stmt) -> bool:
    scope = scope_facts(source, node)
    return (
        scope.function is not None
        and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Global | ast.Nonlocal)
        and not is_docstring(source, node)
        and lines_of(source, node) is not None
    )


@expression("any_clause", ast.expr, family="condition", prior=PRIOR, inverse="drop_clause")
def any_clause(node: ast.expr, here: Context) -> Changes:
    """``c`` -> ``c and x < limit``, ``c or x in seen``: another condition beside one."""
    parent = here.parents.get(node)
    tested = here.is_condition(node) and not isinstance(parent, ast.BoolOp | ast.UnaryOp)
    returned = isinstance(parent, ast.Return) and isinstance(node, ast.Compare | ast.BoolOp)
    if not (tested or returned) or here.source.function_of(node) is None:
        return
    own = here.code(node)
    for cost, test in conditions(here.source, node):
        for word, joined, extra in (("and", Level.AND, 0.0), ("or", Level.OR, 0.3)):
            ours = own if here.level(node) >= joined else f"({own})"
            yield (here.replace(node, f"{ours} {word} {test}", joined),), cost + extra


@operator("any_elif", ast.If, family="condition", prior=PRIOR, inverse="elif_to_else")
def any_elif(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """`else:` -> `elif x in seen:`: the rest only under a condition of its own."""
    assert isinstance(node, ast.If)
    middle = else_line(source, node)
    if middle is None or scope_facts(source, node).function is None:
        return
    line = source.lines[middle - 1]
    at = source.line_starts[middle - 1] + len(line) - len(line.lstrip(" \t\f"))
    for cost, test in conditions(source, node):
        yield (Edit(at, at + 4, f"elif {test}"),), cost


@expression("any_operand", ast.expr, family="operator", prior=PRIOR, inverse="drop_operand")
def any_operand(node: ast.expr, here: Context) -> Changes:
    """``x`` -> ``x + y``, ``x - y``, ``min(x, y)``, ``max(x, y)`` with another number at hand."""
    parent = here.parents.get(node)
    taken = isinstance(parent, ast.Assign | ast.AugAssign | ast.Return | ast.Compare | ast.Call | ast.Slice | ast.Tuple)
    taken |= isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Mult | ast.Div | ast.FloorDiv | ast.Mod)
    if not taken or isinstance(node, ast.Constant | ast.Starred | ast.GeneratorExp):
        return
    if not isinstance(getattr(node, "ctx", ast.Load()), ast.Load) or kind(node, here) not in (*NUMBERS, None):
        return
    if (isinstance(parent, ast.Call) and node is parent.func) or here.source.function_of(node) is None:
        return
    own, plain = here.code(node, Level.SUM), here.code(node, Level.TEST)
    ranked: list[tuple[float, str, Level]] = []
    for atom in _numbers(node, here):
        for place, symbol in enumerate(_OPERATORS):
            level = Level.SUM if symbol in _OPERATORS[:2] else Level.PRODUCT
            left = own if level == Level.SUM else here.code(node, Level.PRODUCT)
            ranked.append((atom.cost + 0.2 * place, f"{left}{symbol}{atom.text}", level))
        for place, bound in enumerate(("min", "max")):
            ranked.append((atom.cost + 0.3 + 0.1 * place, f"{bound}({plain}, {atom.text})", Level.ATOM))
    for cost, text, level in heapq.nsmallest(_MAX_OPERANDS, ranked):
        yield (here.replace(node, text, level),), cost


@expression("any_alternative", ast.expr, family="condition", prior=PRIOR, inverse="drop_ternary")
def any_alternative(node: ast.expr, here: Context) -> Changes:
    """``x`` -> ``x if y else z``: another value under a condition, where a value is kept or given back."""
    parent = here.parents.get(node)
    kept = isinstance(parent, ast.Assign | ast.AugAssign | ast.Return) and parent.value is node
    kept |= isinstance(parent, ast.Call) and isinstance(here.parents.get(parent), ast.Expr) and node in parent.args
    if not kept or isinstance(node, ast.IfExp | ast.Starred | ast.GeneratorExp):
        return
    if here.source.function_of(node) is None:
        return
    own = here.code(node, Level.OR)
    scope = scope_facts(here.source, node)
    others = [(0.3 * place, text) for place, text in enumerate(scope.identities[:3])]
    others += [(0.5 + atom.cost, atom.text) for atom in atoms(here.source, node)[:4]]
    forms = [(more, own, other) for more, other in others]
    held = kind(node, here)
    if held in (*NUMBERS, None):
        unsure, number = 0.0 if held else 0.6, here.code(node, Level.SUM)
        forms += [(0.4 + unsure, f"{number} + 1", own), (0.6 + unsure, f"{number} - 1", own)]
    pairs = (
        (cost + more, f"{value} if {test} else {other}")
        for cost, test in conditions(here.source, node)
        for more, value, other in forms
    )
    for cost, text in heapq.nsmallest(_MAX_ALTERNATIVES, pairs):
        yield (here.replace(node, text, Level.CONDITIONAL),), cost


def _numbers(node: ast.expr, here: Context) -> Iterable[Atom]:
    own = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
    for atom in atoms(here.source, node):
        if atom.kind in (NUMBER, None) and atom.text not in own:
            yield Atom(atom.text, atom.kind, atom.cost + (0.0 if atom.kind else 0.8))
        if (atom.kind in SIZED or atom.kind is None) and atom.text not in own:
            yield Atom(f"len({atom.text})", NUMBER, atom.cost + (0.6 if atom.kind else 1.2))
    yield from (atom for atom in _constants(scope_facts(here.source, node)) if atom.kind == NUMBER and atom.text != "0")
