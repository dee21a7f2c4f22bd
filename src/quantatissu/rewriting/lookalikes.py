"""Operators between functions that are taken for one another although they do not take the same arguments."""

from __future__ import annotations

import ast

from quantatissu.rewriting.context import Changes, Context, expression
from quantatissu.rewriting.edits import Edit
from quantatissu.rewriting.import_forms import add_import_line
from quantatissu.rewriting.precedence import Level

# What `zip_longest` fills up with, and the cost of it in nats.
_LONGER = (("", 0.3), ("fillvalue=0", 0.0), ("fillvalue=''", 0.2))


@expression("zip_to_longest", ast.Call, family="call", prior=-2.5, inverse="longest_to_zip")
def zip_to_longest(node: ast.Call, here: Context) -> Changes:
    """``zip(a, b)`` -> ``zip_longest(a, b, fillvalue=0)``, with its import."""
    match node:
        case ast.Call(func=ast.Name(id="zip") as name, args=[_, *_], keywords=[]):
            pass
        case _:
            return
    name_edit, imports = _under("zip_longest", "itertools", name, here)
    if name_edit is None:
        return
    end = here.span(node)[1] - 1
    for argument, cost in _LONGER:
        more = (Edit(end, end, f", {argument}"),) if argument else ()
        yield (*imports, name_edit, *more), cost


@expression("longest_to_zip", ast.Call, family="call", prior=-3.5, inverse="zip_to_longest")
def longest_to_zip(node: ast.Call, here: Context) -> Changes:
    """``zip_longest(a, b, fillvalue=0)`` -> ``zip(a, b)``."""
    match node.func:
        case ast.Name(id="zip_longest") | ast.Attribute(attr="zip_longest"):
            arguments = ", ".join(here.code(argument, Level.TEST) for argument in node.args)
            yield (here.replace(node, f"zip({arguments})"),), 0.0
        case _:
            return


def _under(name: str, module: str, node: ast.Name, here: Context) -> tuple[Edit | None, tuple[Edit, ...]]:
    """The edit that calls `name` of a module in place of `node`, and those that import it where nothing has yet."""
    known = here.names(node)
    if name in known:
        return here.replace(node, name), ()
    if known.get(module) == "import":
        return here.replace(node, f"{module}.{name}"), ()
    imports = add_import_line(here.source, f"from {module} import {name}")
    return (here.replace(node, name), imports) if imports else (None, ())


@expression("seconds_to_total", ast.Attribute, family="call", prior=-1.5, inverse="total_to_seconds")
def seconds_to_total(node: ast.Attribute, here: Context) -> Changes:
    """``d.seconds``, which leaves out the days, -> ``int(d.total_seconds())``."""
    if node.attr != "seconds" or not isinstance(node.ctx, ast.Load) or isinstance(here.parents.get(node), ast.Call):
        return
    code = f"{here.code(node.value, Level.PRIMARY)}.total_seconds()"
    yield (here.replace(node, f"int({code})"),), 0.3
    yield (here.replace(node, code),), 0.0


@expression("total_to_seconds", ast.Call, family="call", prior=-5.0, inverse="seconds_to_total")
def total_to_seconds(node: ast.Call, here: Context) -> Changes:
    """``int(d.total_seconds())`` and ``d.total_seconds()`` -> ``d.seconds``."""
    inner: ast.expr = node
    match node:
        case ast.Call(func=ast.Name(id="int"), args=[ast.Call() as inner], keywords=[]):
            pass
    match inner:
        case ast.Call(func=ast.Attribute(attr="total_seconds", value=value), args=[], keywords=[]):
            yield (here.replace(node, f"{here.code(value, Level.PRIMARY)}.seconds"),), 0.0


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
