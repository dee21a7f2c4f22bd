"""Operators on arithmetic: binary and augmented operators, operands, off-by-one, signs and grouping."""

from __future__ import annotations

import ast
import re
from itertools import pairwise

from quantatissu.rewriting.context import Changes, Context, expression
from quantatissu.rewriting.edits import Edit
from quantatissu.rewriting.kinds import kind, may_be_number
from quantatissu.rewriting.precedence import Level
from quantatissu.rewriting.ranking import ranked_names
from quantatissu.rewriting.vocabulary import swap_costs

SYMBOLS: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.Pow: "**",
    ast.LShift: "<<",
    ast.RShift: ">>",
    ast.BitAnd: "&",
    ast.BitOr: "|",
    ast.BitXor: "^",
    ast.MatMult: "@",
}
_BINARY = re.compile(r"\*\*|//|<<|>>|[-+*/%&|^@]")
_ASSIGNED = re.compile(r"=")
_AUGMENTED = re.compile(r"(?:\*\*|//|<<|>>|[-+*/%&|^@])=")

# Cost (nats) of undoing a slip between two operators, the same both ways.
_SLIPS = {
    ("+", "-"): 0.0,
    ("*", "/"): 0.5,
    ("/", "//"): 0.0,
    ("*", "**"): 0.4,
    ("%", "//"): 0.3,
    ("%", "/"): 0.9,
    ("*", "//"): 0.9,
    ("+", "*"): 0.8,
    ("-", "*"): 1.8,
    ("-", "/"): 1.8,
    ("+", "/"): 2.2,
    ("+", "//"): 2.4,
    ("-", "//"): 2.4,
    ("+", "%"): 2.6,
    ("-", "%"): 2.0,
    ("*", "%"): 2.0,
    ("<<", ">>"): 0.0,
    ("&", "|"): 0.0,
    ("|", "^"): 0.6,
    ("&", "^"): 0.6,
    ("&", "-"): 1.4,
    ("|", "+"): 1.4,
    ("|", "-"): 2.2,
    ("+", "^"): 3.0,
    ("**", "^"): 0.6,
    ("<<", "*"): 2.6,
    (">>", "//"): 2.2,
    ("<<", "&"): 2.8,
    ("<<", "|"): 3.0,
    ("&", ">>"): 2.6,
    ("%", "&"): 2.4,
    ("@", "*"): 0.5,
}
_RARE = 3.2  # any other operator
_SWAPS = swap_costs(_SLIPS, SYMBOLS.values(), _RARE)
_FORMAT = 0.5  # text with a value behind it: `%` was meant

_STEPS = (ast.Add, ast.Sub)
_MAX_OPERANDS = 4


@expression("swap_operator", ast.BinOp, family="operator", prior=-1.0)
def swap_operator(node: ast.BinOp, here: Context) -> Changes:
    """``a + b`` -> ``a - b`` and every other likely pair; grouping follows the new operator as it would in a slip."""
    span = here.token(node.left, node.right, _BINARY)
    left = kind(node.left, here)
    if span is None or (left in ("str", "bytes") and isinstance(node.op, ast.Mod)):
        return
    for symbol, cost in _SWAPS[SYMBOLS[type(node.op)]]:
        if left == "str" and symbol == "%":
            yield (here.put_token(span, symbol),), cost if isinstance(node.op, ast.Add | ast.Mult) else _FORMAT
        elif left not in ("str", "list", "tuple") or symbol in "+*":
            yield (here.put_token(span, symbol),), cost


@expression("swap_augmented", ast.AugAssign, family="operator", prior=-1.0)
def swap_augmented(node: ast.AugAssign, here: Context) -> Changes:
    """``x += 1`` -> ``x -= 1`` and every other likely pair."""
    span = here.token(node.target, node.value, _AUGMENTED)
    if span is not None:
        for symbol, cost in _SWAPS[SYMBOLS[type(node.op)]]:
            yield (here.put_token(span, symbol + "="),), cost


