"""Operators on how a quotient becomes a whole number: down, up, to the nearest, halves up, and remainders from one."""

from __future__ import annotations

import ast

from quantatissu.rewriting.context import Changes, Context, expression
from quantatissu.rewriting.precedence import Level


@expression("round_up", ast.BinOp, ast.Call, family="operator", prior=-3.0, inverse="round_down")
def round_up(node: ast.BinOp | ast.Call, here: Context) -> Changes:
    """``a // b``, ``a // b + 1``, ``int(a / b)`` -> ``-(-a // b)`` and ``(a + b - 1) // b``: rounded up."""
    plain, cost = _division(node)
    if plain is None:
        return
    left, right = plain.left, plain.right
    over = here.code(right, Level.UNARY)
    yield (here.replace(node, f"-(-{here.code(left, Level.UNARY)} // {over})", Level.UNARY),), cost
    top = f"({here.code(left, Level.SUM)} + {here.code(right, Level.PRODUCT)} - 1)"
    yield (here.replace(node, f"{top} // {over}", Level.PRODUCT),), cost + 0.2


def _division(node: ast.expr) -> tuple[ast.BinOp | None, float]:
    match node:
        case ast.BinOp(left=ast.BinOp(op=ast.FloorDiv()) as plain, op=ast.Add(), right=ast.Constant(value=1)):
            return plain, 0.0
        case ast.Call(func=ast.Name(id="int" | "round"), args=[ast.BinOp(op=ast.Div()) as plain], keywords=[]):
            return plain, 0.3
        case ast.BinOp(op=ast.FloorDiv()):
            return node, 0.8
        case _:
            return None, 0.0


@expression("round_down", ast.UnaryOp, ast.BinOp, family="operator", prior=-5.0, inverse="round_up")
def round_down(node: ast.UnaryOp | ast.BinOp, here: Context) -> Changes:
    """``-(-a // b)`` and ``(a + b - 1) // b`` -> ``a // b``, ``a // b + 1`` and ``int(a / b)``."""
    match node:
        case ast.UnaryOp(
            op=ast.USub(),
            operand=ast.BinOp(left=ast.UnaryOp(op=ast.USub(), operand=left), op=ast.FloorDiv(), right=right),
        ):
            pass
        case ast.BinOp(
            left=ast.BinOp(
                left=ast.BinOp(left=left, op=ast.Add(), right=same), op=ast.Sub(), right=ast.Constant(value=1)
            ),
            op=ast.FloorDiv(),
            right=right,
        ) if ast.dump(same) == ast.dump(right):
            pass
        case _:
            return
    top, over = here.code(left, Level.PRODUCT), here.code(right, Level.UNARY)
    yield (here.replace(node, f"{top} // {over}", Level.PRODUCT),), 0.0
    yield (here.replace(node, f"{top} // {over} + 1", Level.SUM),), 0.3
    yield (here.replace(node, f"int({top} / {over})"),), 0.5
    yield (here.replace(node, f"round({top} / {over})"),), 0.7


@expression("floor_to_nearest", ast.BinOp, family="operator", prior=-3.2, inverse="nearest_to_floor")
def floor_to_nearest(node: ast.BinOp, here: Context) -> Changes:
    """``a // b`` -> ``round(a / b)``; ``int(x)`` -> ``round(x)`` is a replaced name."""
    if isinstance(node.op, ast.FloorDiv):
        code = f"{here.code(node.left, Level.PRODUCT)} / {here.code(node.right, Level.UNARY)}"
        yield (here.replace(node, f"round({code})"),), 0.0
        yield (here.replace(node, f"int({code} + 0.5)"),), 0.6


@expression("nearest_to_floor", ast.Call, family="operator", prior=-3.6, inverse="floor_to_nearest")
def nearest_to_floor(node: ast.Call, here: Context) -> Changes:
    """``round(a / b)``, ``int(a / b + 0.5)`` -> ``a // b``."""
    match node:
        case ast.Call(func=ast.Name(id="round"), args=[ast.BinOp(left=left, op=ast.Div(), right=right)]):
            pass
        case ast.Call(
            func=ast.Name(id="int"),
            args=[
                ast.BinOp(
                    left=ast.BinOp(left=left, op=ast.Div(), right=right), op=ast.Add(), right=ast.Constant(value=0.5)
                )
            ],
        ):
            pass
        case _:
            return
    code = f"{here.code(left, Level.PRODUCT)} // {here.code(right, Level.UNARY)}"
    yield (here.replace(node, code, Level.PRODUCT),), 0.0


@expression("halves_up", ast.Call, family="operator", prior=-2.6, inverse="halves_even")
def halves_up(node: ast.Call, here: Context) -> Changes:
    """``round(x)``, which takes halves to even numbers, and ``int(x)`` -> ``int(x + 0.5)``."""
    match node:
        case ast.Call(func=ast.Name(id="round" | "int" as name), args=[value], keywords=[]) if not isinstance(
            value, ast.Starred | ast.Constant
        ):
            code = f"int({here.code(value, Level.SUM)} + 0.5)"
            yield (here.replace(node, code),), 0.0 if name == "round" else 1.2
        case _:
            return


