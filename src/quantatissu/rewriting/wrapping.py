"""Operators that put an expression into a call or method, take it out again, or turn one form of call into another."""

from __future__ import annotations

import ast
from collections import Counter

from quantatissu.rewriting.calls import called_name
from quantatissu.rewriting.context import Changes, Context, expression
from quantatissu.rewriting.edits import Edit
from quantatissu.rewriting.kinds import CONTAINERS, NUMBERS, kind
from quantatissu.rewriting.precedence import Level
from quantatissu.rewriting.project import dotted

# Wrappers by what they accept: None means anything. The order is the order of likelihood.
_ITERABLE = CONTAINERS | {None}
_TO_NUMBER = NUMBERS | {"str", "bool", None}
_WRAPPERS: dict[str, frozenset[str | None]] = {
    "list": _ITERABLE,
    "str": frozenset({"int", "float", "bool", "none", None}),
    "int": frozenset(_TO_NUMBER),
    "len": frozenset({"str", "bytes", "list", "tuple", "dict", "set", None}),
    "set": frozenset({"list", "tuple", "iter", "str", None}),
    "sorted": frozenset(_ITERABLE),
    "tuple": frozenset({"list", "iter", "set", None}),
    "abs": frozenset({"int", "float", None}),
    "float": frozenset(_TO_NUMBER),
    "dict": frozenset({"list", "iter", "dict", None}),
    "reversed": frozenset({"list", "tuple", "str", None}),
    "sum": frozenset({"list", "tuple", "iter", "set", None}),
    "max": frozenset({"list", "tuple", "iter", "set", None}),
    "min": frozenset({"list", "tuple", "iter", "set", None}),
    "bool": frozenset({"int", "list", "dict", "str", "set", "none", None}),
    "round": frozenset({"float", None}),
    "enumerate": frozenset(_ITERABLE),
    "iter": frozenset({"list", "tuple", "dict", "set", None}),
    "next": frozenset({"iter", None}),
    "repr": frozenset({"str", None}),
    "range(len": frozenset({"list", "tuple", "str", None}),
    "range": frozenset({"int", None}),
    "frozenset": frozenset({"list", "set", "iter"}),
    "any": frozenset({"list", "iter"}),
    "all": frozenset({"list", "iter"}),
}
# Which wrappers make sense where, the likeliest first; a place takes no more than these.
_PLACES: dict[str, tuple[str, ...]] = {
    "loop": ("enumerate", "reversed", "sorted", "list", "range", "range(len", "set", "tuple", "iter", "zip"),
    "returned": (
        "list",
        "str",
        "int",
        "sorted",
        "len",
        "tuple",
        "abs",
        "bool",
        "sum",
        "float",
        "set",
        "dict",
        "round",
        "max",
        "min",
        "any",
        "all",
        "next",
    ),
    "assigned": ("list", "int", "str", "len", "sorted", "set", "iter", "dict", "float", "tuple", "abs", "next"),
    "compared": ("len", "int", "str", "abs", "set", "float", "sorted", "type", "sum", "tuple"),
    "added": ("str", "int", "len", "list", "float", "abs", "tuple", "repr"),
    "argument": ("list", "str", "len", "int", "set", "sorted", "tuple", "float", "dict", "abs", "reversed", "iter"),
    "index": ("int", "len", "str", "tuple"),
    "tested": ("len", "bool", "any", "all", "callable"),
    "shown": ("str", "len", "repr", "sorted"),
    "element": ("int", "str", "list", "tuple", "len", "float"),
}
_MAX_OWN = 4

