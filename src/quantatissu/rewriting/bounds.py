"""Operators that keep values within bounds: indices of both axes, results between limits, divisors other than zero."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from quantatissu.rewriting.context import Changes, Context, expression
from quantatissu.rewriting.edits import Edit
from quantatissu.rewriting.kinds import kind, kind_of_name
from quantatissu.rewriting.precedence import Level
from quantatissu.rewriting.unused import unused_names

_UPPER = ("limit", "max", "cap", "upper", "high", "size", "room", "total", "most", "length", "end", "stop")
_LOWER = ("min", "low", "floor", "least", "base", "start")
_MAX_LIMITS = 3


@expression("add_bounds", ast.BoolOp, family="condition", prior=-2.0, inverse="drop_bounds")
def add_bounds(node: ast.BoolOp, here: Context) -> Changes:
    """``r < rows and c < columns`` -> ``0 <= r < rows and 0 <= c < columns``: indices that may be negative."""
    open_sides = [
        value
        for value in node.values
        if isinstance(value, ast.Compare)
        and len(value.ops) == 1
        and isinstance(value.ops[0], ast.Lt)
        and isinstance(value.left, ast.Name | ast.BinOp)
    ]
    if isinstance(node.op, ast.And) and len(open_sides) == 2:
        places = [here.outer(value.left)[0] for value in open_sides]
        yield tuple(Edit(at, at, "0 <= ") for at in places), 0.0


@expression("drop_bounds", ast.BoolOp, family="condition", prior=-5.0, inverse="add_bounds")
def drop_bounds(node: ast.BoolOp, here: Context) -> Changes:
    """``0 <= r < rows and 0 <= c < columns`` -> ``r < rows and c < columns``."""
    chains = [value for value in node.values if isinstance(value, ast.Compare) and len(value.ops) == 2]
    if isinstance(node.op, ast.And) and len(chains) == 2:
        yield (
            tuple(here.put(here.outer(value.left)[0], here.outer(value.comparators[0])[0], "") for value in chains),
            0.0,
        )


@expression("clamp", ast.BinOp, ast.Name, ast.Call, family="call", prior=-3.4, inverse="unwrap_call")
def clamp(node: ast.expr, here: Context) -> Changes:
    """``x + y`` -> ``min(x + y, limit)``, ``max(x + y, floor)`` where a result is returned or stored."""
    parent = here.parents.get(node)
    if not isinstance(parent, ast.Return | ast.Assign | ast.AugAssign) or getattr(parent, "value", None) is not node:
        return
    if kind(node, here) not in (None, "int", "float"):
        return
    used = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
    own = here.code(node, Level.TEST)
    extra = 0.0 if isinstance(node, ast.BinOp) else 0.8
    known = _limits(node, here)
    for way, words in (("min", _UPPER), ("max", _LOWER)):
        limits = [text for text in known if any(word in text.lower() for word in words)]
        for place, text in enumerate(limits[:_MAX_LIMITS]):
            if text not in used:
                yield (here.replace(node, f"{way}({own}, {text})"),), extra + 0.3 * place
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("int", "round"):
        for place, text in enumerate(_sizes(node, here)):  # an index of so many
            yield (here.replace(node, f"min({own}, {text} - 1)"),), 0.3 + 0.3 * place


def _sizes(node: ast.AST, here: Context) -> list[str]:
    """Variables that lists of the function are made as long as, and the lengths of those that it subscripts."""
    scope = here.scope(node)
    found: dict[str, None] = {}
    for part in ast.walk(scope):
        match part:
            case ast.BinOp(left=ast.List(), op=ast.Mult(), right=ast.Name(id=name)):
                found[name] = None
            case ast.Call(func=ast.Name(id="range"), args=[ast.Name(id=name)]):
                found[name] = None
    return list(found)[:_MAX_LIMITS]


def _limits(node: ast.AST, here: Context) -> list[str]:
    """Variables and members of ``self`` that may be limits."""
    names = [name for name in here.names(node) if kind_of_name(name, node, here) in (None, "int", "float")]
    members: Mapping[str, int] = here.project.members.get("self", {}) if "self" in here.names(node) else {}
    return [*names, *(f"self.{name}" for name in members if name not in here.project.signatures)]


@expression("guard_value", ast.BinOp, ast.Subscript, family="condition", prior=-3.2, inverse="drop_ternary")
def guard_value(node: ast.expr, here: Context) -> Changes:
    """``a / b`` -> ``a / b if b else 0``, ``s / len(x)`` -> ``s / len(x) if x else 0``, ``x[-n:]`` likewise."""
    if not isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
        return
    own = here.code(node, Level.OR)
    values: tuple[str, ...]
    match node:
        case ast.BinOp(op=ast.Div() | ast.FloorDiv() | ast.Mod(), right=right) if not isinstance(right, ast.Constant):
            if kind(node.left, here) == "str":
                return
            asked = right
            if (
                isinstance(right, ast.Call)
                and isinstance(right.func, ast.Name)
                and right.func.id == "len"
                and right.args
            ):
                asked = right.args[0]
            values = ("0", "0.0", "None")
        case ast.Subscript(slice=ast.Slice(lower=ast.UnaryOp(op=ast.USub(), operand=ast.Name() as asked), upper=None)):
            values = ("[]", "''")
        case ast.Subscript(value=ast.Name() as asked, slice=ast.Constant() | ast.UnaryOp()):
            values = ("None", "0", "''")
        case ast.Subscript(value=ast.Subscript(value=ast.Name() as asked, slice=ast.Constant()), slice=ast.Constant()):
            values = ("None", "0", "''")
        case _:
            return
    test = here.code(asked, Level.OR)
    match node:
        case ast.Subscript(slice=ast.Constant(value=int() as least), value=ast.Name()) if least > 0:
            test = f"len({test}) > {least}"
        case ast.Subscript(value=ast.Subscript(slice=ast.Constant(value=int() as least))) if least > 0:
            test = f"len({test}) > {least}"
    for place, value in enumerate((*_stand_ins(node, here), *values)):
        yield (here.replace(node, f"{own} if {test} else {value}", Level.CONDITIONAL),), 0.3 * place


_STAND_INS = ("default", "fallback", "otherwise", "missing", "reserve", "initial", "empty")


def _stand_ins(node: ast.expr, here: Context) -> list[str]:
    """Variables whose names say that they stand for what is missing, or that nothing uses yet."""
    idle = unused_names(here.source, here.source.statement_of(node))
    names = [name for name, origin in here.names(node).items() if origin in ("parameter", "local")]
    named = [name for name in names if any(word in name for word in _STAND_INS)]
    return list(dict.fromkeys((*named, *(name for name in names if name in idle))))[:2]
