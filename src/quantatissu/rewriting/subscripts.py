"""Operators on indexing: first and last, slices and their bounds, missing and surplus subscripts, ``get``."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from quantatissu.rewriting.context import Changes, Context, expression
from quantatissu.rewriting.edits import Edit
from quantatissu.rewriting.kinds import kind, kind_of_name
from quantatissu.rewriting.precedence import Level
from quantatissu.rewriting.project import dotted

_SLICED = frozenset({None, "str", "bytes", "list", "tuple"})
_MAX_INDEXES = 3
_PLACES = (("[0]", 0.0), ("[-1]", 0.3), ("[1]", 0.5), ("[1:]", 0.8), ("[:-1]", 1.0), ("[:]", 1.2), ("[::-1]", 1.4))
_LOOPED_PLACES = (("[1:]", 0.0), ("[:-1]", 0.3), ("[::-1]", 0.3), ("[:]", 0.6), ("[0]", 1.0), ("[-1]", 1.5))


def _sign_value(node: ast.AST | None) -> int | None:
    """The value of an integer literal with its sign, else None."""
    match node:
        case ast.Constant(value=int() as value):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() as value)):
            return -value
        case _:
            return None


@expression("swap_ends", ast.Subscript, family="subscript", prior=-1.8)
def swap_ends(node: ast.Subscript, here: Context) -> Changes:
    """``x[0]`` -> ``x[-1]``, ``x[1]`` -> ``x[0]``; ``x[i]`` -> ``x[-i]``."""
    value = _sign_value(node.slice)
    if value is None or kind(node.value, here) == "dict":
        if isinstance(node.slice, ast.Name) and kind(node.slice, here) == "int":
            yield (here.replace(node.slice, f"-{node.slice.id}", Level.UNARY),), 1.5
        return
    for index, other in enumerate({0: (-1, -2), -1: (0, 1), 1: (-1,), -2: (0,)}.get(value, ())):
        yield (here.replace(node.slice, str(other), Level.UNARY),), 1.0 * index


@expression("drop_subscript", ast.Subscript, family="subscript", prior=-2.8, inverse="add_subscript")
def drop_subscript(node: ast.Subscript, here: Context) -> Changes:
    """``x[i]`` -> ``x``, ``x[a:b]`` -> ``x``."""
    if isinstance(node.ctx, ast.Load):
        yield (Edit(here.outer(node.value)[1], here.span(node)[1], ""),), 0.0


@expression(
    "add_subscript",
    ast.Name,
    ast.Attribute,
    ast.Call,
    ast.Subscript,
    family="subscript",
    prior=-4.3,
    inverse="drop_subscript",
)
def add_subscript(node: ast.expr, here: Context) -> Changes:
    """``x`` -> ``x[0]``, ``x[-1]``, ``x[i]``, ``x[1:]``, ``x[:-1]``, ``x[:]``."""
    if not isinstance(getattr(node, "ctx", ast.Load()), ast.Load) or not here.is_used(node):
        return
    parent = here.parents.get(node)
    if isinstance(parent, ast.Attribute) or (isinstance(parent, ast.Call) and node is parent.func):
        return
    if isinstance(parent, ast.ClassDef | ast.ExceptHandler | ast.withitem | ast.Raise | ast.Await):
        return
    if isinstance(node, ast.Name) and (node.id in ("self", "cls") or here.names(node).get(node.id) == "import"):
        return
    held = kind(node, here)
    if held in ("int", "float", "bool", "none", "set", "function"):
        return
    if any(decorator is node for decorator in getattr(parent, "decorator_list", ())):
        return
    looped = isinstance(parent, ast.For | ast.comprehension) and node is parent.iter
    places = list(_LOOPED_PLACES if looped else _PLACES)
    if not looped:
        places += [(f"[{name}]", 0.5 + 0.3 * rank) for rank, name in enumerate(_indexes(node, here))]
    far = 0.0 if held in ("list", "tuple", "str", "bytes", "dict") else 0.5
    end = here.span(node)[1]
    for place, cost in places:
        if held == "dict" and ":" in place:
            continue
        yield (Edit(end, end, place),), cost + far


def _indexes(node: ast.expr, here: Context) -> list[str]:
    """Loop variables and keys around `node`, the innermost first."""
    found: dict[str, None] = {}
    for up in here.source.ancestors(node):
        targets = [up.target] if isinstance(up, ast.For | ast.AsyncFor) else []
        targets += [generator.target for generator in getattr(up, "generators", ())]
        for target in targets:
            found.update((part.id, None) for part in ast.walk(target) if isinstance(part, ast.Name))
        if isinstance(up, ast.FunctionDef | ast.AsyncFunctionDef):
            break
    names = here.names(node)
    found.update((name, None) for name in ("i", "j", "index", "key", "k") if name in names)
    own = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
    return [name for name in found if name not in own and name != "_"][:_MAX_INDEXES]


@expression("swap_subscripts", ast.Subscript, family="subscript", prior=-2.0)
def swap_subscripts(node: ast.Subscript, here: Context) -> Changes:
    """``a[i][j]`` -> ``a[j][i]``, and ``a[i:j]`` -> ``a[j:i]``."""
    if isinstance(node.value, ast.Subscript):
        first, second = node.value.slice, node.slice
        if not any(isinstance(part, ast.Slice | ast.Tuple) for part in (first, second)):
            yield here.swap(first, second), 0.0
    elif isinstance(node.slice, ast.Slice) and node.slice.lower is not None and node.slice.upper is not None:
        yield here.swap(node.slice.lower, node.slice.upper), 0.5


# -- slices -----------------------------------------------------------------------------------------------------------


def _colon(node: ast.Slice, here: Context, after: int) -> int:
    """The offset of the first colon of a slice at or after `after`."""
    return here.text.index(":", after)


def _bounds(node: ast.Slice, here: Context) -> tuple[int, int, int]:
    """Offsets of the slice's start, its first colon and the end of its upper bound."""
    start = here.outer(node.lower)[0] if node.lower is not None else here.span(node)[0]
    colon = _colon(node, here, here.outer(node.lower)[1] if node.lower is not None else start)
    end = here.outer(node.upper)[1] if node.upper is not None else colon + 1
    return start, colon, end


