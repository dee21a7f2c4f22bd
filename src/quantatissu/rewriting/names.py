"""Operators on names: another variable, attribute or keyword, and the step between a name and a member."""

from __future__ import annotations

import ast
import re

from quantatissu.rewriting.context import Changes, Context, expression
from quantatissu.rewriting.edits import Edit
from quantatissu.rewriting.project import dotted, is_self
from quantatissu.rewriting.ranking import (
    are_partners,
    builtin_partners,
    ranked_members,
    ranked_names,
    similarity,
)
from quantatissu.rewriting.source import BUILTIN_NAMES
from quantatissu.rewriting.vocabulary import KNOWN_KEYWORDS, PLAIN_METHODS

_MAX_NAMES = 12
_MAX_TARGETS = 5
_MAX_MEMBERS = 10
_KEYWORD_NAME = re.compile(r"[^\W\d]\w*")


@expression("replace_name", ast.Name, family="name", prior=-3.3)
def replace_name(node: ast.Name, here: Context) -> Changes:
    """``x`` -> another name in scope, the likeliest dozen."""
    if not isinstance(node.ctx, ast.Load):
        return
    for name, cost in ranked_names(node, here, old=node.id)[:_MAX_NAMES]:
        yield (here.replace(node, name),), cost


@expression("replace_builtin", ast.Name, family="name", prior=-2.8)
def replace_builtin(node: ast.Name, here: Context) -> Changes:
    """``min`` -> ``max``, ``any`` -> ``all``, ``KeyError`` -> ``IndexError``, and a misspelt built-in name."""
    if isinstance(node.ctx, ast.Load):
        for name, cost in builtin_partners(node.id, here, node):
            yield (here.replace(node, name),), cost


@expression("replace_target", ast.Name, family="name", prior=-4.5)
def replace_target(node: ast.Name, here: Context) -> Changes:
    """``x = ...`` -> ``y = ...`` with another local, also in loops and ``with``."""
    if not isinstance(node.ctx, ast.Store):
        return
    ranked = ranked_names(node, here, ("parameter", "local", "global"), old=node.id)
    for name, cost in ranked[:_MAX_TARGETS]:
        yield (here.replace(node, name),), cost


def _name_span(node: ast.Attribute, here: Context) -> tuple[int, int]:
    end = here.span(node)[1]
    return end - len(node.attr), end


@expression("replace_attribute", ast.Attribute, family="name", prior=-2.2)
def replace_attribute(node: ast.Attribute, here: Context) -> Changes:
    """``x.a`` -> ``x.b``: members of the same role, seen on the same base, or spelt alike."""
    start, end = _name_span(node, here)
    if here.text[start:end] != node.attr:
        return  # spelt in another Unicode form
    owner = here.source.class_of(node) if is_self(node.value) else None
    ranked = ranked_members(dotted(node.value), node.attr, here, store=not isinstance(node.ctx, ast.Load), owner=owner)
    called = isinstance(here.parents.get(node), ast.Call)
    for name, cost in ranked[:_MAX_MEMBERS]:
        known = (name in here.project.signatures or name in PLAIN_METHODS) != called
        yield (Edit(start, end, name),), cost + (0.5 if known else 0.0)


@expression("drop_attribute", ast.Attribute, family="name", prior=-2.9, inverse="add_attribute")
def drop_attribute(node: ast.Attribute, here: Context) -> Changes:
    """``x.a`` -> ``x``; a method's name stays with its call."""
    if here.source.is_called(node):
        return
    if isinstance(node.ctx, ast.Load) and node.attr != "__class__":
        yield (here.replace_with(node, node.value),), 0.0 if not is_self(node.value) else 2.5


@expression("add_attribute", ast.Name, ast.Attribute, family="name", prior=-3.7, inverse="drop_attribute")
def add_attribute(node: ast.Name | ast.Attribute, here: Context) -> Changes:
    """``x`` -> ``x.a`` with members seen on ``x``."""
    parent = here.parents.get(node)
    if not isinstance(node.ctx, ast.Load) or (isinstance(parent, ast.Call) and node is parent.func):
        return
    base = dotted(node)
    if base is None or base in ("self", "cls"):
        return
    already = parent.attr if isinstance(parent, ast.Attribute) else None
    seen = [(name, count) for name, count in here.project.members.get(base, {}).items() if name != already]
    seen.sort(key=lambda pair: (-pair[1], pair[0]))
    for index, (name, _) in enumerate(seen[:5]):
        extra = 1.5 if already else 0.0
        yield (here.put(here.span(node)[1], here.span(node)[1], f".{name}"),), 0.3 * index + extra


