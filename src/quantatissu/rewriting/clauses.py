"""Operators on conditions about pairs: the clause about the other axis, the rest of a comparison, two spans."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from quantatissu.rewriting.comparisons import SYMBOLS
from quantatissu.rewriting.context import Changes, Context, expression
from quantatissu.rewriting.precedence import Level
from quantatissu.rewriting.vocabulary import MEMBER_PARTNERS, WORD_PARTNERS

_MAX_PARTNERS = 3
_FLIPPED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "==": "==", "!=": "!="}


@expression("add_counterpart", ast.Compare, family="condition", prior=-3.0, inverse="drop_clause")
def add_counterpart(node: ast.Compare, here: Context) -> Changes:
    """``a.x == b.x`` -> ``a.x == b.x and a.y == b.y``; ``high <= start`` -> ``high <= start or low >= end``."""
    parent = here.parents.get(node)
    if not (here.is_condition(node) or isinstance(parent, ast.Return | ast.BoolOp)) or len(node.ops) != 1:
        return
    symbol = SYMBOLS[type(node.ops[0])]
    if symbol not in _FLIPPED:
        return
    own = here.code(node)
    for text, cost in _counterparts(node, symbol, here):
        if text != own and text not in here.code(parent if isinstance(parent, ast.BoolOp) else node):
            for word, level, extra in (("and", Level.AND, 0.0), ("or", Level.OR, 0.2)):
                yield (here.replace(node, f"{own} {word} {text}", level),), cost + extra


def _counterparts(node: ast.Compare, symbol: str, here: Context) -> Iterator[tuple[str, float]]:
    left, right = node.left, node.comparators[0]
    ones, others = list(_siblings(left, here)), list(_siblings(right, here))
    for one, way in ones:
        for other, its in others:
            if way == its and way[0] in ("member", "place"):
                yield f"{one} {symbol} {other}", 0.0 if way[0] == "member" else 0.3
    for one, way in ones:
        for other, its in others:
            if way[0] == its[0] == "word":
                yield f"{one} {_FLIPPED[symbol]} {other}", 0.2
                yield f"{one} {symbol} {other}", 0.8
    for one, way in ones:
        if way[0] == "word":
            yield f"{one} {symbol} {here.code(right)}", 0.6
    for other, its in others:
        if its[0] == "word":
            yield f"{here.code(left)} {_FLIPPED[symbol]} {other}", 0.6


def _siblings(node: ast.expr, here: Context) -> Iterator[tuple[str, tuple[str, object]]]:
    """What stands beside an expression, each with how it is reached: ``a.y`` for ``a.x``, ``p[1]`` for ``p[0]``,
    ``high`` for ``low`` where that is a name in scope.
    """
    match node:
        case ast.Attribute(value=value, attr=attr):
            partners = dict.fromkeys((*MEMBER_PARTNERS.get(attr, ()), *WORD_PARTNERS.get(attr, ())))
            known = sorted(partners, key=lambda name: not _is_seen(name, here))
            for name in known[:_MAX_PARTNERS]:
                yield f"{here.code(value)}.{name}", ("member", name)
        case ast.Subscript(value=value, slice=ast.Constant(value=int() as place)) if place in (0, 1):
            yield f"{here.code(value)}[{1 - place}]", ("place", 1 - place)
        case ast.Name(id=name):
            known_names = here.names(node)
            for other in WORD_PARTNERS.get(name, ()):
                if known_names.get(other) in ("parameter", "local", "enclosing"):
                    yield other, ("word", None)
            head, _, tail = name.rpartition("_")
            for word in WORD_PARTNERS.get(tail, ()) if head else ():
                if f"{head}_{word}" in known_names:
                    yield f"{head}_{word}", ("word", None)


def _is_seen(attribute: str, here: Context) -> bool:
    seen: set[str] | None = here.memory.get("members seen")
    if seen is None:
        seen = here.memory["members seen"] = {name for names in here.project.members.values() for name in names}
    return attribute in seen


@expression("compare_more", ast.Compare, family="condition", prior=-3.4, inverse="compare_less")
def compare_more(node: ast.Compare, here: Context) -> Changes:
    """``a.x < b.x`` -> ``(a.x, a.y) < (b.x, b.y)``, and with the other member first."""
    if len(node.ops) != 1 or not isinstance(node.ops[0], ast.Lt | ast.LtE | ast.Gt | ast.GtE | ast.Eq):
        return
    left, right, symbol = node.left, node.comparators[0], SYMBOLS[type(node.ops[0])]
    one, two = here.code(left), here.code(right)
    for other, way in _siblings(left, here):
        for its, same in _siblings(right, here):
            if way == same and way[0] in ("member", "place"):
                yield (here.replace(node, f"({one}, {other}) {symbol} ({two}, {its})", Level.COMPARE),), 0.0
                yield (here.replace(node, f"({other}, {one}) {symbol} ({its}, {two})", Level.COMPARE),), 0.3


@expression("break_tie", ast.Compare, family="condition", prior=-3.4, inverse="drop_clause")
def break_tie(node: ast.Compare, here: Context) -> Changes:
    """``f(x) < f(best)`` -> ``f(x) < f(best) or (f(x) == f(best) and x > best)``: what decides between equals."""
    if len(node.ops) != 1 or not isinstance(node.ops[0], ast.Lt | ast.Gt) or not here.is_condition(node):
        return
    left, right = node.left, node.comparators[0]
    names = [[part.id for part in _loaded(side)] for side in (left, right)]
    if here.code(left) == here.code(right) or not all(names):
        return
    one, two = here.code(left), here.code(right)
    for first in dict.fromkeys(names[0]):
        for second in dict.fromkeys(names[1]):
            if first != second and (first, second) != (one, two):
                for place, symbol in enumerate((SYMBOLS[type(node.ops[0])], "<", ">")):
                    tie = f"{one} == {two} and {first} {symbol} {second}"
                    yield (here.replace(node, f"{here.code(node)} or ({tie})", Level.OR),), 0.2 * place


def _loaded(node: ast.expr) -> list[ast.Name]:
    """The variables in an expression, without the functions that it calls."""
    called = {part.func for part in ast.walk(node) if isinstance(part, ast.Call)}
    return [part for part in ast.walk(node) if isinstance(part, ast.Name) and part not in called]


@expression("compare_less", ast.Compare, family="condition", prior=-4.5, inverse="compare_more")
def compare_less(node: ast.Compare, here: Context) -> Changes:
    """``(a.x, a.y) < (b.x, b.y)`` -> ``a.x < b.x``."""
    match node:
        case ast.Compare(left=ast.Tuple(elts=[*ones]), ops=[_], comparators=[ast.Tuple(elts=[*twos])]):
            for place, (one, two) in enumerate(zip(ones, twos, strict=False)):
                yield (
                    (
                        here.replace(node.left, here.code(one, Level.TEST)),
                        here.replace(node.comparators[0], here.code(two, Level.TEST)),
                    ),
                    0.5 * place,
                )
        case _:
            return


@expression("contain_to_overlap", ast.BoolOp, family="condition", prior=-2.6, inverse="overlap_to_contain")
def contain_to_overlap(node: ast.BoolOp, here: Context) -> Changes:
    """``a >= start and b <= end`` -> ``a < end and start < b``: not inside the span, but touching it."""
    sides = _bounded(node, here, (ast.LtE, ast.GtE))
    if sides is not None:
        (low, first), (last, high) = sides
        for symbol, cost in (("<", 0.0), ("<=", 0.3)):
            code = f"{first} {symbol} {high} and {low} {symbol} {last}"
            yield (here.replace(node, code, Level.AND),), cost


@expression("overlap_to_contain", ast.BoolOp, family="condition", prior=-3.6, inverse="contain_to_overlap")
def overlap_to_contain(node: ast.BoolOp, here: Context) -> Changes:
    """``a < end and start < b`` -> ``a >= start and b <= end``."""
    sides = _bounded(node, here, (ast.Lt, ast.Gt, ast.LtE, ast.GtE))
    if sides is not None:
        (first, high), (low, last) = sides
        yield (here.replace(node, f"{first} >= {low} and {last} <= {high}", Level.AND),), 0.0


def _bounded(
    node: ast.BoolOp, here: Context, kinds: tuple[type[ast.cmpop], ...]
) -> tuple[tuple[str, str], tuple[str, str]] | None:
    """The two comparisons of ``x <= y and z <= w`` as pairs, the smaller side first; four different texts."""
    if not isinstance(node.op, ast.And) or len(node.values) != 2:
        return None
    pairs = []
    for value in node.values:
        if not isinstance(value, ast.Compare) or len(value.ops) != 1 or not isinstance(value.ops[0], kinds):
            return None
        pair = here.code(value.left, Level.OR), here.code(value.comparators[0], Level.OR)
        pairs.append(pair[::-1] if isinstance(value.ops[0], ast.Gt | ast.GtE) else pair)
    return (pairs[0], pairs[1]) if len({*pairs[0], *pairs[1]}) == 4 else None
