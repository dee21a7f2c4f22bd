"""Operators on what an object of the same class offers: a member for a variable, a method's answer for a member."""

from __future__ import annotations

import ast
from itertools import islice

from quantatissu.rewriting.context import Changes, Context, expression
from quantatissu.rewriting.kinds import kind
from quantatissu.rewriting.source import FunctionNode

_MAX_MEMBERS = 6


def _own(node: ast.AST, here: Context) -> tuple[list[str], list[str]]:
    """The members that a class keeps on ``self`` and its methods without parameters, in the order of the text."""
    owner = here.source.class_of(node)
    if owner is None or "self" not in here.names(node):
        return [], []
    found: tuple[list[str], list[str]] | None = here.memory.get(("own members", owner))
    if found is None:
        kept = [
            part.attr
            for part in ast.walk(owner)
            if isinstance(part, ast.Attribute) and isinstance(part.ctx, ast.Store) and _is_instance(part.value)
        ]
        asked = [
            member.name
            for member in owner.body
            if isinstance(member, FunctionNode)
            and len(member.args.args) == 1
            and not (member.decorator_list or member.name.startswith("__"))
        ]
        found = here.memory["own members", owner] = (list(dict.fromkeys(kept)), asked)
    return found


def _is_instance(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id == "self"


@expression("name_to_member", ast.Name, family="name", prior=-4.2, inverse="member_to_name")
def name_to_member(node: ast.Name, here: Context) -> Changes:
    """``amount`` -> ``self.total``: a member of the same class in place of a variable."""
    parent = here.parents.get(node)
    if (
        not isinstance(node.ctx, ast.Load)
        or node.id == "self"
        or (isinstance(parent, ast.Call) and node is parent.func)
    ):
        return
    if here.names(node).get(node.id) not in ("parameter", "local"):
        return
    for place, name in enumerate(islice((n for n in _own(node, here)[0] if n != node.id), _MAX_MEMBERS)):
        yield (here.replace(node, f"self.{name}"),), 0.2 * place


@expression("member_to_name", ast.Attribute, family="name", prior=-4.5, inverse="name_to_member")
def member_to_name(node: ast.Attribute, here: Context) -> Changes:
    """``self.total`` -> ``amount``: a variable in place of a member."""
    parent = here.parents.get(node)
    if not isinstance(node.ctx, ast.Load) or not _is_instance(node.value):
        return
    if isinstance(parent, ast.Attribute) or (isinstance(parent, ast.Call) and node is parent.func):
        return
    names = [name for name, origin in here.names(node).items() if origin in ("parameter", "local") and name != "self"]
    for place, name in enumerate([name for name in names if name != node.attr][:_MAX_MEMBERS]):
        yield (here.replace(node, name),), 0.2 * place


@expression("member_to_answer", ast.Attribute, family="name", prior=-3.6, inverse="answer_to_member")
def member_to_answer(node: ast.Attribute, here: Context) -> Changes:
    """``self.balance`` -> ``self.available()``: what a method of the same class says of it."""
    parent, function = here.parents.get(node), here.source.function_of(node)
    if not isinstance(node.ctx, ast.Load) or not _is_instance(node.value) or isinstance(parent, ast.Attribute):
        return
    if isinstance(parent, ast.Call) and node is parent.func:
        return
    for place, name in enumerate(_own(node, here)[1][:_MAX_MEMBERS]):
        if function is not None and name not in (node.attr, getattr(function, "name", None)):
            yield (here.replace(node, f"self.{name}()"),), 0.3 * place


@expression("answer_to_member", ast.Call, family="name", prior=-4.4, inverse="member_to_answer")
def answer_to_member(node: ast.Call, here: Context) -> Changes:
    """``self.available()`` -> ``self.balance``."""
    if not here.is_used(node):
        return
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="self")), args=[], keywords=[]):
            for place, name in enumerate(_own(node, here)[0][:_MAX_MEMBERS]):
                yield (here.replace(node, f"self.{name}"),), 0.2 * place
        case _:
            return


# -- lengths and items ----------------------------------------------------------------------------------------------


@expression("length_to_item", ast.Call, family="subscript", prior=-3.4, inverse="item_to_length")
def length_to_item(node: ast.Call, here: Context) -> Changes:
    """``len(counts)`` -> ``counts[key]`` with a name that a loop binds."""
    match node:
        case ast.Call(func=ast.Name(id="len"), args=[ast.Name() as table], keywords=[]):
            for place, name in enumerate(_loop_names(node, here)[:3]):
                if name != table.id:
                    yield (here.replace(node, f"{table.id}[{name}]"),), 0.3 * place
        case _:
            return


@expression("item_to_length", ast.Subscript, family="subscript", prior=-4.8, inverse="length_to_item")
def item_to_length(node: ast.Subscript, here: Context) -> Changes:
    """``counts[key]`` -> ``len(counts)`` where a number is wanted."""
    parent = here.parents.get(node)
    match node:
        case ast.Subscript(value=ast.Name(id=name), slice=ast.Name(), ctx=ast.Load()):
            if isinstance(parent, ast.BinOp | ast.Compare) and kind(node, here) in (None, "int"):
                yield (here.replace(node, f"len({name})"),), 0.0
        case _:
            return


def _loop_names(node: ast.AST, here: Context) -> list[str]:
    """The names that loops and comprehensions around a node bind, the innermost first."""
    found: list[str] = []
    for up in here.source.ancestors(node):
        if isinstance(up, FunctionNode | ast.ClassDef):
            break
        targets = [clause.target for clause in getattr(up, "generators", ())]
        if isinstance(up, ast.For | ast.AsyncFor):
            targets.append(up.target)
        found += [part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)]
    return list(dict.fromkeys(found))
