"""Operators on calls: their arguments, called or only named, recursion, ``await``, ``super`` and stars."""

from __future__ import annotations

import ast
import re
from itertools import pairwise

from quantatissu.rewriting.context import Changes, Context, expression
from quantatissu.rewriting.edits import Edit
from quantatissu.rewriting.kinds import in_function_of_its_own, kind
from quantatissu.rewriting.names import known_keywords
from quantatissu.rewriting.precedence import Level
from quantatissu.rewriting.project import dotted, is_self
from quantatissu.rewriting.ranking import ranked_names
from quantatissu.rewriting.source import FunctionNode
from quantatissu.rewriting.vocabulary import EXTRA_ARGUMENTS, PLAIN_METHODS

_MAX_SWAPS = 6
_MAX_DROPPED = 8
_MAX_ADDED = 6
_LITERALS = (("None", 1.5), ("True", 1.8), ("False", 1.8), ("0", 1.8), ("1", 1.8), ("''", 2.5))


def called_name(node: ast.Call) -> str | None:
    """The last name of what is called: ``f`` for ``f()`` and ``a.f()``."""
    return node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", None)


def _arguments(node: ast.Call) -> list[ast.expr | ast.keyword]:
    """Positional and keyword arguments in the order of the text."""
    return sorted([*node.args, *node.keywords], key=lambda part: (part.lineno, part.col_offset))


@expression("swap_arguments", ast.Call, family="call", prior=-2.9)
def swap_arguments(node: ast.Call, here: Context) -> Changes:
    """``f(a, b)`` -> ``f(b, a)``; also the values of two keywords."""
    args = [arg for arg in node.args if not isinstance(arg, ast.Starred)]
    pairs = [(i, j) for i in range(len(args)) for j in range(i + 1, len(args))]
    for i, j in sorted(pairs, key=lambda pair: (pair[1] - pair[0], pair[0]))[:_MAX_SWAPS]:
        yield here.swap(args[i], args[j]), 0.6 * (j - i - 1) + (0.0 if len(args) == 2 else 0.4)
    values = [keyword.value for keyword in node.keywords if keyword.arg is not None]
    for left, right in list(pairwise(values))[:3]:
        yield here.swap(left, right), 1.5


@expression("drop_argument", ast.Call, family="call", prior=-2.6, inverse="add_argument")
def drop_argument(node: ast.Call, here: Context) -> Changes:
    """``f(a, b)`` -> ``f(a)``, any argument."""
    members = _arguments(node)
    if (
        called_name(node) == "super"
        or len(members) > _MAX_DROPPED
        or (len(members) == 1 and here.is_bare_generator(members[0]))
    ):
        return
    for index, member in enumerate(members):
        last = index == len(members) - 1
        cost = (0.0 if last or isinstance(member, ast.keyword) else 1.0) + (0.7 if len(members) == 1 else 0.0)
        if last and index:
            start, end = here.outer(members[index - 1])[1], here.outer(member)[1]
        elif last:
            start, end = here.outer(node.func)[1], here.span(node)[1]
            start = here.text.index("(", start) + 1
            end -= 1
        else:
            start, end = here.outer(member)[0], here.outer(members[index + 1])[0]
        yield (Edit(start, end, ""),), cost


