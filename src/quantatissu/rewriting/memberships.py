"""Operators between what a dictionary holds and whether it holds it: ``d.get(k)`` and ``k in d``."""

from __future__ import annotations

import ast

from quantatissu.rewriting.context import Changes, Context, expression
from quantatissu.rewriting.precedence import Level


def _lookup(node: ast.expr) -> tuple[ast.expr, ast.expr] | None:
    """The dictionary and the key of ``d.get(k)`` and ``d[k]``."""
    match node:
        case ast.Call(func=ast.Attribute(value=value, attr="get"), args=[key], keywords=[]):
            return value, key
        case ast.Subscript(value=value, slice=key) if not isinstance(key, ast.Slice | ast.Constant):
            return value, key
        case _:
            return None


def _compared(node: ast.expr) -> tuple[ast.expr, bool] | None:
    """What a condition asks about, and whether for its presence: ``x``, ``not x``, ``x is None``, ``x is not None``."""
    match node:
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return operand, False
        case ast.Compare(left=left, ops=[ast.Is() | ast.Eq()], comparators=[ast.Constant(value=None)]):
            return left, False
        case ast.Compare(left=left, ops=[ast.IsNot() | ast.NotEq()], comparators=[ast.Constant(value=None)]):
            return left, True
        case _:
            return node, True


@expression(
    "get_to_membership",
    ast.Call,
    ast.Subscript,
    ast.UnaryOp,
    ast.Compare,
    family="condition",
    prior=-1.6,
    inverse="membership_to_get",
)
def get_to_membership(node: ast.expr, here: Context) -> Changes:
    """``if d.get(k)`` -> ``if k in d``, ``not d.get(k)`` and ``d.get(k) is None`` -> ``k not in d``."""
    parent = here.parents.get(node)
    if not here.is_condition(node) or (isinstance(parent, ast.UnaryOp) and isinstance(parent.op, ast.Not)):
        return
    asked, present = _compared(node) or (node, True)
    found = _lookup(asked)
    if found is None:
        return
    value, key = found
    word = "in" if present else "not in"
    code = f"{here.code(key, Level.BIT_OR)} {word} {here.code(value, Level.BIT_OR)}"
    yield (here.replace(node, code, Level.COMPARE),), 0.0 if isinstance(asked, ast.Call) else 1.5


@expression("membership_to_get", ast.Compare, family="condition", prior=-4.0, inverse="get_to_membership")
def membership_to_get(node: ast.Compare, here: Context) -> Changes:
    """``if k in d`` -> ``if d.get(k)``: a key that is there with an empty value does not count."""
    match node:
        case ast.Compare(
            left=key, ops=[ast.In() | ast.NotIn() as op], comparators=[ast.Name() | ast.Attribute() as of]
        ) if here.is_condition(node):
            got = f"{here.code(of)}.get({here.code(key, Level.TEST)})"
            if isinstance(op, ast.In):
                yield (here.replace(node, got, Level.PRIMARY),), 0.0
                yield (here.replace(node, f"{got} is not None", Level.COMPARE),), 0.7
            else:
                yield (here.replace(node, f"not {got}", Level.NOT),), 0.0
                yield (here.replace(node, f"{got} is None", Level.COMPARE),), 0.7
        case _:
            return
