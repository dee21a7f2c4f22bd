"""Operators between functions that are taken for one another although they do not take the same arguments."""

from __future__ import annotations

import ast

from quantatissu.rewriting.context import Changes, Context, expression
from quantatissu.rewriting.edits import Edit
from quantatissu.rewriting.import_forms import reached
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
    found = reached(here.source, here.names(name), "itertools", "zip_longest")
    if found is None:
        return
    written, imports = found
    end = here.span(node)[1] - 1
    for argument, cost in _LONGER:
        more = (Edit(end, end, f", {argument}"),) if argument else ()
        yield (*imports, here.replace(name, written), *more), cost


@expression("longest_to_zip", ast.Call, family="call", prior=-3.5, inverse="zip_to_longest")
def longest_to_zip(node: ast.Call, here: Context) -> Changes:
    """``zip_longest(a, b, fillvalue=0)`` -> ``zip(a, b)``."""
    match node.func:
        case ast.Name(id="zip_longest") | ast.Attribute(attr="zip_longest"):
            arguments = ", ".join(here.code(argument, Level.TEST) for argument in node.args)
            yield (here.replace(node, f"zip({arguments})"),), 0.0
        case _:
            return


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


@expression("append_to_push", ast.Call, family="call", prior=-1.8, inverse="push_to_append")
def append_to_push(node: ast.Call, here: Context) -> Changes:
    """``heap.append(x)`` -> ``heapq.heappush(heap, x)``, ``heap.pop(0)`` -> ``heapq.heappop(heap)``, if imported."""
    if not isinstance(node.func, ast.Attribute):
        return
    known, value = here.names(node), here.code(node.func.value, Level.TEST)
    prefix = "" if "heappush" in known or "heappop" in known else "heapq." if known.get("heapq") == "import" else None
    match node:
        case ast.Call(func=ast.Attribute(attr="append"), args=[item], keywords=[]) if prefix is not None:
            yield (here.replace(node, f"{prefix}heappush({value}, {here.code(item, Level.TEST)})"),), 0.0
        case ast.Call(func=ast.Attribute(attr="pop"), args=[] | [ast.Constant()], keywords=[]) if prefix is not None:
            yield (here.replace(node, f"{prefix}heappop({value})"),), 0.0
    sorting = "" if "insort" in known else "bisect." if known.get("bisect") == "import" else None
    match node:
        case ast.Call(func=ast.Attribute(attr="append"), args=[item], keywords=[]) if sorting is not None:
            yield (here.replace(node, f"{sorting}insort({value}, {here.code(item, Level.TEST)})"),), 0.3


@expression("push_to_append", ast.Call, family="call", prior=-4.0, inverse="append_to_push")
def push_to_append(node: ast.Call, here: Context) -> Changes:
    """``heappush(heap, x)``, ``insort(items, x)`` -> ``.append(x)``, ``heappop(heap)`` -> ``heap.pop(0)``."""
    match node:
        case ast.Call(
            func=ast.Name(id="heappush" | "insort") | ast.Attribute(attr="heappush" | "insort"), args=[of, item]
        ):
            yield (here.replace(node, f"{here.code(of, Level.PRIMARY)}.append({here.code(item, Level.TEST)})"),), 0.0
        case ast.Call(func=ast.Name(id="heappop") | ast.Attribute(attr="heappop"), args=[of]):
            for place, arguments in enumerate(("0", "")):
                yield (here.replace(node, f"{here.code(of, Level.PRIMARY)}.pop({arguments})"),), 0.3 * place
        case _:
            return
