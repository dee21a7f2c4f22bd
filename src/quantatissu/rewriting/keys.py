"""Operators on what things are sorted by: a missing key, its direction, and what decides between equals."""

from __future__ import annotations

import ast

from quantatissu.rewriting.calls import called_name
from quantatissu.rewriting.context import Changes, Context, expression
from quantatissu.rewriting.edits import Edit
from quantatissu.rewriting.kinds import kinds_of_names
from quantatissu.rewriting.precedence import Level

_SORTING = ("sorted", "min", "max", "sort", "nlargest", "nsmallest")
_KEYS = (
    ("lambda item: item[1]", 0.4),
    ("lambda item: -item[1]", 0.8),
    ("lambda item: item[0]", 1.0),
    ("str.lower", 0.8),
    ("abs", 1.2),
    ("int", 1.2),
)
_MAX_MAPPINGS = 3


@expression("add_key", ast.Call, family="call", prior=-3.0, inverse="drop_argument")
def add_key(node: ast.Call, here: Context) -> Changes:
    """``max(names)`` -> ``max(names, key=counts.get)``, ``sorted(x)`` -> ``sorted(x, key=lambda item: item[1])``."""
    if called_name(node) not in _SORTING or any(keyword.arg in ("key", None) for keyword in node.keywords):
        return
    is_method = isinstance(node.func, ast.Attribute) and called_name(node) == "sort"
    if not (is_method or node.args) or (node.args and here.is_bare_generator(node.args[0])):
        return
    kinds = kinds_of_names(node, here)
    mappings = [name for name in here.names(node) if kinds.get(name) == "dict"]
    offered = [(f"{name}.get", 0.2 * place) for place, name in enumerate(mappings[:_MAX_MAPPINGS])]
    end = here.span(node)[1] - 1
    for text, cost in (*offered, *_KEYS):
        joint = ", " if node.args or node.keywords else ""
        yield (Edit(end, end, f"{joint}key={text}"),), cost


@expression("negate_key", ast.Lambda, family="operator", prior=-2.0, inverse="drop_sign")
def negate_key(node: ast.Lambda, here: Context) -> Changes:
    """``key=lambda word: counts[word]`` -> ``key=lambda word: -counts[word]``."""
    if isinstance(here.parents.get(node), ast.keyword) and not isinstance(
        node.body, ast.Tuple | ast.UnaryOp | ast.Constant | ast.Compare
    ):
        yield (here.replace(node.body, f"-{here.code(node.body, Level.UNARY)}", Level.UNARY),), 0.0


@expression("add_tiebreak", ast.Lambda, family="operator", prior=-2.4, inverse="drop_tiebreak")
def add_tiebreak(node: ast.Lambda, here: Context) -> Changes:
    """``key=lambda word: counts[word]`` -> ``key=lambda word: (counts[word], word)``; of pairs the other half."""
    parent = here.parents.get(node)
    if not isinstance(parent, ast.keyword) or len(node.args.args) != 1 or isinstance(node.body, ast.Tuple):
        return
    name, body = node.args.args[0].arg, node.body
    own = here.code(body, Level.TEST)
    turned = f"-{here.code(body, Level.UNARY)}"
    others = [name]
    match body:
        case ast.Subscript(value=ast.Name(id=of), slice=ast.Constant(value=0 | 1 as index)) if of == name:
            others = [f"{name}[{1 - index}]", name]
        case ast.UnaryOp(
            op=ast.USub(), operand=ast.Subscript(value=ast.Name(id=of), slice=ast.Constant(value=0 | 1 as index))
        ):
            others = [f"{name}[{1 - index}]", name] if of == name else others
    reverse = _without_reverse(here.parents.get(parent), here)
    for place, other in enumerate(others):
        yield (here.replace(body, f"({own}, {other})"),), 0.3 * place
        if reverse is not None:
            yield (here.replace(body, f"({turned}, {other})"), reverse), 0.2 + 0.3 * place
        else:
            yield (here.replace(body, f"({own}, -{other})"),), 1.2 + 0.3 * place
            yield (here.replace(body, f"({turned}, {other})"),), 0.8 + 0.3 * place


def _without_reverse(call: ast.AST | None, here: Context) -> Edit | None:
    """The edit that takes ``reverse=True`` out of a call."""
    if not isinstance(call, ast.Call):
        return None
    for keyword in call.keywords:
        if keyword.arg == "reverse" and isinstance(keyword.value, ast.Constant) and keyword.value.value is True:
            start, end = here.source.span(keyword)
            lead = here.text[:start].rstrip()
            return Edit(len(lead) - 1, end, "") if lead.endswith(",") else None
    return None


@expression("drop_tiebreak", ast.Lambda, family="operator", prior=-3.0, inverse="add_tiebreak")
def drop_tiebreak(node: ast.Lambda, here: Context) -> Changes:
    """``key=lambda word: (counts[word], word)`` -> ``key=lambda word: counts[word]``."""
    if (
        isinstance(here.parents.get(node), ast.keyword)
        and isinstance(node.body, ast.Tuple)
        and len(node.body.elts) == 2
    ):
        for place, part in enumerate(node.body.elts):
            yield (here.replace_with(node.body, part),), 1.0 * place