_METHODS: dict[str, frozenset[str | None]] = {
    ".strip()": frozenset({"str", "bytes", None}),
    ".lower()": frozenset({"str", None}),
    ".copy()": frozenset({"list", "dict", "set", None}),
    ".items()": frozenset({"dict", None}),
    ".keys()": frozenset({"dict", None}),
    ".values()": frozenset({"dict", None}),
    ".split()": frozenset({"str", None}),
    ".decode()": frozenset({"bytes", None}),
    ".encode()": frozenset({"str", None}),
    ".upper()": frozenset({"str", None}),
    ".rstrip()": frozenset({"str", None}),
    ".replace(',', '')": frozenset({"str"}),
    ".replace(' ', '')": frozenset({"str"}),
    ".replace('-', '')": frozenset({"str"}),
}
_METHOD_PLACES: dict[str, tuple[str, ...]] = {
    "loop": (".items()", ".values()", ".keys()", ".copy()", ".split()"),
    "returned": (
        ".strip()",
        ".copy()",
        ".lower()",
        ".values()",
        ".items()",
        ".keys()",
        ".decode()",
        ".encode()",
        ".upper()",
    ),
    "assigned": (
        ".copy()",
        ".strip()",
        ".lower()",
        ".split()",
        ".decode()",
        ".encode()",
        ".rstrip()",
        ".upper()",
        ".replace(',', '')",
        ".replace(' ', '')",
        ".replace('-', '')",
    ),
    "compared": (".lower()", ".strip()", ".values()", ".keys()", ".upper()"),
    "added": (".strip()", ".lower()", ".upper()", ".copy()"),
    "argument": (".copy()", ".items()", ".values()", ".keys()", ".strip()", ".lower()", ".encode()", ".decode()"),
    "index": (".lower()", ".strip()"),
    "tested": (".strip()",),
    "shown": (".strip()", ".upper()", ".lower()"),
    "element": (".strip()", ".lower()", ".copy()", ".upper()"),
}


def place_of(node: ast.expr, here: Context) -> str | None:
    """The kind of place an expression stands at, as the tables above name them."""
    parent = here.parents.get(node)
    match parent:
        case ast.For(iter=iterable) | ast.comprehension(iter=iterable) if iterable is node:
            return "loop"
        case ast.Return() | ast.Yield() | ast.Lambda():
            return "returned"
        case ast.Assign() | ast.AnnAssign() | ast.NamedExpr() | ast.AugAssign():
            return "assigned" if node is parent.value else None
        case ast.Compare():
            return "compared"
        case ast.BinOp():
            return "added"
        case ast.Call(func=func):
            return "argument" if node is not func else None
        case ast.keyword():
            return "argument"
        case ast.Subscript(slice=place):
            return "index" if place is node else None
        case ast.Slice():
            return "index"
        case ast.FormattedValue():
            return "shown"
        case ast.If() | ast.While() | ast.BoolOp() | ast.UnaryOp(op=ast.Not()):
            return "tested"
        case ast.Tuple() | ast.List() | ast.Dict() | ast.Set() | ast.IfExp():
            return "element"
        case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
            return "element"
        case _:
            return None


_WRAPPED = (
    ast.Name,
    ast.Attribute,
    ast.Call,
    ast.Subscript,
    ast.BinOp,
    ast.ListComp,
    ast.GeneratorExp,
    ast.SetComp,
    ast.IfExp,
    ast.List,
    ast.Dict,
    ast.Await,
)


@expression("wrap_call", *_WRAPPED, family="call", prior=-3.9, inverse="unwrap_call")
def wrap_call(node: ast.expr, here: Context) -> Changes:
    """``x`` -> ``len(x)``, ``list(x)``, ``str(x)``, by its place, and one-argument functions of the file."""
    place = place_of(node, here)
    if place is None or isinstance(getattr(node, "ctx", None), ast.Store | ast.Del):
        return
    held = kind(node, here)
    inside = called_name(node) if isinstance(node, ast.Call) else None
    around = here.parents.get(node)
    outside = called_name(around) if isinstance(around, ast.Call) else None
    pair = place == "loop" and _is_pair(getattr(around, "target", None))
    rank = 0
    for name in _PLACES[place]:
        accepted = _WRAPPERS.get(name)
        if name in (inside, outside) or (accepted is not None and held not in accepted):
            continue
        if name == held and not (place == "loop" and _is_changed(node, around)):
            continue
        sure = 0.0 if held is not None else 0.4
        close = "))" if name.startswith("range(") else ")"
        cost = 0.25 * rank + sure
        if name == "enumerate":
            cost = 0.0 if pair else 2.0
        yield here.wrap(node, name + "(", close), cost
        rank += 1
    for index, (name, _) in enumerate(_own_functions(here)):
        if name in here.names(node) and name not in (inside, outside) and here.source.function_of(node) is not None:
            yield here.wrap(node, name + "("), 1.5 + 0.3 * index
    if place in ("returned", "assigned", "argument", "index") and held in (None, "int", "float"):
        bounded = isinstance(node, ast.BinOp)
        for before, after in (("max(", ", 0)"), ("max(0, ", ")")):
            yield here.wrap(node, before, after), 1.2 if bounded else 2.5


