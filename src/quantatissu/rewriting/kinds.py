"""Guesses about what an expression holds (``int``, ``str``, ``list``, ...), from how it is written alone."""

from __future__ import annotations

import ast

from quantatissu.rewriting.context import Context
from quantatissu.rewriting.source import FunctionNode
from quantatissu.rewriting.vocabulary import RESULT_KINDS

NUMBERS = frozenset(("int", "float"))
SEQUENCES = frozenset(("str", "bytes", "list", "tuple"))
CONTAINERS = SEQUENCES | {"dict", "set", "iter"}

_DISPLAYS: dict[type[ast.AST], str] = {
    ast.List: "list",
    ast.ListComp: "list",
    ast.Dict: "dict",
    ast.DictComp: "dict",
    ast.Set: "set",
    ast.SetComp: "set",
    ast.Tuple: "tuple",
    ast.GeneratorExp: "iter",
    ast.JoinedStr: "str",
    ast.Lambda: "function",
    ast.Compare: "bool",
}
_COUNTERS = frozenset(("i", "j", "k", "n", "idx", "index", "count", "pos", "offset", "size", "depth", "level"))


def kind(node: ast.AST, here: Context) -> str | None:
    """The kind of value an expression gives, or None when its text does not tell."""
    match node:
        case ast.Constant(value=value):
            return "none" if value is None else type(value).__name__
        case ast.Name(id=name):
            return kind_of_name(name, node, here)
        case ast.BinOp(left=left, op=op, right=right):
            first, second = kind(left, here), kind(right, here)
            if isinstance(op, ast.Mod) and first in ("str", "bytes"):
                return first
            if first == second or second is None:
                return "float" if isinstance(op, ast.Div) and first == "int" else first
            if isinstance(op, ast.Mult) and (first in SEQUENCES or second in SEQUENCES):
                return first if first in SEQUENCES else second
            return second if first is None or second == "float" else first
        case ast.UnaryOp(op=op, operand=operand):
            return "bool" if isinstance(op, ast.Not) else kind(operand, here)
        case ast.BoolOp(values=values):
            found = {kind(value, here) for value in values}
            return found.pop() if len(found) == 1 else None
        case ast.IfExp(body=body, orelse=orelse):
            first = kind(body, here)
            return first if first == kind(orelse, here) else None
        case ast.Call(func=ast.Name(id=name)) | ast.Call(func=ast.Attribute(attr=name)):
            return RESULT_KINDS.get(name)
        case ast.Subscript(value=value, slice=ast.Slice()):
            return kind(value, here)
        case ast.Subscript(value=value):
            return "str" if kind(value, here) == "str" else None
        case _:
            return _DISPLAYS.get(type(node))


def kind_of_name(name: str, node: ast.AST, here: Context) -> str | None:
    """The kind of what `name` holds at `node`: as it is assigned in that scope, else as counters are usually named."""
    return kinds_of_names(node, here).get(name, "int" if name in _COUNTERS else None)


def kinds_of_names(node: ast.AST, here: Context) -> dict[str, str | None]:
    """Names assigned in the scope of `node` -> their kind, where all assignments that tell agree."""
    scope = here.scope(node)
    table: dict[str, str | None] | None = here.memory.get(("kinds", scope))
    if table is None:
        table = here.memory["kinds", scope] = {}
        for part in ast.walk(scope):
            name, value = _binding(part)
            if name is not None:
                found = _of_value(value, here)
                table[name] = found if table.get(name, found) == found else None
    return table


def _binding(node: ast.AST) -> tuple[str | None, ast.AST | str | None]:
    match node:
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            return name, value
        case ast.AnnAssign(target=ast.Name(id=name), annotation=hint):
            return name, _hinted(hint)
        case ast.arg(arg=name, annotation=ast.expr() as hint):
            return name, _hinted(hint)
        case ast.For(target=ast.Name(id=name), iter=ast.Call(func=ast.Name(id="range"))):
            return name, "int"
        case ast.For(target=ast.Tuple(elts=[ast.Name(id=name), *_]), iter=ast.Call(func=ast.Name(id="enumerate"))):
            return name, "int"
        case ast.AugAssign(target=ast.Name(id=name), value=ast.Constant(value=int())):
            return name, "int"
        case _:
            return None, None


def _of_value(value: ast.AST | str | None, here: Context) -> str | None:
    if isinstance(value, ast.Name | ast.BinOp | ast.IfExp | ast.BoolOp | ast.Subscript):
        return None  # depends on names in turn: not worth a fixed point
    return kind(value, here) if isinstance(value, ast.AST) else value


def _hinted(hint: ast.expr) -> str | None:
    base = hint.value if isinstance(hint, ast.Subscript) else hint
    return base.id if isinstance(base, ast.Name) and base.id in CONTAINERS | NUMBERS | {"bool"} else None


def may_be_number(node: ast.AST, here: Context) -> bool:
    """Whether arithmetic on `node` makes sense as far as its text tells."""
    return kind(node, here) in (None, "int", "float") and not isinstance(node, ast.Starred | ast.Await | ast.Slice)


def in_function_of_its_own(node: ast.Call, here: Context) -> FunctionNode | None:
    """The enclosing function when `node` calls it (by name, or as a method of ``self`` or ``cls``)."""
    name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", None)
    for up in here.source.ancestors(node):
        if isinstance(up, FunctionNode) and up.name == name:
            return up
    return None