@expression("halves_even", ast.Call, family="operator", prior=-4.0, inverse="halves_up")
def halves_even(node: ast.Call, here: Context) -> Changes:
    """``int(x + 0.5)`` -> ``round(x)``, ``int(x)``."""
    match node:
        case ast.Call(
            func=ast.Name(id="int"),
            args=[ast.BinOp(left=value, op=ast.Add(), right=ast.Constant(value=0.5))],
            keywords=[],
        ):
            for place, name in enumerate(("round", "int")):
                yield (here.replace(node, f"{name}({here.code(value, Level.TEST)})"),), 0.4 * place
        case _:
            return


@expression("modulo_from_one", ast.BinOp, family="operator", prior=-3.0, inverse="modulo_from_zero")
def modulo_from_one(node: ast.BinOp, here: Context) -> Changes:
    """``a % b`` -> ``(a - 1) % b + 1``, ``a % b or b``; ``(a + c) % b`` -> ``a % b + c``: counting from one."""
    if not isinstance(node.op, ast.Mod) or (isinstance(node.left, ast.Constant) and isinstance(node.left.value, str)):
        return
    over = here.code(node.right, Level.UNARY)
    match node.left:
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() as op, right=right):
            sign = "+" if isinstance(op, ast.Add) else "-"
            code = f"{here.code(left, Level.PRODUCT)} % {over} {sign} {here.code(right, Level.PRODUCT)}"
            yield (here.replace(node, code, Level.SUM),), 0.6
    code = f"({here.code(node.left, Level.SUM)} - 1) % {over} + 1"
    yield (here.replace(node, code, Level.SUM),), 0.3
    code = f"{here.code(node.left, Level.PRODUCT)} % {over} or {here.code(node.right, Level.AND)}"
    yield (here.replace(node, code, Level.OR),), 0.8


@expression("modulo_from_zero", ast.BinOp, ast.BoolOp, family="operator", prior=-4.0, inverse="modulo_from_one")
def modulo_from_zero(node: ast.BinOp | ast.BoolOp, here: Context) -> Changes:
    """``(a - 1) % b + 1``, ``a % b or b`` -> ``a % b``; ``a % b + c`` -> ``(a + c) % b``."""
    match node:
        case ast.BinOp(
            left=ast.BinOp(
                left=ast.BinOp(left=left, op=ast.Sub(), right=ast.Constant(value=1)), op=ast.Mod(), right=over
            ),
            op=ast.Add(),
            right=ast.Constant(value=1),
        ):
            yield (
                (
                    here.replace(
                        node, f"{here.code(left, Level.PRODUCT)} % {here.code(over, Level.UNARY)}", Level.PRODUCT
                    ),
                ),
                0.0,
            )
        case ast.BoolOp(op=ast.Or(), values=[ast.BinOp(op=ast.Mod()) as left, right]) if ast.dump(
            left.right
        ) == ast.dump(right):
            yield (here.replace_with(node, left),), 0.0
    match node:
        case ast.BinOp(
            left=ast.BinOp(left=left, op=ast.Mod(), right=over), op=ast.Add() | ast.Sub() as op, right=right
        ):
            sign = "+" if isinstance(op, ast.Add) else "-"
            top = f"({here.code(left, Level.SUM)} {sign} {here.code(right, Level.PRODUCT)})"
            code = f"{top} % {here.code(over, Level.UNARY)}"
            yield (here.replace(node, code, Level.PRODUCT),), 0.5


@expression("percent_to_share", ast.Name, ast.Attribute, family="operator", prior=-2.4, inverse="share_to_percent")
def percent_to_share(node: ast.Name | ast.Attribute, here: Context) -> Changes:
    """``percent`` -> ``percent / 100`` in arithmetic."""
    name = node.id if isinstance(node, ast.Name) else node.attr
    parent = here.parents.get(node)
    if not any(word in name.lower() for word in ("percent", "pct")) or not isinstance(node.ctx, ast.Load):
        return
    if isinstance(parent, ast.BinOp | ast.Return | ast.Assign):
        yield (here.replace(node, f"{here.code(node)} / 100", Level.PRODUCT),), 0.0


@expression("share_to_percent", ast.BinOp, family="operator", prior=-4.0, inverse="percent_to_share")
def share_to_percent(node: ast.BinOp, here: Context) -> Changes:
    """``percent / 100`` -> ``percent``."""
    match node:
        case ast.BinOp(left=ast.Name() | ast.Attribute() as left, op=ast.Div(), right=ast.Constant(value=100)):
            yield (here.replace_with(node, left),), 0.0
        case _:
            return