@expression("drop_bound", ast.Slice, family="subscript", prior=-2.5, inverse="add_bound")
def drop_bound(node: ast.Slice, here: Context) -> Changes:
    """``x[a:b]`` -> ``x[a:]`` or ``x[:b]``; the step goes as well."""
    start, colon, end = _bounds(node, here)
    if node.lower is not None:
        yield (Edit(start, colon, ""),), 0.0
    if node.upper is not None:
        yield (Edit(colon + 1, end, ""),), 0.0
    if node.step is not None:
        second = here.text.index(":", end)
        yield (Edit(second, here.outer(node.step)[1], ""),), 0.5


@expression("add_bound", ast.Slice, family="subscript", prior=-3.1, inverse="drop_bound")
def add_bound(node: ast.Slice, here: Context) -> Changes:
    """``x[:b]`` -> ``x[1:b]``, ``x[a:]`` -> ``x[a:-1]``, ``x[a:n]``; a step after both."""
    _, colon, end = _bounds(node, here)
    if node.lower is None:
        for text, cost in (("1", 0.0), ("0", 1.5), *_int_names(node, here)):
            yield (Edit(colon, colon, text),), cost
    if node.upper is None:
        for text, cost in (("-1", 0.0), ("1", 0.8), *_int_names(node, here)):
            yield (Edit(colon + 1, colon + 1, text),), cost
    if node.step is None:
        for text, cost in (("2", 2.4), ("-1", 1.2)):
            tail = here.text[end : here.span(node)[1]]
            at = here.span(node)[1] if ":" in tail else end
            yield (Edit(at, at, text if ":" in tail else f":{text}"),), cost


