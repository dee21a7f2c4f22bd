"""Operators on literals that are not text: numbers, True, False, None, and empty containers."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice

from quantatissu.rewriting.context import Changes, Context, expression
from quantatissu.rewriting.edits import Edit
from quantatissu.rewriting.precedence import Level

_DECIMAL = re.compile(r"\d+")
_COMMON = (0, 1, -1, 2, 10, 100)
# Numbers that stand for the same idea and are taken for one another.
_CONFUSED = (
    (1000, 1024),
    (24, 60, 3600, 86400, 1440),
    (255, 256),
    (127, 128),
    (365, 366),
    (7, 8),
    (12, 24),
    (100, 1000),
    (4, 400, 100),
    (90, 180, 360),
    (16, 8, 32, 64),
    (65535, 65536),
)
_MAX_SEEN = 6
_EMPTY = ("None", "0", "''", "[]", "{}", "()", "set()", "False", "0.0", "1", "float('inf')", "float('-inf')")
_EMPTY_COST = {
    ("[]", "{}"): 0.0,
    ("set()", "{}"): 0.0,
    ("[]", "()"): 0.4,
    ("[]", "set()"): 0.4,
    ("[]", "''"): 0.8,
    ("None", "''"): 0.6,
    ("None", "[]"): 0.5,
    ("None", "{}"): 0.7,
    ("None", "()"): 0.8,
    ("None", "False"): 0.3,
    ("None", "0"): 0.5,
    ("0", "1"): 0.2,
    ("0", "float('-inf')"): 0.5,
    ("0", "float('inf')"): 0.6,
    ("float('inf')", "float('-inf')"): 0.0,
    ("0", "0.0"): 0.6,
    ("0", "False"): 1.5,
    ("None", "float('inf')"): 1.2,
    ("None", "float('-inf')"): 1.2,
    ("0", "''"): 1.6,
    ("0", "[]"): 1.6,
}


def _is_number(node: ast.Constant) -> bool:
    return type(node.value) in (int, float)


def _is_negated(node: ast.AST, here: Context) -> bool:
    parent = here.parents.get(node)
    return isinstance(parent, ast.UnaryOp) and isinstance(parent.op, ast.USub) and not here.is_grouped(node)


def _written(value: float, like: str) -> str:
    """`value` in the notation of the literal it replaces."""
    if isinstance(value, int) and not isinstance(value, bool) and like[:2].lower() in ("0x", "0o", "0b") and value >= 0:
        digits = f"{value:0{len(like) - 2}{like[1].lower()}}"
        return like[:2] + (digits.upper() if like[2:] == like[2:].upper() else digits)
    return repr(value)


def _set_number(node: ast.Constant, value: float, here: Context) -> tuple[Edit, ...]:
    """Write `value`, its sign included, where `node` (and the minus in front of it) stands."""
    text = _written(value, here.code(node))
    if not _is_negated(node, here):
        return (here.replace(node, text, Level.UNARY if value < 0 else Level.NUMBER),)
    parent = here.parents[node]
    if value <= 0 and text != "0":
        return (here.replace(node, text.lstrip("-"), Level.NUMBER),)
    return (here.replace(parent, text, Level.NUMBER),)


def _value(node: ast.Constant, here: Context) -> float:
    value = node.value
    assert isinstance(value, int | float)
    return -value if _is_negated(node, here) else value


@expression("step_number", ast.Constant, family="literal", prior=-1.3, on_data=True)
def step_number(node: ast.Constant, here: Context) -> Changes:
    """``n`` -> ``n + 1`` and ``n - 1``."""
    if not _is_number(node) or (isinstance(node.value, float) and not node.value.is_integer()):
        return
    value = _value(node, here)
    if abs(value) >= 1e15:
        return
    far = 0.0 if abs(value) <= 3 else 0.5
    yield _set_number(node, value + 1, here), far + (0.0 if value <= 0 else 0.2)
    yield _set_number(node, value - 1, here), far


@expression("negate_number", ast.Constant, family="literal", prior=-2.5, on_data=True)
def negate_number(node: ast.Constant, here: Context) -> Changes:
    """``1`` -> ``-1`` and back."""
    if _is_number(node) and node.value != 0 and here.code(node)[:2].lower() not in ("0x", "0b", "0o"):
        value = _value(node, here)
        yield _set_number(node, -value, here), 0.0 if abs(value) == 1 else 1.0


@expression("scale_number", ast.Constant, family="literal", prior=-3.7)
def scale_number(node: ast.Constant, here: Context) -> Changes:
    """``10`` -> ``100``, ``0.5`` -> ``0.05``, ``2`` -> ``2.0``, ``1024`` -> ``1000``: magnitude, type, look-alikes."""
    if not _is_number(node):
        return
    value = _value(node, here)
    offered: dict[str, tuple[float, float]] = {}

    def offer(number: float, cost: float) -> None:
        if number != value or type(number) is not type(value):
            offered.setdefault(repr(number), (number, cost))

    magnitude = abs(value)
    for group in _CONFUSED:
        if magnitude in group:
            for other in group:
                offer(other if value > 0 else -other, 0.0)
    if isinstance(value, float):
        if value.is_integer() and magnitude < 1e15:
            offer(int(value), 0.5)
        for number in (value * 10, value / 10, 1 - value, value * 2, value / 2):
            offer(float(f"{number:.12g}"), 1.0)
    else:
        if magnitude < 1e15:
            offer(float(value), 1.0)
        if magnitude >= 2:
            offer(value * 10, 1.0)
            offer(value * 2, 1.2)
            if value % 10 == 0:
                offer(value // 10, 0.7)
            if value % 2 == 0:
                offer(value // 2, 1.2)
    for number, cost in offered.values():
        yield _set_number(node, number, here), cost


@expression("common_number", ast.Constant, family="literal", prior=-3.3)
def common_number(node: ast.Constant, here: Context) -> Changes:
    """``n`` -> 0, 1, -1, 2, 10, 100."""
    if not _is_number(node):
        return
    value = _value(node, here)
    for index, common in enumerate(_COMMON):
        if abs(common - value) > 1 and common != -value:
            yield _set_number(node, common, here), 0.3 * index


@expression("seen_number", ast.Constant, family="literal", prior=-3.9)
def seen_number(node: ast.Constant, here: Context) -> Changes:
    """``n`` -> the other numbers of the same function and file."""
    if not _is_number(node):
        return
    value = _value(node, here)
    others = (
        number
        for number in _numbers_near(node, here)
        if number != value and abs(number - value) != 1 and number not in _COMMON
    )
    for index, number in enumerate(islice(others, _MAX_SEEN)):
        yield _set_number(node, number, here), 0.25 * index


def _numbers_near(node: ast.AST, here: Context) -> Iterator[float]:
    """The numbers in the function around `node`, then in the file, the most frequent first."""
    seen: set[str] = set()
    for scope in (here.source.function_of(node), here.source.tree):
        table: Counter[str] | None = here.memory.get(("numbers", scope))
        if table is None:
            table = here.memory["numbers", scope] = Counter(
                repr(part.value)
                for part in (ast.walk(scope) if scope is not None else ())
                if isinstance(part, ast.Constant) and type(part.value) in (int, float)
            )
        for text, _ in sorted(table.items(), key=lambda pair: (-pair[1], pair[0])):
            if text not in seen and "inf" not in text:
                seen.add(text)
                yield ast.literal_eval(text)


@expression("swap_constant", ast.Constant, family="literal", prior=-1.2, on_data=True)
def swap_constant(node: ast.Constant, here: Context) -> Changes:
    """``True`` -> ``False``, ``None``; ``False`` and ``None`` likewise."""
    if node.value is not None and not isinstance(node.value, bool):
        return
    order = {"True": ("False", "None"), "False": ("True", "None"), "None": ("False", "True")}
    for index, text in enumerate(order[repr(node.value)]):
        yield (here.replace(node, text),), 1.2 * index if node.value is not None else 1.0 + 0.3 * index


@expression(
    "swap_empty",
    ast.Constant,
    ast.List,
    ast.Dict,
    ast.Tuple,
    ast.Call,
    family="literal",
    prior=-3.3,
)
def swap_empty(node: ast.expr, here: Context) -> Changes:
    """``None`` -> ``[]``, ``{}`` -> ``set()``, ``0`` -> ``float('-inf')``: one start value for another."""
    text = here.code(node).replace('"', "'")
    if text not in _EMPTY or isinstance(getattr(node, "ctx", None), ast.Store | ast.Del) or not here.is_used(node):
        return
    parent = here.parents.get(node)
    if isinstance(parent, ast.Compare | ast.Subscript | ast.Slice | ast.BinOp | ast.MatchValue | ast.UnaryOp):
        return
    if isinstance(parent, ast.AugAssign | ast.JoinedStr | ast.Attribute | ast.FormattedValue):
        return
    home = 0.0 if isinstance(parent, ast.Return | ast.Assign | ast.AnnAssign | ast.arguments) else 0.8
    for other in _EMPTY:
        cost = _EMPTY_COST.get((text, other), _EMPTY_COST.get((other, text), 2.0))
        if other != text and (cost < 2.0 or home == 0.0) and {text, other} != {"0", "1"}:
            yield (here.replace(node, other, Level.PRIMARY if "(" in other else Level.NUMBER),), cost + home


@expression("drop_default", ast.arguments, family="literal", prior=-4.5, inverse="add_default")
def drop_default(node: ast.arguments, here: Context) -> Changes:
    """``def f(a=1)`` -> ``def f(a)``: the first default of the positional parameters, any of the keyword-only ones."""
    pairs: list[tuple[ast.arg, ast.expr]] = []
    positional = [*node.posonlyargs, *node.args]
    if node.defaults:
        pairs.append((positional[-len(node.defaults)], node.defaults[0]))
    pairs += [(arg, value) for arg, value in zip(node.kwonlyargs, node.kw_defaults, strict=True) if value is not None]
    for arg, value in pairs:
        yield (here.put(here.span(arg)[1], here.outer(value)[1], ""),), 0.0


@expression("add_default", ast.arguments, family="literal", prior=-4.9, inverse="drop_default")
def add_default(node: ast.arguments, here: Context) -> Changes:
    """``def f(a)`` -> ``def f(a=None)``, ``a=0`` and other usual values."""
    positional = [*node.posonlyargs, *node.args]
    bare = positional[: len(positional) - len(node.defaults)]
    targets = bare[-1:] if bare and bare[-1].arg not in ("self", "cls") else []
    targets += [arg for arg, value in zip(node.kwonlyargs, node.kw_defaults, strict=True) if value is None]
    for arg in targets:
        end = here.source.span(arg)[1]
        equals = " = " if arg.annotation is not None else "="
        for index, value in enumerate(("None", "0", "False", "True", "1", "''", "()")):
            yield (Edit(end, end, equals + value),), 0.4 * index