@expression("close_augmented", ast.Assign, family="operator", prior=-1.0, inverse="open_augmented")
def close_augmented(node: ast.Assign, here: Context) -> Changes:
    """``x =+ 1`` -> ``x += 1``, ``x =- 1`` -> ``x -= 1``: the typing slip."""
    value = node.value
    if isinstance(value, ast.UnaryOp) and isinstance(value.op, ast.UAdd | ast.USub):
        span = here.token(node.targets[-1], value, _ASSIGNED)
        start = here.span(value)[0]
        if span is not None and span[1] == start and len(node.targets) == 1 and here.text[start + 1] == " ":
            yield (Edit(span[0], start + 1, ("+" if isinstance(value.op, ast.UAdd) else "-") + "="),), 0.0


@expression("open_augmented", ast.AugAssign, family="operator", prior=-5.0, inverse="close_augmented")
def open_augmented(node: ast.AugAssign, here: Context) -> Changes:
    """``x += 1`` -> ``x =+ 1``."""
    span = here.token(node.target, node.value, _AUGMENTED)
    if span is not None and isinstance(node.op, ast.Add | ast.Sub) and here.text[span[1]] == " ":
        yield (Edit(*span, "=" + SYMBOLS[type(node.op)]),), 0.0


@expression("swap_operands", ast.BinOp, family="operator", prior=-2.8)
def swap_operands(node: ast.BinOp, here: Context) -> Changes:
    """``a - b`` -> ``b - a``, for operators where the order counts."""
    if isinstance(node.op, ast.Mult | ast.BitAnd | ast.BitOr | ast.BitXor):
        return
    left = kind(node.left, here)
    if isinstance(node.op, ast.Mod) and left in ("str", "bytes"):
        return
    numeric = left in ("int", "float") or kind(node.right, here) in ("int", "float")
    if isinstance(node.op, ast.Add) and numeric:
        return
    yield here.swap(node.left, node.right), 0.7 if isinstance(node.op, ast.Add) else 0.0


@expression("drop_operand", ast.BinOp, family="operator", prior=-2.8, inverse="add_operand")
def drop_operand(node: ast.BinOp, here: Context) -> Changes:
    """``a + b`` -> ``a`` or ``b``; ``drop_offset`` has the ``+ 1`` and ``- 1``."""
    if _is_step(node) or (isinstance(node.op, ast.Mod) and kind(node.left, here) in ("str", "bytes")):
        return
    constant = isinstance(node.right, ast.Constant)
    yield (here.replace_with(node, node.left),), 0.0 if constant else 0.5
    yield (here.replace_with(node, node.right),), 1.5 if constant else 0.5


@expression(
    "add_operand",
    ast.Name,
    ast.Attribute,
    ast.Call,
    ast.Subscript,
    family="operator",
    prior=-5.3,
    inverse="drop_operand",
)
def add_operand(node: ast.expr, here: Context) -> Changes:
    """``x`` -> ``x + y`` with a name in scope."""
    site = _site_cost(node, here)
    if site is None or site > 2.5:
        return
    held = kind(node, here)
    symbols = [("+", Level.SUM, 0.0), ("-", Level.SUM, 0.3), ("*", Level.PRODUCT, 0.7)]
    if held in ("str", "list", "tuple"):
        symbols = [("+", Level.SUM, 0.0)]
    elif held not in (None, "int", "float"):
        return
    for name, cost in ranked_names(node, here, ("parameter", "local"))[:_MAX_OPERANDS]:
        for symbol, level, extra in symbols:
            if name in ("self", "cls"):
                continue
            code = f"{here.code(node, level)} {symbol} {name}"
            yield (here.replace(node, code, level),), cost + extra + site
            if symbol == "+" and held not in ("int", "float"):
                yield (here.replace(node, f"{name} + {here.code(node, Level.PRODUCT)}", level),), cost + 0.5 + site


def _is_step(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.BinOp)
        and isinstance(node.op, _STEPS)
        and isinstance(node.right, ast.Constant)
        and type(node.right.value) is int
        and node.right.value == 1
    )


