"""Operators that make a comparison looser: about equal, and equal but for upper and lower case."""

from __future__ import annotations

import ast

from quantatissu.rewriting.context import Changes, Context, expression
from quantatissu.rewriting.kinds import kind
from quantatissu.rewriting.precedence import Level

_NEAR = "1e-9"


@expression("equal_to_close", ast.Compare, family="condition", prior=-4.6, inverse="close_to_equal")
def equal_to_close(node: ast.Compare, here: Context) -> Changes:
    """``a == b`` -> ``abs(a - b) < 1e-9``."""
    match node:
        case ast.Compare(left=left, ops=[ast.Eq() | ast.NotEq() as op], comparators=[right]):
            if not {kind(left, here), kind(right, here)} <= {None, "float", "int"} or isinstance(right, ast.Constant):
                return
            word = "<" if isinstance(op, ast.Eq) else ">="
            code = f"abs({here.code(left, Level.SUM)} - {here.code(right, Level.PRODUCT)}) {word} {_NEAR}"
            yield (here.replace(node, code, Level.COMPARE),), 0.0
        case _:
            return


@expression("close_to_equal", ast.Compare, family="condition", prior=-5.0, inverse="equal_to_close")
def close_to_equal(node: ast.Compare, here: Context) -> Changes:
    """``abs(a - b) < 1e-9`` -> ``a == b``."""
    match node:
        case ast.Compare(
            left=ast.Call(func=ast.Name(id="abs"), args=[ast.BinOp(left=left, op=ast.Sub(), right=right)]),
            ops=[ast.Lt() | ast.LtE() | ast.Gt() | ast.GtE() as op],
            comparators=[ast.Constant()],
        ):
            word = "==" if isinstance(op, ast.Lt | ast.LtE) else "!="
            code = f"{here.code(left, Level.BIT_OR)} {word} {here.code(right, Level.BIT_OR)}"
            yield (here.replace(node, code, Level.COMPARE),), 0.0
        case _:
            return


@expression("ignore_case", ast.Compare, family="condition", prior=-3.2, inverse="heed_case")
def ignore_case(node: ast.Compare, here: Context) -> Changes:
    """``a == b`` -> ``a.lower() == b.lower()``, also for ``in``."""
    match node:
        case ast.Compare(left=left, ops=[ast.Eq() | ast.NotEq() | ast.In() | ast.NotIn()], comparators=[right]):
            sides = (left, right)
            if any(kind(side, here) not in (None, "str") or isinstance(side, ast.Constant) for side in sides):
                return
            if not any(_is_lowered(side) for side in sides):
                yield (
                    tuple(
                        here.replace(side, f"{here.code(side, Level.PRIMARY)}.lower()", Level.PRIMARY) for side in sides
                    ),
                    0.0,
                )
        case _:
            return


def _is_lowered(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("lower", "upper", "casefold")
    )


@expression("heed_case", ast.Compare, family="condition", prior=-5.0, inverse="ignore_case")
def heed_case(node: ast.Compare, here: Context) -> Changes:
    """``a.lower() == b.lower()`` -> ``a == b``."""
    sides = [node.left, *node.comparators]
    if len(sides) == 2 and all(_is_lowered(side) for side in sides):
        yield tuple(here.replace_with(side, side.func.value) for side in sides), 0.0  # type: ignore[attr-defined]
