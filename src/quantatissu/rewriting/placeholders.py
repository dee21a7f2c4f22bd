"""Operators between a constant and a name: a value that was meant to be passed on, or was passed on by mistake."""

from __future__ import annotations

import ast
from collections import Counter

from quantatissu.rewriting.context import Changes, Context, expression
from quantatissu.rewriting.kinds import CONTAINERS, kind, kind_of_name
from quantatissu.rewriting.precedence import Level
from quantatissu.rewriting.ranking import ranked_names

_MAX_NAMES = 6
_MAX_MEMBERS = 8
_MEMBER = 0.6
_SAME_KEYWORD = -1.0


@expression("constant_to_name", ast.Constant, family="name", prior=-3.4, inverse="name_to_constant")
def constant_to_name(node: ast.Constant, here: Context) -> Changes:
    """``f(None)`` -> ``f(x)``, ``return 0`` -> ``return total``; for ``key=None`` a variable called ``key`` first."""
    parent = here.parents.get(node)
    if isinstance(parent, ast.Expr | ast.JoinedStr | ast.FormattedValue) or not isinstance(
        node.value, str | int | float | bool | None
    ):
        return
    if isinstance(parent, ast.arguments):
        return  # a default is evaluated where none of the function's names exist
    keyword = parent.arg if isinstance(parent, ast.keyword) else None
    plain = 0.0 if node.value is None else 0.5
    for name, cost in ranked_names(node, here, ("parameter", "local", "enclosing"))[:_MAX_NAMES]:
        found = max(0.0, plain + cost + (_SAME_KEYWORD if name == keyword else 0.0))
        yield (here.replace(node, name),), found
        if type(node.value) is int and isinstance(parent, ast.Assign | ast.Return):
            yield (here.replace(node, f"-{name}", Level.UNARY),), found + 1.0


@expression("number_to_length", ast.Constant, family="name", prior=-3.8, inverse="length_to_number")
def number_to_length(node: ast.Constant, here: Context) -> Changes:
    """``x - 1`` -> ``x - len(MARK)``, in sums, comparisons, indices and arguments: the length was counted by hand."""
    parent = here.parents.get(node)
    if type(node.value) is not int or not isinstance(
        parent, ast.BinOp | ast.Compare | ast.Subscript | ast.Slice | ast.Call | ast.Assign | ast.AugAssign
    ):
        return
    named = [name for name in here.names(node) if kind_of_name(name, node, here) in CONTAINERS - {"iter"}]
    texts = [name for name in _sized_constants(here) if name in here.names(node)]
    for place, name in enumerate(list(dict.fromkeys([*texts, *named]))[:_MAX_NAMES]):
        yield (here.replace(node, f"len({name})"),), 0.2 * place


def _sized_constants(here: Context) -> list[str]:
    """Variables of the module that hold a text or a display."""
    table: list[str] | None = here.memory.get("sized constants")
    if table is None:
        table = here.memory["sized constants"] = [
            node.targets[0].id
            for node in here.source.tree.body
            if isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and kind(node.value, here) in CONTAINERS
        ]
    return table


@expression("length_to_number", ast.Call, family="literal", prior=-5.0, inverse="number_to_length")
def length_to_number(node: ast.Call, here: Context) -> Changes:
    """``len(x)`` -> 1, 0, 2."""
    if isinstance(node.func, ast.Name) and node.func.id == "len" and len(node.args) == 1:
        for place, text in enumerate(("1", "0", "2")):
            yield (here.replace(node, text, Level.NUMBER),), _MEMBER * place


@expression("empty_to_name", ast.List, ast.Tuple, ast.Dict, family="name", prior=-2.9, inverse="name_to_empty")
def empty_to_name(node: ast.List | ast.Tuple | ast.Dict, here: Context) -> Changes:
    """``for x in []`` -> ``for x in items``, ``f({})`` -> ``f(options)``, with names and members of ``self``."""
    if (node.keys if isinstance(node, ast.Dict) else node.elts) or isinstance(here.parents.get(node), ast.arguments):
        return
    for name, cost in ranked_names(node, here, ("parameter", "local", "enclosing"))[:_MAX_NAMES]:
        yield (here.replace(node, name),), cost
    if "self" in here.names(node):
        members = here.project.members.get("self", Counter())
        for place, (name, _) in enumerate(members.most_common(_MAX_MEMBERS)):
            if name not in here.project.signatures:
                yield (here.replace(node, f"self.{name}"),), 0.6 + 0.1 * place


@expression("name_to_empty", ast.Name, ast.Attribute, family="name", prior=-5.5, inverse="empty_to_name")
def name_to_empty(node: ast.Name | ast.Attribute, here: Context) -> Changes:
    """``for x in items`` -> ``for x in []``, ``f(options)`` -> ``f({})``."""
    parent = here.parents.get(node)
    iterated = isinstance(parent, ast.For) and parent.iter is node
    if isinstance(node.ctx, ast.Load) and (
        iterated or (isinstance(parent, ast.Call) and not here.source.is_called(node))
    ):
        for place, text in enumerate(("[]", "{}", "()")):
            yield (here.replace(node, text),), _MEMBER * place


@expression("name_to_constant", ast.Name, family="name", prior=-5.2, inverse="constant_to_name")
def name_to_constant(node: ast.Name, here: Context) -> Changes:
    """``f(x)`` -> ``f(None)``: for a value that must not be passed on."""
    parent = here.parents.get(node)
    if isinstance(node.ctx, ast.Load) and isinstance(parent, ast.Call | ast.keyword | ast.Return | ast.Assign):
        if here.source.is_called(node):
            return
        for place, text in enumerate(("None", "0", "1", "''", "False", "True")):
            yield (here.replace(node, text),), _MEMBER * place
