"""Operators on what a dictionary holds: whether a key is there, and what stands for one that is not."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from quantatissu.rewriting.context import Changes, Context, context, expression
from quantatissu.rewriting.edits import Edit
from quantatissu.rewriting.operators import Change, operator
from quantatissu.rewriting.precedence import Level
from quantatissu.rewriting.project import Project
from quantatissu.rewriting.source import Source


def _lookup(node: ast.expr) -> tuple[ast.expr, ast.expr] | None:
    """The dictionary and the key of ``d.get(k)`` and ``d[k]``."""
    match node:
        case ast.Call(func=ast.Attribute(value=value, attr="get"), args=[key], keywords=[]):
            return value, key
        case ast.Subscript(value=value, slice=key) if not isinstance(key, ast.Slice | ast.Constant):
            return value, key
        case _:
            return None


def _compared(node: ast.expr) -> tuple[ast.expr, bool]:
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
    asked, present = _compared(node)
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


_NEW_VALUES = {"append": "[]", "extend": "[]", "insert": "[]", "add": "set()", "discard": "set()", "update": "{}"}


@expression("item_to_setdefault", ast.Subscript, family="subscript", prior=-1.8, inverse="setdefault_to_item")
def item_to_setdefault(node: ast.Subscript, here: Context) -> Changes:
    """``d[k].append(x)`` -> ``d.setdefault(k, []).append(x)``, likewise for sets and dictionaries in dictionaries."""
    parent = here.parents.get(node)
    if isinstance(node.slice, ast.Slice) or not isinstance(node.ctx, ast.Load):
        return
    match parent:
        case ast.Attribute(attr=attr) if attr in _NEW_VALUES:
            values = [_NEW_VALUES[attr]]
        case ast.Subscript() if parent.value is node:
            values = ["{}", "[]"]
        case _:
            return
    head = f"{here.code(node.value, Level.PRIMARY)}.setdefault({here.code(node.slice, Level.TEST)}"
    for place, value in enumerate(values):
        yield (here.replace(node, f"{head}, {value})"),), 0.4 * place


@expression("setdefault_to_item", ast.Call, family="subscript", prior=-4.0, inverse="item_to_setdefault")
def setdefault_to_item(node: ast.Call, here: Context) -> Changes:
    """``d.setdefault(k, [])`` -> ``d[k]``."""
    match node:
        case ast.Call(func=ast.Attribute(value=value, attr="setdefault"), args=[key, _], keywords=[]):
            yield (here.replace(node, f"{here.code(value, Level.PRIMARY)}[{here.code(key)}]"),), 0.0
        case _:
            return


@operator("store_to_collect", ast.Assign, ast.AugAssign, family="statement", prior=-3.0, inverse="collect_to_store")
def store_to_collect(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """``d[k] = [x]`` -> ``d.setdefault(k, []).append(x)``, ``d[k] += x`` -> ``d[k] = d.get(k, 0) + x``."""
    here = context(source, project)
    match node:
        case ast.Assign(targets=[ast.Subscript(value=of, slice=key)], value=value):
            counted = None
        case ast.AugAssign(target=ast.Subscript(value=of, slice=key), op=ast.Add() | ast.Sub() as counted, value=value):
            pass
        case _:
            return
    if any(isinstance(part, ast.Slice) for part in ast.walk(key)):
        return
    table, place = here.code(of, Level.PRIMARY), here.code(key, Level.TEST)
    span = source.span(node)
    if counted is not None:
        sign = "+" if isinstance(counted, ast.Add) else "-"
        code = f"{table}[{here.code(key)}] = {table}.get({place}, 0) {sign} {here.code(value, Level.PRODUCT)}"
        yield (Edit(*span, code),), 0.0
        return
    if isinstance(value, ast.List) and len(value.elts) == 1:
        yield (Edit(*span, f"{table}.setdefault({place}, []).append({here.code(value.elts[0], Level.TEST)})"),), 0.0
    elif isinstance(value, ast.Set) and len(value.elts) == 1:
        yield (Edit(*span, f"{table}.setdefault({place}, set()).add({here.code(value.elts[0], Level.TEST)})"),), 0.0
    elif not isinstance(value, ast.Constant | ast.Dict | ast.DictComp | ast.ListComp | ast.JoinedStr):
        added = here.code(value, Level.PRODUCT)
        yield (Edit(*span, f"{table}[{here.code(key)}] = {table}.get({place}, 0) + {added}"),), 0.8
        yield (Edit(*span, f"{table}.setdefault({place}, []).append({here.code(value, Level.TEST)})"),), 1.2
        yield (Edit(*span, f"{table}.setdefault({place}, {here.code(value, Level.TEST)})"),), 0.8


@operator("collect_to_store", ast.Assign, ast.Expr, family="statement", prior=-5.0, inverse="store_to_collect")
def collect_to_store(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """``d.setdefault(k, []).append(x)`` -> ``d[k] = [x]``, ``d[k] = d.get(k, 0) + x`` -> ``d[k] += x``."""
    here = context(source, project)
    span = source.span(node)
    match node:
        case ast.Expr(
            value=ast.Call(
                func=ast.Attribute(
                    value=ast.Call(func=ast.Attribute(value=of, attr="setdefault"), args=[key, _]),
                    attr="append" | "add" as way,
                ),
                args=[item],
            )
        ):
            target = f"{here.code(of, Level.PRIMARY)}[{here.code(key)}]"
            inner = here.code(item, Level.TEST)
            yield (Edit(*span, f"{target} = [{inner}]" if way == "append" else f"{target} = {{{inner}}}"),), 0.0
            yield (Edit(*span, f"{target} = {inner}"),), 0.5
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=of, attr="setdefault"), args=[key, item])):
            target = f"{here.code(of, Level.PRIMARY)}[{here.code(key)}]"
            yield (Edit(*span, f"{target} = {here.code(item, Level.TEST)}"),), 0.5
        case ast.Assign(
            targets=[ast.Subscript() as target],
            value=ast.BinOp(
                left=ast.Call(func=ast.Attribute(attr="get"), args=[_, ast.Constant(value=0)]),
                op=ast.Add() | ast.Sub() as op,
                right=right,
            ),
        ):
            sign = "+=" if isinstance(op, ast.Add) else "-="
            yield (Edit(*span, f"{here.code(target)} {sign} {here.code(right)}"),), 0.0
            yield (Edit(*span, f"{here.code(target)} = {here.code(right)}"),), 0.3
        case _:
            return
