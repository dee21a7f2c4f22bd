"""Operators between one object under several names and copies of it: repeated lists, shallow copies, arguments."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from quantatissu.rewriting.blocks import code_start, delete, insert_before, is_docstring
from quantatissu.rewriting.context import Changes, Context, expression
from quantatissu.rewriting.facts import DICT, SET, function_start, names_in, own_code, scope_facts
from quantatissu.rewriting.import_forms import reached
from quantatissu.rewriting.operators import Change, operator
from quantatissu.rewriting.precedence import Level
from quantatissu.rewriting.project import Project, dotted
from quantatissu.rewriting.source import FunctionNode, Source

_MUTABLE_CALLS = frozenset(("list", "dict", "set", "deque", "defaultdict", "Counter", "bytearray"))
_METHODS = """
    append extend insert remove pop popleft appendleft clear sort reverse add discard update setdefault popitem
"""
_CHANGING = frozenset(_METHODS.split())


def _is_mutable(node: ast.expr) -> bool:
    match node:
        case ast.List() | ast.Dict() | ast.Set() | ast.ListComp() | ast.DictComp() | ast.SetComp():
            return True
        case ast.BinOp(left=left, op=ast.Mult()):
            return _is_mutable(left)
        case ast.Call(func=ast.Name(id=name)):
            return name in _MUTABLE_CALLS
        case _:
            return False


@expression("repeat_to_comprehension", ast.BinOp, family="operator", prior=-0.8, inverse="comprehension_to_repeat")
def repeat_to_comprehension(node: ast.BinOp, here: Context) -> Changes:
    """``[[0] * w] * h`` -> ``[[0] * w for _ in range(h)]``: rows of their own."""
    match node:
        case ast.BinOp(left=ast.List(elts=[element]), op=ast.Mult(), right=count) if _is_mutable(element):
            row, times = here.code(element, Level.TEST), here.code(count, Level.TEST)
            yield (here.replace(node, f"[{row} for _ in range({times})]"),), 0.0
        case _:
            return


@expression("comprehension_to_repeat", ast.ListComp, family="operator", prior=-5.0, inverse="repeat_to_comprehension")
def comprehension_to_repeat(node: ast.ListComp, here: Context) -> Changes:
    """``[[0] * w for _ in range(h)]`` -> ``[[0] * w] * h``."""
    match node.generators:
        case [
            ast.comprehension(target=ast.Name(id=name), iter=ast.Call(func=ast.Name(id="range"), args=[count]), ifs=[])
        ]:
            if _is_mutable(node.elt) and name not in names_in(node.elt):
                code = f"[{here.code(node.elt, Level.TEST)}] * {here.code(count, Level.UNARY)}"
                yield (here.replace(node, code, Level.PRODUCT),), 0.0
        case _:
            return


@expression("fromkeys_to_comprehension", ast.Call, family="call", prior=-0.8, inverse="comprehension_to_fromkeys")
def fromkeys_to_comprehension(node: ast.Call, here: Context) -> Changes:
    """``dict.fromkeys(keys, [])`` -> ``{key: [] for key in keys}``: a value of its own for each key."""
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="dict"), attr="fromkeys"), args=[keys, value]):
            if _is_mutable(value):
                name = _unused("key", node, here)
                code = f"{{{name}: {here.code(value, Level.TEST)} for {name} in {here.code(keys, Level.OR)}}}"
                yield (here.replace(node, code),), 0.0
        case _:
            return


@expression("comprehension_to_fromkeys", ast.DictComp, family="call", prior=-5.0, inverse="fromkeys_to_comprehension")
def comprehension_to_fromkeys(node: ast.DictComp, here: Context) -> Changes:
    """``{key: [] for key in keys}`` -> ``dict.fromkeys(keys, [])``."""
    match node:
        case ast.DictComp(
            key=ast.Name(id=key), generators=[ast.comprehension(target=ast.Name(id=name), iter=keys, ifs=[])]
        ) if key == name and name not in names_in(node.value):
            code = f"dict.fromkeys({here.code(keys, Level.TEST)}, {here.code(node.value, Level.TEST)})"
            yield (here.replace(node, code),), 0.0
        case _:
            return


def _unused(name: str, node: ast.AST, here: Context) -> str:
    while name in here.names(node):
        name += "_"
    return name


def _copied(node: ast.expr) -> ast.expr | None:
    """What a shallow copy is made of."""
    match node:
        case ast.Subscript(value=value, slice=ast.Slice(lower=None, upper=None, step=None)):
            return value
        case ast.Call(func=ast.Name(id="list" | "dict"), args=[ast.Name() | ast.Attribute() as value], keywords=[]):
            return value
        case ast.Call(func=ast.Attribute(value=ast.Name(id="copy"), attr="copy"), args=[value]):
            return value
        case ast.Call(func=ast.Attribute(value=value, attr="copy"), args=[], keywords=[]):
            return value
        case _:
            return None


@expression("deepen_copy", ast.Subscript, ast.Call, family="call", prior=-2.4, inverse="shallow_copy")
def deepen_copy(node: ast.expr, here: Context) -> Changes:
    """``rows[:]``, ``list(rows)``, ``table.copy()`` -> ``[row[:] for row in rows]`` and deeper copies."""
    value = _copied(node)
    if value is None or isinstance(getattr(node, "ctx", None), ast.Store | ast.Del):
        return
    text, row = here.code(value, Level.OR), _unused("row", node, here)
    yield (here.replace(node, f"[{row}[:] for {row} in {text}]"),), 0.2
    yield (here.replace(node, f"[list({row}) for {row} in {text}]"),), 0.3
    yield (here.replace(node, f"[dict({row}) for {row} in {text}]"),), 0.9
    item = here.code(value, Level.PRIMARY)
    for wrap, cost in (("list", 0.3), ("dict", 0.5), ("set", 1.0)):
        key, held = _unused("key", node, here), _unused("value", node, here)
        yield (here.replace(node, f"{{{key}: {wrap}({held}) for {key}, {held} in {item}.items()}}"),), cost
    if found := reached(here.source, here.names(node), "copy", "deepcopy"):
        written, imports = found
        yield (*imports, here.replace(node, f"{written}({here.code(value)})")), 0.4 if imports else 0.0


@expression("shallow_copy", ast.ListComp, ast.DictComp, ast.Call, family="call", prior=-5.0, inverse="deepen_copy")
def shallow_copy(node: ast.expr, here: Context) -> Changes:
    """``[row[:] for row in rows]``, ``deepcopy(rows)`` -> ``rows[:]``, ``list(rows)``."""
    match node:
        case ast.ListComp(elt=elt, generators=[ast.comprehension(target=ast.Name(id=name), iter=of, ifs=[])]):
            copied = _copied(elt)
            if not (isinstance(copied, ast.Name) and copied.id == name):
                return
        case ast.DictComp(
            value=elt, generators=[ast.comprehension(iter=ast.Call(func=ast.Attribute(value=of)), ifs=[])]
        ):
            if _copied(elt) is None and not (isinstance(elt, ast.Call) and dotted(elt.func) == "set"):
                return
        case ast.Call(func=ast.Name(id="deepcopy") | ast.Attribute(attr="deepcopy"), args=[of]):
            pass
        case _:
            return
    text = here.code(of, Level.PRIMARY)
    for code, cost in ((f"{text}[:]", 0.3), (f"list({text})", 0.0), (f"dict({text})", 0.2), (f"{text}.copy()", 0.1)):
        yield (here.replace(node, code),), cost


@operator("copy_argument", ast.stmt, family="statement", prior=-2.4, inverse="delete_statement")
def copy_argument(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """``items = list(items)`` at the start of a function that changes what it was given."""
    assert isinstance(node, ast.stmt)
    scope = scope_facts(source, node)
    if scope.function is None or not function_start(source, node) or is_docstring(source, node):
        return
    for index, name in enumerate(sorted(_changed_arguments(scope.function) & set(scope.plain_parameters))):
        kind = scope.kind(name)
        ways = {DICT: ["dict"], SET: ["set"]}.get(kind or "", ["list", "dict"])
        for place, way in enumerate(ways):
            yield insert_before(source, node, f"{name} = {way}({name})"), 0.3 * index + 0.4 * place


def _changed_arguments(function: FunctionNode) -> set[str]:
    """Names of which a function changes the object: by a method, an item, or ``+=``."""
    found: set[str] = set()
    for part in own_code(function):
        match part:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=attr)) if attr in _CHANGING:
                found.add(name)
            case ast.Subscript(value=ast.Name(id=name), ctx=ast.Store() | ast.Del()):
                found.add(name)
            case ast.AugAssign(target=ast.Name(id=name)):
                found.add(name)
    return found


@operator("class_to_instance", ast.Assign, family="statement", prior=-1.5)
def class_to_instance(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """``items = []`` in a class -> ``self.items = []`` in its ``__init__``: one for each instance."""
    assert isinstance(node, ast.Assign)
    owner = source.parents.get(node)
    target = node.targets[0]
    if not isinstance(owner, ast.ClassDef) or not isinstance(target, ast.Name) or not _is_mutable(node.value):
        return
    start = next((part for part in owner.body if isinstance(part, FunctionNode) and part.name == "__init__"), None)
    removed = delete(source, node)
    if not removed or removed[0].text:
        return
    code = f"self.{target.id} = {source.segment(node.value)}"
    if start is not None:
        added = insert_before(source, code_start(start.body), code)
    else:
        first = next((part for part in owner.body if isinstance(part, FunctionNode)), None)
        added = insert_before(source, first, "def __init__(self):", f"\t{code}", "") if first is not None else ()
    if added:
        yield (*removed, *added), 0.0