def _is_changed(node: ast.expr, loop: ast.AST | None) -> bool:
    """Whether a loop changes the list that it runs over: then it needs a copy."""
    return isinstance(loop, ast.For) and any(
        isinstance(part, ast.Call)
        and isinstance(part.func, ast.Attribute)
        and part.func.attr in ("remove", "append", "pop", "insert", "clear")
        and dotted(part.func.value) == dotted(node) is not None
        for part in ast.walk(loop)
    )


def _is_pair(target: ast.AST | None) -> bool:
    return isinstance(target, ast.Tuple) and len(target.elts) == 2


def _own_functions(here: Context) -> list[tuple[str, int]]:
    """Functions of the file that one argument is enough for, the most called first."""
    table: list[tuple[str, int]] | None = here.memory.get("own functions")
    if table is None:
        calls = Counter(
            node.func.id
            for node in here.source.nodes
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and len(node.args) == 1
        )
        fitting = [
            (name, count)
            for name, count in calls.items()
            for signature in here.project.signatures.get(name, ())[:1]
            if signature.required <= 1 <= len(signature.parameters) and not signature.is_method
        ]
        table = here.memory["own functions"] = sorted(fitting, key=lambda pair: (-pair[1], pair[0]))[:_MAX_OWN]
    return table


@expression("unwrap_call", ast.Call, family="call", prior=-1.8, inverse="wrap_call")
def unwrap_call(node: ast.Call, here: Context) -> Changes:
    """``f(x)`` -> ``x``; of several arguments any positional one."""
    if not here.is_used(node) or called_name(node) == "super":
        return
    single = len(node.args) == 1
    for index, arg in enumerate(node.args[:3]):
        if isinstance(arg, ast.Starred):
            continue
        builtin = isinstance(node.func, ast.Name) and node.func.id in _WRAPPERS
        cost = (0.0 if builtin else 0.8) if single else 1.0 + 0.5 * index
        yield (here.replace_with(node, arg),), cost
        if isinstance(arg, ast.Call) and called_name(node) == "range" and called_name(arg) == "len" and arg.args:
            yield (here.replace_with(node, arg.args[0]),), 0.0


@expression("wrap_method", *_WRAPPED, family="call", prior=-4.3, inverse="unwrap_method")
def wrap_method(node: ast.expr, here: Context) -> Changes:
    """``x`` -> ``x.strip()``, ``x.copy()``, ``x.items()``."""
    place = place_of(node, here)
    if place is None or isinstance(getattr(node, "ctx", None), ast.Store | ast.Del):
        return
    held = kind(node, here)
    text = here.code(node, Level.PRIMARY)
    rank = 0
    pair = place == "loop" and _is_pair(getattr(here.parents.get(node), "target", None))
    for method in _METHOD_PLACES[place]:
        if held not in _METHODS[method] or text.endswith(method):
            continue
        if method == ".copy()" and isinstance(node, ast.Call):
            continue
        cost = 0.25 * rank + (0.0 if held else 0.5)
        yield (here.replace(node, text + method),), 0.0 if pair and method == ".items()" else cost
        rank += 1
    for index, name in enumerate(_own_methods(here).get(dotted(node) or "", ())[:_MAX_OWN]):
        yield (here.replace(node, f"{text}.{name}()"),), 0.5 + 0.2 * index


def _own_methods(here: Context) -> dict[str, list[str]]:
    """Base expression -> the methods that the file calls on it without an argument, those of the table above aside."""
    table: dict[str, list[str]] | None = here.memory.get("own methods")
    if table is None:
        table = here.memory["own methods"] = {}
        for node in here.source.nodes:
            match node:
                case ast.Call(func=ast.Attribute(value=value, attr=name), args=[], keywords=[]):
                    seen = table.setdefault(dotted(value) or "", [])
                    if name not in seen and f".{name}()" not in _METHODS:
                        seen.append(name)
                case _:
                    pass
        table.pop("", None)
        table.pop("self", None)
    return table