@expression("add_argument", ast.Call, family="call", prior=-2.6, inverse="drop_argument")
def add_argument(node: ast.Call, here: Context) -> Changes:
    """``f(a)`` -> ``f(a, b)``: forgotten options, names in scope, keywords of a known signature, plain constants."""
    members = _arguments(node)
    name = called_name(node)
    if name is None or name == "super":
        return
    if members and here.is_bare_generator(members[0]):
        start, end = here.span(members[0])
        for index, text in enumerate(EXTRA_ARGUMENTS.get(name, ()) if name in ("max", "min", "next", "sorted") else ()):
            yield (Edit(start, start, "("), Edit(end, end, f"), {text}")), 0.2 * index
        return
    offered: dict[str, float] = {}
    for index, text in enumerate(EXTRA_ARGUMENTS.get(name, ())):
        root = text.split("=")[-1].split(".")[0]
        if "." not in text or text[0] in "'\"" or root in here.names(node):
            offered[text] = 0.2 * index
    used = {keyword.arg for keyword in node.keywords}
    known = here.names(node)
    if not any(isinstance(arg, ast.Starred) for arg in node.args):
        for index, key in enumerate(known_keywords(node, here)):
            if key not in used and key in known and index >= len(node.args):
                offered.setdefault(f"{key}={key}", 0.3)
    positional_end = not node.keywords
    signatures = here.project.signatures.get(name, ())
    missing = any(len(node.args) + len(node.keywords) < signature.required for signature in signatures)
    roomy = not signatures or any(len(node.args) < len(signature.parameters) for signature in signatures)
    if positional_end and roomy and (signatures or name not in EXTRA_ARGUMENTS):
        base = 0.3 if missing else 1.2 if signatures else 2.0
        for text, cost in ranked_names(node, here, ("parameter", "local", "enclosing"))[:_MAX_ADDED]:
            offered.setdefault(text, base + 0.7 * cost)
        for text, cost in _LITERALS[: 6 if signatures else 3]:
            offered.setdefault(text, base + cost)
    end = here.span(node)[1] - 1
    for text, cost in offered.items():
        if not members:
            yield (Edit(end, end, text),), cost
        else:
            at = here.outer(members[-1])[1]
            yield (Edit(at, at, f", {text}"),), cost
    if members and positional_end and roomy:
        at = here.outer(members[0])[0]
        for index, (text, cost) in enumerate(_leading(node, name, here)):
            yield (here.put(at, at, f"{text}, "),), cost + 0.2 * index


def _leading(node: ast.Call, name: str, here: Context) -> list[tuple[str, float]]:
    """First arguments that may be missing in front of the others."""
    found = [("0", 0.5), ("1", 0.7)] if name == "range" and len(node.args) == 1 else []
    known = here.names(node)
    if "self" in known and isinstance(node.func, ast.Attribute) and not is_self(node.func.value):
        found.append(("self", 1.5))
    if name in here.project.signatures:
        found += [(text, 1.5 + cost) for text, cost in ranked_names(node, here, ("parameter", "local"))[:3]]
    return found


@expression("drop_call", ast.Call, family="call", prior=-3.2, inverse="add_call")
def drop_call(node: ast.Call, here: Context) -> Changes:
    """``f()`` -> ``f``."""
    if not node.args and not node.keywords and here.is_used(node) and called_name(node) != "super":
        yield (Edit(here.outer(node.func)[1], here.span(node)[1], ""),), 0.0


@expression("add_call", ast.Name, ast.Attribute, family="call", prior=-2.5, inverse="drop_call")
def add_call(node: ast.Name | ast.Attribute, here: Context) -> Changes:
    """``f`` -> ``f()`` for functions and methods that need no argument, and for what the file calls so."""
    parent = here.parents.get(node)
    if not isinstance(node.ctx, ast.Load) or (isinstance(parent, ast.Call) and node is parent.func):
        return
    if _is_decorator(node, here) or isinstance(parent, ast.ClassDef | ast.ExceptHandler):
        return
    name = node.id if isinstance(node, ast.Name) else node.attr
    signatures = here.project.signatures.get(name, ())
    called = _called_bare(here)
    if any(signature.required == 0 for signature in signatures) or name in called:
        cost = 0.0
    elif isinstance(node, ast.Attribute) and name in PLAIN_METHODS:
        cost = 0.5
    elif isinstance(parent, ast.withitem) and here.names(node).get(name) != "local":
        cost = 0.7
    else:
        return
    end = here.span(node)[1]
    yield (Edit(end, end, "()"),), cost + (1.0 if isinstance(parent, ast.Attribute) else 0.0)


def _called_bare(here: Context) -> set[str]:
    """Names of the functions that the file calls without an argument."""
    table: set[str] | None = here.memory.get("called bare")
    if table is None:
        table = here.memory["called bare"] = {
            called_name(node) or ""
            for node in here.source.nodes
            if isinstance(node, ast.Call) and not node.args and not node.keywords
        }
    return table