def _site_cost(node: ast.expr, here: Context) -> float | None:
    """How unlikely an off-by-one is at this place, None where it makes no sense."""
    if isinstance(getattr(node, "ctx", None), ast.Store | ast.Del) or not here.is_used(node):
        return None
    match here.parents.get(node):
        case ast.Subscript(slice=place) if place is node:
            return 0.0
        case ast.Slice(step=step):
            return 0.0 if node is not step else None
        case ast.Call(func=ast.Name(id="range" | "enumerate")) as call if node is not call.func:
            return 0.0
        case ast.Compare(ops=ops):
            ordered = isinstance(ops[0], ast.Lt | ast.LtE | ast.Gt | ast.GtE)
            return 0.5 if ordered else 1.5 if isinstance(ops[0], ast.Eq | ast.NotEq) else None
        case ast.Return() | ast.Yield():
            return 1.0
        case ast.Assign() | ast.AnnAssign() | ast.AugAssign() | ast.NamedExpr():
            return 1.3
        case ast.Call(func=func):
            if node is func:
                return None
            return 1.0 if here.source.function_of(node) is not None and _calls_itself(func, here) else 2.0
        case ast.BinOp(op=ast.Mult() | ast.Div() | ast.FloorDiv() | ast.Mod() | ast.Add() | ast.Sub()):
            return 1.8
        case ast.keyword() | ast.Tuple() | ast.List() | ast.IfExp() | ast.Dict():
            return 2.3
        case ast.ListComp() | ast.GeneratorExp() | ast.SetComp() | ast.DictComp() | ast.FormattedValue():
            return 2.3
        case _:
            return None


def _calls_itself(func: ast.AST, here: Context) -> bool:
    function = here.source.function_of(func)
    name = func.id if isinstance(func, ast.Name) else getattr(func, "attr", None)
    return function is not None and function.name == name


@expression("add_offset", ast.expr, family="operator", prior=-3.0, inverse="drop_offset")
def add_offset(node: ast.expr, here: Context) -> Changes:
    """``x`` -> ``x + 1`` and ``x - 1`` at indices, bounds, ranges, comparisons, returned and passed values."""
    if isinstance(node, ast.Constant | ast.Tuple | ast.Slice | ast.Lambda | ast.IfExp) or _is_step(node):
        return
    site = _site_cost(node, here)
    if site is None or not may_be_number(node, here):
        return
    if isinstance(node, ast.UnaryOp) and isinstance(node.operand, ast.Constant):
        return
    unsure = 0.0 if kind(node, here) == "int" else 0.7
    if site > 1.5 and isinstance(node, ast.Call) and unsure:
        return
    # len() is where the counting starts at the wrong end.
    minus, plus = (0.0, 0.6) if isinstance(node, ast.Call) else (0.0, 0.0)
    inner = here.code(node, Level.SUM)
    yield (here.replace(node, f"{inner} - 1", Level.SUM),), site + unsure + minus
    yield (here.replace(node, f"{inner} + 1", Level.SUM),), site + unsure + plus


@expression("drop_offset", ast.BinOp, family="operator", prior=-1.2, inverse="add_offset")
def drop_offset(node: ast.BinOp, here: Context) -> Changes:
    """``x + 1`` and ``x - 1`` -> ``x``."""
    if _is_step(node):
        yield (here.replace_with(node, node.left),), 0.0


@expression("drop_sign", ast.UnaryOp, family="operator", prior=-2.0, inverse="add_sign")
def drop_sign(node: ast.UnaryOp, here: Context) -> Changes:
    """``-x`` and ``~x`` -> ``x``; numbers are the literals' own."""
    if not isinstance(node.op, ast.Not) and not isinstance(node.operand, ast.Constant):
        yield (here.replace_with(node, node.operand),), 0.0


@expression("add_sign", ast.expr, family="operator", prior=-4.3, inverse="drop_sign")
def add_sign(node: ast.expr, here: Context) -> Changes:
    """``x`` -> ``-x`` in returned, passed and keyword values, indices and operands."""
    if isinstance(node, ast.Constant | ast.UnaryOp | ast.Tuple | ast.Slice | ast.Lambda | ast.IfExp | ast.Compare):
        return
    parent = here.parents.get(node)
    if isinstance(parent, ast.BinOp | ast.AugAssign) and isinstance(parent.op, ast.BitAnd | ast.BitOr):
        if isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
            yield (here.replace(node, f"~{here.code(node, Level.UNARY)}", Level.UNARY),), 0.5
        return
    site = _site_cost(node, here)
    if site is not None and may_be_number(node, here):
        known = 0.0 if kind(node, here) in ("int", "float") else 0.8
        yield (here.replace(node, f"-{here.code(node, Level.UNARY)}", Level.UNARY),), known + max(0.0, site - 1.0)