@expression("negative_to_length", ast.Subscript, family="subscript", prior=-1.6, inverse="length_to_negative")
def negative_to_length(node: ast.Subscript, here: Context) -> Changes:
    """``x[a:-n]`` -> ``x[a:len(x) - n]``: the two differ where ``n`` is 0."""
    match node:
        case ast.Subscript(value=value, slice=ast.Slice(upper=ast.UnaryOp(op=ast.USub(), operand=ast.Name()) as end)):
            assert isinstance(end, ast.UnaryOp)
            if dotted(value):
                yield (here.replace(end, f"len({here.code(value)}) - {here.code(end.operand)}", Level.SUM),), 0.0
        case _:
            return


@expression("length_to_negative", ast.Subscript, family="subscript", prior=-4.8, inverse="negative_to_length")
def length_to_negative(node: ast.Subscript, here: Context) -> Changes:
    """``x[a:len(x) - n]`` -> ``x[a:-n]``."""
    match node:
        case ast.Subscript(slice=ast.Slice(upper=ast.BinOp(left=ast.Call(), op=ast.Sub(), right=ast.Name()) as end)):
            assert isinstance(end, ast.BinOp)
            if here.code(end.left) == f"len({here.code(node.value)})":
                yield (here.replace(end, f"-{here.code(end.right)}", Level.UNARY),), 0.0
        case _:
            return


def _int_names(node: ast.AST, here: Context) -> Iterator[tuple[str, float]]:
    own = {part.id for part in ast.walk(here.parents[node]) if isinstance(part, ast.Name)}
    count = 0
    for name, origin in here.names(node).items():
        if origin in ("parameter", "local") and name not in own and kind_of_name(name, node, here) == "int":
            yield name, 0.7 + 0.3 * count
            count += 1
            if count == _MAX_INDEXES:
                return


@expression("swap_bound_side", ast.Slice, family="subscript", prior=-2.2)
def swap_bound_side(node: ast.Slice, here: Context) -> Changes:
    """``x[n:]`` -> ``x[:n]`` and back."""
    if (node.lower is None) == (node.upper is None) or node.step is not None:
        return
    start, colon, end = _bounds(node, here)
    if node.lower is not None:
        yield (Edit(start, colon + 1, ":" + here.text[start:colon].strip()),), 0.0
    else:
        yield (Edit(colon, end, here.text[colon + 1 : end].strip() + ":"),), 0.0


@expression("index_to_slice", ast.Subscript, family="subscript", prior=-3.2, inverse="slice_to_index")
def index_to_slice(node: ast.Subscript, here: Context) -> Changes:
    """``x[i]`` -> ``x[i:]``, ``x[:i]``."""
    if isinstance(node.slice, ast.Slice | ast.Tuple) or kind(node.value, here) not in _SLICED:
        return
    if not isinstance(node.ctx, ast.Load) or kind(node.slice, here) not in (None, "int"):
        return
    start, end = here.outer(node.slice)
    text = here.text[start:end] if here.is_grouped(node.slice) else here.code(node.slice, Level.TEST)
    yield (Edit(start, end, f"{text}:"),), 0.0
    yield (Edit(start, end, f":{text}"),), 0.2


@expression("slice_to_index", ast.Subscript, family="subscript", prior=-2.7, inverse="index_to_slice")
def slice_to_index(node: ast.Subscript, here: Context) -> Changes:
    """``x[i:]`` and ``x[:i]`` -> ``x[i]``."""
    if isinstance(node.slice, ast.Slice):
        start, end = here.span(node.slice)
        for bound in (node.slice.lower, node.slice.upper):
            if bound is not None:
                low, high = here.outer(bound)
                yield (Edit(start, end, here.text[low:high]),), 0.0


# -- get --------------------------------------------------------------------------------------------------------------