def _is_decorator(node: ast.AST, here: Context) -> bool:
    return any(node is decorator for decorator in getattr(here.parents.get(node), "decorator_list", ()))


@expression("absorb_operand", ast.BinOp, ast.Compare, family="call", prior=-3.0, inverse="release_operand")
def absorb_operand(node: ast.BinOp | ast.Compare, here: Context) -> Changes:
    """``f(a) + b`` -> ``f(a + b)``: the closing parenthesis moves right."""
    left = node.left
    if not isinstance(left, ast.Call) or not left.args or left.keywords or here.is_grouped(left):
        return
    if here.is_bare_generator(left.args[-1]) or isinstance(left.args[-1], ast.Starred):
        return
    if isinstance(node, ast.Compare) and len(node.ops) != 1:
        return
    close = here.span(left)[1] - 1
    end = here.span(node)[1]
    if here.text[here.outer(left.args[-1])[1] : close].strip():
        return  # a comma or a comment stands before the parenthesis
    yield (Edit(close, close + 1, ""), Edit(end, end, ")")), 0.0 if isinstance(node, ast.BinOp) else 1.0


@expression("release_operand", ast.Call, family="call", prior=-3.0, inverse="absorb_operand")
def release_operand(node: ast.Call, here: Context) -> Changes:
    """``f(a + b)`` -> ``f(a) + b``: the closing parenthesis moves left."""
    if not node.args or node.keywords or (here.required(node) > Level.PRODUCT and not here.is_grouped(node)):
        return
    last = node.args[-1]
    if not isinstance(last, ast.BinOp | ast.Compare) or here.is_grouped(last):
        return
    if isinstance(last, ast.Compare) and len(last.ops) != 1:
        return
    if here.level(last) < here.required(node) and not here.is_grouped(node):
        return
    start, close = here.outer(last.left)[1], here.span(node)[1] - 1
    end = here.outer(last)[1]
    if here.text[end:close].strip() or not here.text[start:close].isprintable():
        return
    yield (Edit(start, start, ")"), Edit(end, close + 1, "")), 0.0 if isinstance(last, ast.BinOp) else 0.5
    if isinstance(last, ast.BinOp) and isinstance(last.right, ast.BinOp) and not here.is_grouped(last.right):
        start = here.outer(last.right.left)[1]  # f(a - b / c) -> f(a - b) / c
        yield (Edit(start, start, ")"), Edit(end, close + 1, "")), 0.2


# -- recursion --------------------------------------------------------------------------------------------------------


@expression("advance_recursion", ast.Call, family="call", prior=-2.7, inverse="stay_recursion")
def advance_recursion(node: ast.Call, here: Context) -> Changes:
    """``f(x)`` inside ``f`` -> ``f(x[1:])``, ``f(x - 1)``, ``f(x // 2)``, ``f(x.next)``: one step towards the end."""
    function = in_function_of_its_own(node, here)
    if function is None:
        return
    yield from _further_arguments(node, function, here)
    links = _links(function, here)
    for arg in node.args:
        if not isinstance(arg, ast.Name | ast.Attribute):
            continue
        text, held = here.code(arg), kind(arg, here)
        if held not in ("int", "float"):
            for index, tail in enumerate(("[1:]", "[:-1]", "[2:]", "[0]")):
                yield (here.replace(arg, text + tail),), 0.3 * index
        if held in (None, "int", "float"):
            for index, tail in enumerate((" - 1", " + 1", " // 2", " // 10", " - 2")):
                yield (here.replace(arg, text + tail, Level.SUM),), 0.2 + 0.4 * index
        for index, link in enumerate(links.get(text, ())):
            yield (here.replace(arg, f"{text}.{link}"),), 0.1 * index