@expression("name_to_attribute", ast.Name, family="name", prior=-2.5, inverse="attribute_to_name")
def name_to_attribute(node: ast.Name, here: Context) -> Changes:
    """``x`` -> ``self.x``, and ``module.x`` or ``Class.x`` where the project writes that."""
    known = here.names(node)
    unresolved = node.id not in known and node.id not in BUILTIN_NAMES
    for base in ("self", "cls"):
        if base in known and node.id != base and here.source.class_of(node) is not None:
            seen = node.id in here.project.members.get(base, {}) or "_" + node.id in here.project.members.get(base, {})
            if seen or unresolved:
                yield (here.replace(node, f"{base}.{node.id}"),), 0.0 if seen else 1.0
            if "_" + node.id in here.project.members.get(base, {}):
                yield (here.replace(node, f"{base}._{node.id}"),), 0.7
    if isinstance(node.ctx, ast.Load):
        bases = [base for base in _owners_of(node.id, here) if base.split(".")[0] in known]
        for index, base in enumerate(bases[:4]):
            if base not in ("self", "cls"):
                yield (here.replace(node, f"{base}.{node.id}"),), (0.5 if unresolved else 2.0) + 0.3 * index


def _owners_of(name: str, here: Context) -> list[str]:
    """Bases on which the project uses a member called `name`, short ones first."""
    table: dict[str, list[str]] | None = here.memory.get("owners_of")
    if table is None:
        table = here.memory["owners_of"] = {}
        for base, members in sorted(here.project.members.items(), key=lambda pair: (len(pair[0]), pair[0])):
            for member in members:
                table.setdefault(member, []).append(base)
    return table.get(name, [])


@expression("attribute_to_name", ast.Attribute, family="name", prior=-2.2, inverse="name_to_attribute")
def attribute_to_name(node: ast.Attribute, here: Context) -> Changes:
    """``self.x`` -> ``x`` where ``x`` is in scope."""
    known = here.names(node)
    bare = node.attr.lstrip("_")
    for name, cost in dict.fromkeys(((node.attr, 0.0), (bare, 0.5))):
        if known.get(name) in ("parameter", "local", "enclosing"):
            yield (here.replace(node, name),), cost
        elif name in known:
            yield (here.replace(node, name),), cost + 1.0


@expression("replace_base", ast.Attribute, family="name", prior=-3.0)
def replace_base(node: ast.Attribute, here: Context) -> Changes:
    """``self.a.x`` -> ``self.b.x`` and ``a.x`` -> ``self.b.x``: bases on which the project uses the same member."""
    base = dotted(node.value)
    if base is None or base in ("self", "cls"):
        return
    known = here.names(node)
    others = [
        other
        for other in _owners_of(node.attr, here)
        # One plain name for another is `replace_name`.
        if other != base and ("." in base or "." in other) and other.split(".")[0] in known
    ]
    for index, other in enumerate(others[:4]):
        paired = are_partners(base.split(".")[-1], other.split(".")[-1])
        yield (here.replace(node.value, other),), 0.3 * index + (0.0 if paired else 0.5)


@expression("rename_keyword", ast.keyword, family="name", prior=-2.9)
def rename_keyword(node: ast.keyword, here: Context) -> Changes:
    """``f(a=x)`` -> ``f(b=x)`` with the keywords `f` is known to take."""
    call = here.parents.get(node)
    if node.arg is None or not isinstance(call, ast.Call):
        return
    start = here.source.span(node)[0]
    if not here.text.startswith(node.arg, start):
        return
    used = {keyword.arg for keyword in call.keywords}
    offered = [name for name in known_keywords(call, here) if name not in used]
    old = node.arg
    costs = {name: 1.0 - similarity(old, name) - 0.5 * are_partners(old, name) for name in offered}
    for name, cost in sorted(costs.items(), key=lambda pair: (pair[1], pair[0]))[:8]:
        yield (Edit(start, start + len(node.arg), name),), round(max(0.0, cost), 3)


def known_keywords(call: ast.Call, here: Context) -> list[str]:
    """Keywords the called function may take: its signature's, and those other calls pass to a function of its name."""
    name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", None)
    if name is None:
        return []
    found: dict[str, None] = {}
    for signature in here.project.signatures.get(name, ())[:3]:
        found.update(dict.fromkeys((*signature.keyword_only, *signature.parameters)))
    found.update(dict.fromkeys(KNOWN_KEYWORDS.get(name, ())))
    found.update(dict.fromkeys(_passed_keywords(here).get(name, ())))
    return list(found)


def _passed_keywords(here: Context) -> dict[str, list[str]]:
    table: dict[str, list[str]] | None = here.memory.get("keywords")
    if table is None:
        table = here.memory["keywords"] = {}
        for source in here.project.sources or [here.source]:
            for node in source.nodes:
                if isinstance(node, ast.Call) and node.keywords:
                    name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
                    passed = table.setdefault(name, [])
                    passed.extend(key.arg for key in node.keywords if key.arg and key.arg not in passed)
    return table