@expression("add_group", ast.expr, family="operator", prior=-3.2, inverse="drop_group")
def add_group(node: ast.expr, here: Context) -> Changes:
    """``a + b * c`` -> ``(a + b) * c``: the other grouping of the same text."""
    for low, high in _regroupings(node, here):
        yield (Edit(low, low, "("), Edit(high, high, ")")), 0.0


def _regroupings(node: ast.expr, here: Context) -> list[tuple[int, int]]:
    """Spans which, in parentheses, change what the expression means."""
    found: list[tuple[int, int]] = []
    match node:
        case ast.BinOp(left=ast.BinOp() as inner, op=op, right=right) if not here.is_grouped(inner):
            if not (isinstance(op, ast.Add | ast.Mult) and type(op) is type(inner.op)):
                found.append((here.outer(inner.right)[0], here.outer(right)[1]))
                last = inner.right
                while isinstance(last, ast.BinOp) and not here.is_grouped(last):
                    last = last.right  # a + b * c - d -> a + b * (c - d)
                if last is not inner.right:
                    found.append((here.outer(last)[0], here.outer(right)[1]))
        case ast.IfExp(body=ast.BinOp(right=right) as inner) if not here.is_grouped(inner):
            found.append((here.outer(right)[0], here.span(node)[1]))
        case ast.BoolOp(op=ast.Or(), values=values):
            for left, other in pairwise(values):
                if _is_bare(left, ast.And, here):
                    found.append((here.outer(left.values[-1])[0], here.outer(other)[1]))  # type: ignore[attr-defined]
                if _is_bare(other, ast.And, here):
                    found.append((here.outer(left)[0], here.outer(other.values[0])[1]))  # type: ignore[attr-defined]
        case ast.UnaryOp(op=ast.USub() | ast.Invert(), operand=ast.BinOp() as inner) if not here.is_grouped(inner):
            found.append((here.span(node)[0], here.outer(inner.left)[1]))
        case _:
            pass
    return [*found, *_regroupings_leftwards(node, here)]


def _regroupings_leftwards(node: ast.expr, here: Context) -> list[tuple[int, int]]:
    match node:
        case ast.BinOp(left=left, right=ast.BinOp() as product) if not here.is_grouped(product):
            return [(here.outer(left)[0], here.outer(product.left)[1])]
        case ast.BinOp(left=ast.UnaryOp(op=ast.USub()) as minus, op=op, right=right) if not here.is_grouped(minus):
            if not isinstance(op, ast.Mult | ast.Div):
                return [(here.outer(minus.operand)[0], here.outer(right)[1])]
        case ast.BoolOp(values=[ast.UnaryOp(op=ast.Not()) as negated, *_, last]) if not here.is_grouped(negated):
            return [(here.outer(negated.operand)[0], here.outer(last)[1])]
        case ast.BoolOp(values=[*rest, ast.Compare() as test]) if not here.is_grouped(test):
            return [(here.outer(rest[0])[0], here.outer(test.left)[1])]
        case _:
            pass
    return []


def _is_bare(node: ast.expr, op: type[ast.boolop], here: Context) -> bool:
    return isinstance(node, ast.BoolOp) and isinstance(node.op, op) and not here.is_grouped(node)


@expression("drop_group", ast.expr, family="operator", prior=-2.5, inverse="add_group")
def drop_group(node: ast.expr, here: Context) -> Changes:
    """``(a + b) * c`` -> ``a + b * c``: parentheses that matter go."""
    parent = here.parents.get(node)
    if not isinstance(parent, ast.BinOp | ast.BoolOp | ast.UnaryOp | ast.Compare):
        return
    if not isinstance(node, ast.BinOp | ast.BoolOp | ast.Compare | ast.UnaryOp | ast.IfExp):
        return
    redundant = here.level(node) >= here.required(node)
    if redundant and not (isinstance(node, ast.BoolOp) and isinstance(parent, ast.BoolOp)):
        return
    start, end = here.outer(node)
    inner_start, inner_end = here.span(node)
    if start == inner_start or any(mark in here.text[start:end] for mark in "\r\n#"):
        return
    op = getattr(node, "op", None)
    if isinstance(op, ast.Add | ast.Mult) and type(getattr(parent, "op", None)) is type(op):
        return
    yield (here.put(start, inner_start, ""), here.put(inner_end, end, "")), 0.0
