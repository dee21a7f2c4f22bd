"""Operators that turn one form of a call into another: joined text, and methods that work in place."""

from __future__ import annotations

import ast

from quantatissu.rewriting.context import Changes, Context, expression
from quantatissu.rewriting.precedence import Level
from quantatissu.rewriting.wrapping import called_name_of


@expression("join_as_text", ast.Call, family="call", prior=-1.4, inverse="join_as_is")
def join_as_text(node: ast.Call, here: Context) -> Changes:
    """``s.join(x)`` -> ``s.join(map(str, x))``."""
    match node:
        case ast.Call(func=ast.Attribute(attr="join"), args=[arg], keywords=[]) if not isinstance(arg, ast.Starred):
            if called_name_of(arg) == "map":
                return
            if isinstance(arg, ast.GeneratorExp | ast.ListComp):
                yield here.wrap(arg.elt, "str("), 0.0
            else:
                yield here.wrap(arg, "map(str, "), 0.0
        case _:
            return


@expression("join_as_is", ast.Call, family="call", prior=-4.0, inverse="join_as_text")
def join_as_is(node: ast.Call, here: Context) -> Changes:
    """``s.join(map(str, x))`` -> ``s.join(x)``."""
    match node:
        case ast.Call(
            func=ast.Attribute(attr="join"), args=[ast.Call(func=ast.Name(id="map"), args=[_, arg]) as inner]
        ):
            yield (here.replace_with(inner, arg),), 0.0
        case ast.Call(
            func=ast.Attribute(attr="join"),
            args=[
                ast.GeneratorExp(elt=ast.Call(func=ast.Name(id="str"), args=[value]) as inner)
                | ast.ListComp(elt=ast.Call(func=ast.Name(id="str"), args=[value]) as inner)
            ],
        ):
            yield (here.replace_with(inner, value),), 0.0
        case _:
            return


@expression("inplace_to_value", ast.Call, family="call", prior=-0.9, inverse="value_to_inplace")
def inplace_to_value(node: ast.Call, here: Context) -> Changes:
    """``y = x.sort()`` -> ``y = sorted(x)``, and the like for methods that give None."""
    if not isinstance(node.func, ast.Attribute) or not here.is_used(node):
        return
    value, attr = node.func.value, node.func.attr
    start, end = here.span(node)
    inside = here.text[here.text.index("(", here.span(node.func)[1]) + 1 : end - 1]
    receiver = here.code(value, Level.TEST)
    if attr == "sort":
        yield (here.put(start, end, f"sorted({receiver}{', ' + inside if inside.strip() else ''})"),), 0.0
    elif attr == "reverse" and not node.args:
        yield (here.put(start, end, f"list(reversed({receiver}))"),), 0.3
        yield (here.replace(node, f"{here.code(value, Level.PRIMARY)}[::-1]"),), 0.0
    elif attr == "append" and len(node.args) == 1:
        code = f"{here.code(value, Level.SUM)} + [{here.code(node.args[0], Level.TEST)}]"
        yield (here.replace(node, code, Level.SUM),), 0.0
    elif attr in ("extend", "update", "add") and len(node.args) == 1:
        other = here.code(node.args[0], Level.PRODUCT)
        codes = {
            "extend": f"{here.code(value, Level.SUM)} + {other}",
            "update": f"{{**{here.code(value, Level.BIT_OR)}, **{other}}}",
            "add": f"{here.code(value, Level.BIT_OR)} | {{{other}}}",
        }
        yield (here.replace(node, codes[attr], Level.BIT_OR),), 0.0


@expression("value_to_inplace", ast.Call, family="call", prior=-3.5, inverse="inplace_to_value")
def value_to_inplace(node: ast.Call, here: Context) -> Changes:
    """``sorted(x)`` -> ``x.sort()``."""
    match node:
        case ast.Call(func=ast.Name(id="sorted"), args=[arg]) if not isinstance(arg, ast.Starred):
            if here.is_bare_generator(arg):
                return
            start = here.span(node)[0]
            rest = here.source.span(node.keywords[0])[0] if node.keywords else here.outer(arg)[1]
            cost = 0.0 if isinstance(here.parents.get(node), ast.Expr) else 1.0
            yield (here.put(start, rest, f"{here.code(arg, Level.PRIMARY)}.sort("),), cost
        case _:
            return