@expression("subscript_to_get", ast.Subscript, family="subscript", prior=-2.5, inverse="get_to_subscript")
def subscript_to_get(node: ast.Subscript, here: Context) -> Changes:
    """``d[k]`` -> ``d.get(k)``, ``d.get(k, 0)``, ``d.get(k, [])``."""
    if not isinstance(node.ctx, ast.Load) or isinstance(node.slice, ast.Slice | ast.Tuple | ast.UnaryOp):
        return
    numeric = kind(node.slice, here) == "int"
    if kind(node.value, here) not in (None, "dict") or _sign_value(node.slice) is not None:
        return
    value = here.code(node.value, Level.PRIMARY)
    key = here.code(node.slice, Level.TEST)
    for tail, cost in (("", 0.0), (", 0", 0.5), (", []", 0.8), (", ''", 1.0), (", {}", 1.3), (", None", 1.5)):
        yield (here.replace(node, f"{value}.get({key}{tail})"),), cost + (1.5 if numeric else 0.0)


@expression("get_to_subscript", ast.Call, family="subscript", prior=-2.5, inverse="subscript_to_get")
def get_to_subscript(node: ast.Call, here: Context) -> Changes:
    """``d.get(k)`` and ``d.get(k, x)`` -> ``d[k]``."""
    match node:
        case ast.Call(func=ast.Attribute(value=value, attr="get" | "pop" | "setdefault"), args=[key, *_], keywords=[]):
            if not isinstance(key, ast.Starred) and not here.is_bare_generator(key):
                code = f"{here.code(value, Level.PRIMARY)}[{here.code(key, Level.TEST)}]"
                yield (here.replace(node, code),), 0.0 if node.func.attr == "get" else 1.0  # type: ignore[attr-defined]
        case _:
            return


@expression("item_to_last", ast.Subscript, family="subscript", prior=-3.2, inverse="last_to_item")
def item_to_last(node: ast.Subscript, here: Context) -> Changes:
    """``points[i - 1]`` -> ``kept[-1]``, with the lists that the function fills."""
    if isinstance(node.slice, ast.Slice) or not isinstance(node.ctx, ast.Load):
        return
    own = here.code(node.value)
    for place, name in enumerate([name for name in _filled(node, here) if name != own][:3]):
        yield (here.replace(node, f"{name}[-1]"),), 0.3 * place
        yield (here.replace(node, f"{name}[0]"),), 1.4 + 0.3 * place


@expression("last_to_item", ast.Subscript, family="subscript", prior=-4.5, inverse="item_to_last")
def last_to_item(node: ast.Subscript, here: Context) -> Changes:
    """``kept[-1]`` -> ``points[i - 1]``, as another subscript of the function is written."""
    if not isinstance(node.slice, ast.UnaryOp | ast.Constant) or not isinstance(node.ctx, ast.Load):
        return
    if not isinstance(node.value, ast.Name) or node.value.id not in _filled(node, here):
        return
    own = here.code(node)
    others = [
        here.code(part)
        for part in ast.walk(here.scope(node))
        if isinstance(part, ast.Subscript) and isinstance(part.ctx, ast.Load) and not isinstance(part.slice, ast.Slice)
    ]
    for place, text in enumerate(list(dict.fromkeys(text for text in others if text != own))[:3]):
        yield (here.replace(node, text),), 0.3 * place


def _filled(node: ast.AST, here: Context) -> list[str]:
    """Variables that the function around a node appends to."""
    scope = here.scope(node)
    table: list[str] | None = here.memory.get(("filled", scope))
    if table is None:
        table = here.memory["filled", scope] = list(
            dict.fromkeys(
                part.func.value.id
                for part in ast.walk(scope)
                if isinstance(part, ast.Call)
                and isinstance(part.func, ast.Attribute)
                and part.func.attr in ("append", "appendleft", "insert")
                and isinstance(part.func.value, ast.Name)
            )
        )
    return table