def _further_arguments(node: ast.Call, function: FunctionNode, here: Context) -> Changes:
    """``f(x)`` -> ``f(x, depth)``, ``f(x, depth + 1)``: a parameter with a default that the inner call leaves out."""
    names = [argument.arg for argument in function.args.args if argument.arg not in ("self", "cls")]
    if node.args and len(node.args) < len(names) and not node.keywords:
        name, at = names[len(node.args)], here.outer(node.args[-1])[1]
        for place, text in enumerate((f"{name} + 1", name, f"{name} - 1")):
            yield (Edit(at, at, f", {text}"),), 0.3 * place


@expression("stay_recursion", ast.Call, family="call", prior=-3.0, inverse="advance_recursion")
def stay_recursion(node: ast.Call, here: Context) -> Changes:
    """``f(x[1:])`` inside ``f`` -> ``f(x)``."""
    if in_function_of_its_own(node, here) is None:
        return
    for arg in node.args:
        if isinstance(arg, ast.Subscript | ast.Attribute) and isinstance(arg.value, ast.Name | ast.Attribute):
            yield (here.replace_with(arg, arg.value),), 0.0
        elif isinstance(arg, ast.BinOp) and isinstance(arg.right, ast.Constant):
            yield (here.replace_with(arg, arg.left),), 0.0


def _links(function: FunctionNode, here: Context) -> dict[str, list[str]]:
    """Expression -> the attributes the function reads from it (``node`` -> ``left``, ``right``)."""
    table: dict[str, list[str]] | None = here.memory.get(("links", function))
    if table is None:
        table = here.memory["links", function] = {}
        for node in ast.walk(function):
            if isinstance(node, ast.Attribute) and (base := dotted(node.value)):
                parent = here.parents.get(node)
                if not (isinstance(parent, ast.Call) and node is parent.func) and node.attr not in table.get(base, []):
                    table.setdefault(base, []).append(node.attr)
    return {base: members[:4] for base, members in table.items()}


# -- await, super, stars ----------------------------------------------------------------------------------------------


@expression("add_await", ast.Call, ast.Name, ast.Attribute, family="call", prior=-1.5, inverse="drop_await")
def add_await(node: ast.Call | ast.Name | ast.Attribute, here: Context) -> Changes:
    """``f()`` -> ``await f()`` inside an ``async def``."""
    if not isinstance(here.scope(node), ast.AsyncFunctionDef):
        return
    parent = here.parents.get(node)
    if isinstance(parent, ast.Await | ast.AsyncFor) or not isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
        return
    plain = isinstance(node, ast.Call)
    if not plain and not isinstance(parent, ast.Return | ast.Assign | ast.Expr):
        return
    asynchronous = isinstance(node, ast.Call) and (called_name(node) or "") in _coroutines(here)
    cost = 0.0 if asynchronous else 1.0 if plain else 2.5
    yield (here.replace(node, f"await {here.code(node, Level.PRIMARY)}", Level.AWAIT),), cost


def _coroutines(here: Context) -> set[str]:
    """Names of the project's coroutine functions, and of what it awaits."""
    table: set[str] | None = here.memory.get("coroutines")
    if table is None:
        table = here.memory["coroutines"] = set()
        for source in here.project.sources or [here.source]:
            for node in source.nodes:
                if isinstance(node, ast.AsyncFunctionDef):
                    table.add(node.name)
                elif isinstance(node, ast.Await) and isinstance(node.value, ast.Call):
                    table.add(called_name(node.value) or "")
    return table


@expression("drop_await", ast.Await, family="call", prior=-2.0, inverse="add_await")
def drop_await(node: ast.Await, here: Context) -> Changes:
    """``await f()`` -> ``f()``."""
    yield (here.replace_with(node, node.value),), 0.0


