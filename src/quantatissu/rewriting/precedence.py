"""How tightly an expression binds, and how tightly each place of the grammar wants its expression to bind.

An expression may stand at a place without parentheses when its level is at least the place's.
"""

from __future__ import annotations

import ast
from enum import IntEnum


class Level(IntEnum):
    """Binding strength, loosest first (the order of the Python reference's precedence table)."""

    TUPLE = 0  # without its parentheses
    NAMED = 1  # :=, yield
    TEST = 2  # lambda
    CONDITIONAL = 3
    OR = 4
    AND = 5
    NOT = 6
    COMPARE = 7
    BIT_OR = 8
    BIT_XOR = 9
    BIT_AND = 10
    SHIFT = 11
    SUM = 12
    PRODUCT = 13
    UNARY = 14
    POWER = 15
    AWAIT = 16
    NUMBER = 17  # an attribute cannot follow an integer
    PRIMARY = 18
    ATOM = 19


BINARY_LEVELS: dict[type[ast.operator], Level] = {
    ast.BitOr: Level.BIT_OR,
    ast.BitXor: Level.BIT_XOR,
    ast.BitAnd: Level.BIT_AND,
    ast.LShift: Level.SHIFT,
    ast.RShift: Level.SHIFT,
    ast.Add: Level.SUM,
    ast.Sub: Level.SUM,
    ast.Mult: Level.PRODUCT,
    ast.Div: Level.PRODUCT,
    ast.FloorDiv: Level.PRODUCT,
    ast.Mod: Level.PRODUCT,
    ast.MatMult: Level.PRODUCT,
    ast.Pow: Level.POWER,
}

_LEVELS: dict[type[ast.AST], Level] = {
    ast.NamedExpr: Level.NAMED,
    ast.Yield: Level.NAMED,
    ast.YieldFrom: Level.NAMED,
    ast.Starred: Level.TUPLE,
    ast.Lambda: Level.TEST,
    ast.IfExp: Level.CONDITIONAL,
    ast.Compare: Level.COMPARE,
    ast.Await: Level.AWAIT,
    ast.Call: Level.PRIMARY,
    ast.Attribute: Level.PRIMARY,
    ast.Subscript: Level.PRIMARY,
}


def level(node: ast.AST) -> Level:
    """How tightly `node` binds. A tuple counts as parenthesised; see `Context.level` for one that is not."""
    if isinstance(node, ast.BinOp):
        return BINARY_LEVELS[type(node.op)]
    if isinstance(node, ast.UnaryOp):
        return Level.NOT if isinstance(node.op, ast.Not) else Level.UNARY
    if isinstance(node, ast.BoolOp):
        return Level.AND if isinstance(node.op, ast.And) else Level.OR
    if isinstance(node, ast.Constant) and type(node.value) in (int, float, complex):
        return Level.NUMBER
    return _LEVELS.get(type(node), Level.ATOM)


def required(node: ast.AST, parent: ast.AST | None) -> Level:
    """The loosest level that may stand bare in `node`'s place below `parent`."""
    match parent:
        case ast.BinOp():
            own = BINARY_LEVELS[type(parent.op)]
            if own is Level.POWER:
                return Level.AWAIT if node is parent.left else Level.UNARY
            return own if node is parent.left else Level(own + 1)
        case ast.UnaryOp():
            return Level.NOT if isinstance(parent.op, ast.Not) else Level.UNARY
        case ast.BoolOp():
            return Level.NOT if isinstance(parent.op, ast.And) else Level.AND
        case ast.Compare() | ast.Starred():
            return Level.BIT_OR
        case ast.Attribute() | ast.Await():
            return Level.PRIMARY
        case ast.Call():
            return Level.NUMBER if node is parent.func else Level.NAMED
        case ast.Subscript():
            return Level.NUMBER if node is parent.value else Level.TUPLE
        case ast.IfExp():
            return Level.CONDITIONAL if node is parent.orelse else Level.OR
        case ast.comprehension():
            return Level.OR if node is parent.iter or node in parent.ifs else Level.ATOM
        case ast.Dict():
            splatted = any(key is None and value is node for key, value in zip(parent.keys, parent.values, strict=True))
            return Level.BIT_OR if splatted else Level.TEST
        case ast.keyword():
            return Level.BIT_OR if parent.arg is None else Level.TEST
        case ast.FormattedValue():
            return Level.CONDITIONAL
        case ast.Expr() | ast.Return() | ast.Assign() | ast.AugAssign() | ast.For() | ast.AsyncFor() | ast.Yield():
            return Level.TUPLE
        case ast.If() | ast.While() | ast.List() | ast.Set():
            return Level.NAMED
        case ast.MatchValue():
            return Level.UNARY
        case _:
            return Level.TEST