@expression("unwrap_method", ast.Call, family="call", prior=-2.0, inverse="wrap_method")
def unwrap_method(node: ast.Call, here: Context) -> Changes:
    """``x.strip()`` -> ``x``, ``x.f(y)`` -> ``x``."""
    if isinstance(node.func, ast.Attribute) and here.is_used(node):
        value = node.func.value
        if not (isinstance(value, ast.Name) and value.id in ("self", "cls")) and called_name_of(value) != "super":
            yield (here.replace_with(node, value),), 0.0 if not node.args else 1.0


def called_name_of(node: ast.AST) -> str | None:
    """`called_name` of a call, None for anything else."""
    return called_name(node) if isinstance(node, ast.Call) else None


@expression("swap_receiver", ast.Call, family="call", prior=-2.5)
def swap_receiver(node: ast.Call, here: Context) -> Changes:
    """``a.f(b)`` -> ``b.f(a)``."""
    if not isinstance(node.func, ast.Attribute) or not node.args or isinstance(node.args[0], ast.Starred):
        return
    receiver, arg = node.func.value, node.args[0]
    if here.is_bare_generator(arg) or (isinstance(receiver, ast.Name) and receiver.id in ("self", "cls")):
        return
    cost = 0.0 if node.func.attr == "join" else 0.7 if len(node.args) == 1 else 2.0
    yield (
        (
            here.replace_outer(receiver, here.code(arg), here.level(arg)),
            here.replace_outer(arg, here.code(receiver), here.level(receiver)),
        ),
        cost,
    )


@expression("call_to_method", ast.Call, family="call", prior=-3.5, inverse="method_to_call")
def call_to_method(node: ast.Call, here: Context) -> Changes:
    """``f(x, y)`` -> ``x.f(y)`` where ``f`` is used as a method."""
    if not isinstance(node.func, ast.Name) or not node.args or isinstance(node.args[0], ast.Starred):
        return
    name, first = node.func.id, node.args[0]
    if name not in here.project.attributes or here.is_bare_generator(first):
        return
    rest_start = here.outer(node.args[1])[0] if len(node.args) > 1 else here.outer(first)[1]
    start = here.span(node)[0]
    receiver = here.code(first, Level.PRIMARY)
    yield (here.put(start, rest_start, f"{receiver}.{name}("),), 0.0


@expression("method_to_call", ast.Call, family="call", prior=-4.5, inverse="call_to_method")
def method_to_call(node: ast.Call, here: Context) -> Changes:
    """``x.f(y)`` -> ``f(x, y)`` where ``f`` is a function in scope."""
    if not isinstance(node.func, ast.Attribute) or node.func.attr not in here.names(node):
        return
    open_at = here.text.index("(", here.span(node.func)[1]) + 1
    rest = ", " if node.args or node.keywords else ""
    receiver = here.code(node.func.value, Level.TEST)
    yield (here.put(here.span(node)[0], open_at, f"{node.func.attr}({receiver}{rest}"),), 0.0


@expression("pass_self", ast.Call, family="call", prior=-1.8, inverse="drop_passed_self")
def pass_self(node: ast.Call, here: Context) -> Changes:
    """``m(x)`` -> ``self.m(x)`` is `name_to_attribute`; here ``Class.m(x)`` -> ``Class.m(self, x)``."""
    if not isinstance(node.func, ast.Attribute) or "self" not in here.names(node):
        return
    owner = (dotted(node.func.value) or "").split(".")[-1]
    if not owner[:1].isupper() or (owner.isupper() and len(owner) > 1):
        return
    at = here.text.index("(", here.span(node.func)[1]) + 1
    if not (node.args and isinstance(node.args[0], ast.Name) and node.args[0].id == "self"):
        yield (Edit(at, at, "self, " if node.args or node.keywords else "self"),), 0.0


@expression("drop_passed_self", ast.Call, family="call", prior=-1.7, inverse="pass_self")
def drop_passed_self(node: ast.Call, here: Context) -> Changes:
    """``self.m(self, x)`` -> ``self.m(x)``."""
    if node.args and isinstance(node.args[0], ast.Name) and node.args[0].id in ("self", "cls"):
        following = [*node.args[1:], *node.keywords]
        if not isinstance(node.func, ast.Attribute):
            return
        start, end = here.outer(node.args[0])
        if following:
            end = min(
                here.source.span(part)[0] if isinstance(part, ast.keyword) else here.outer(part)[0]
                for part in following
            )
        yield (Edit(start, end, ""),), 0.0