@expression("change_super", ast.Call, family="call", prior=-2.0)
def change_super(node: ast.Call, here: Context) -> Changes:
    """``super().m()`` <-> ``self.m()`` <-> ``Base.m(self)``, and ``super(C, self)`` <-> ``super()``."""
    owner = here.source.class_of(node)
    if owner is None:
        return
    if isinstance(node.func, ast.Name) and node.func.id == "super":
        start, end = here.outer(node.func)[1], here.span(node)[1]
        if node.args:
            yield (Edit(start, end, "()"),), 0.5
            yield (here.replace(node, "self"),), 1.0
        else:
            if isinstance(here.parents.get(node), ast.Attribute):
                yield (here.replace(node, "self"),), 0.5
                for base in owner.bases[:2]:
                    if dotted(base):
                        yield from _explicit_base(node, here.code(base), here)
            yield (Edit(start, end, f"({owner.name}, self)"),), 2.0
        return
    if not isinstance(node.func, ast.Attribute):
        return
    base = node.func.value
    function = here.source.function_of(node)
    same = function is not None and function.name == node.func.attr
    if is_self(base) and owner.bases:
        yield (here.replace(base, "super()"),), 0.0 if same else 2.0
    elif dotted(base) in {dotted(other) for other in owner.bases} - {None} and node.args and is_self(node.args[0]):
        rest = here.outer(node.args[1])[0] if len(node.args) > 1 else here.outer(node.args[0])[1]
        start = here.outer(node.args[0])[0]
        yield (here.replace(base, "super()"), Edit(start, rest, "")), 0.3


def _explicit_base(node: ast.Call, base: str, here: Context) -> Changes:
    method = here.parents[node]
    call = here.parents.get(method)
    if isinstance(call, ast.Call) and here.source.is_called(method):
        at = here.text.index("(", here.span(method)[1]) + 1
        rest = ", " if call.args or call.keywords else ""
        yield (here.replace(node, base), Edit(at, at, "self" + rest)), 1.0


@expression("add_star", ast.Call, family="call", prior=-3.3, inverse="drop_star")
def add_star(node: ast.Call, here: Context) -> Changes:
    """``f(x)`` -> ``f(*x)``, ``f(**x)``."""
    for arg in node.args:
        if isinstance(arg, ast.Starred | ast.Constant | ast.Compare | ast.BoolOp | ast.JoinedStr | ast.Lambda):
            continue
        if here.is_bare_generator(arg):
            continue
        named = isinstance(arg, ast.Name) and re.search(r"args|params|kw|opts|options|items|values", arg.id)
        start, end = here.outer(arg)
        text = here.text[start:end] if here.is_grouped(arg) else here.code(arg, Level.BIT_OR)
        held = kind(arg, here)
        cost = (0.0 if named else 1.0) + (0.5 if len(node.args) > 1 else 0.0)
        if held not in ("int", "float", "bool", "str"):
            yield (here.put(start, end, "*" + text),), cost + (1.0 if held == "dict" else 0.0)
        if arg is node.args[-1] and held in (None, "dict") and not isinstance(arg, ast.List | ast.ListComp):
            yield (here.put(start, end, "**" + text),), cost + (0.0 if held == "dict" else 0.7)


@expression("drop_star", ast.Call, family="call", prior=-2.2, inverse="add_star")
def drop_star(node: ast.Call, here: Context) -> Changes:
    """``f(*x)`` and ``f(**x)`` -> ``f(x)``."""
    for arg in node.args:
        if isinstance(arg, ast.Starred):
            start = here.span(arg)[0]
            yield (Edit(start, here.outer(arg.value)[0], ""),), 0.0
    for keyword in node.keywords:
        if keyword.arg is None and keyword is node.keywords[0] and len(node.keywords) == 1:
            yield (Edit(here.source.span(keyword)[0], here.outer(keyword.value)[0], ""),), 0.5


@expression("swap_stars", ast.Call, family="call", prior=-2.8)
def swap_stars(node: ast.Call, here: Context) -> Changes:
    """``f(*x)`` <-> ``f(**x)``."""
    if node.args and isinstance(node.args[-1], ast.Starred) and not node.keywords:
        at = here.span(node.args[-1])[0]
        yield (Edit(at, at, "*"),), 0.0
    for keyword in node.keywords:
        if keyword.arg is None and len(node.keywords) == 1:
            at = here.source.span(keyword)[0]
            yield (Edit(at, at + 1, ""),), 0.0
