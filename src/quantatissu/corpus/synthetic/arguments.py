"""Seeded arguments for functions nobody wrote tests for, as the literals of calls.

What a parameter takes is guessed from its annotation, its default, how the body uses it, and what such names usually
hold; half of the values are drawn from the function's own constants and their neighbours, where its branches part.
"""

from __future__ import annotations

import ast
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from quantatissu.rewriting.source import FunctionNode

_WORDS = (
    "", "a", "b", "hello", "Hello World", "foo_bar", "FooBar", "a,b,c", "key=value", "12", "-3.5", "  padded ",
    "line one\nline two", "/usr/lib/x.py", "2024-02-29", "aaa", "abcabc", "x y z", "<p>text</p>", "ABC", "[1, 2]",
)  # fmt: skip
_NUMBERS = (0, 1, 2, 3, -1, 5, 7, 10, -4, 12, 100)
_FLOATS = (0.0, 1.0, 0.5, -1.5, 2.25, 3.14, 10.0, 99.9)
_KINDS = ("int", "str", "list", "float", "bool", "dict", "words", "pairs", "none", "tuple", "set", "bytes", "rows")
_BY_ANNOTATION = {
    "int": ("int",), "float": ("float", "int"), "str": ("str",), "bool": ("bool",), "bytes": ("bytes",),
    "list": ("list", "words"), "List": ("list", "words"), "Sequence": ("list", "words", "str"),
    "Iterable": ("list", "words"), "Iterator": ("list",), "tuple": ("tuple",), "Tuple": ("tuple",), "set": ("set",),
    "Set": ("set",), "frozenset": ("set",), "dict": ("dict",), "Dict": ("dict",), "Mapping": ("dict",),
    "None": ("none",), "object": ("int", "str", "list"), "Any": ("int", "str", "list"), "Collection": ("list", "set"),
    "MutableMapping": ("dict",), "Number": ("int", "float"), "complex": ("float",),
}  # fmt: skip
_BY_NAME = (
    (("name", "text", "string", "line", "word", "path", "title", "msg", "message", "prefix", "suffix", "sep", "s",
      "label", "char", "pattern", "url", "source", "filename", "data"), ("str",)),
    (("n", "i", "j", "k", "x", "y", "count", "size", "num", "number", "index", "length", "width", "start", "end",
      "step", "limit", "year", "month", "day", "offset", "depth", "level", "a", "b", "m"), ("int",)),
    (("values", "items", "numbers", "nums", "seq", "xs", "array", "arr", "data", "list", "iterable"), ("list",)),
    (("words", "lines", "names", "parts", "strings", "args", "tokens", "keys"), ("words",)),
    (("mapping", "dict", "d", "config", "options", "kwargs", "table", "attrs"), ("dict",)),
    (("matrix", "grid", "rows", "board"), ("rows",)),
    (("pairs", "edges", "points", "intervals"), ("pairs",)),
    (("flag", "verbose", "strict", "reverse"), ("bool",)),
    (("rate", "ratio", "factor", "alpha", "price", "amount", "tolerance", "eps"), ("float", "int")),
)  # fmt: skip
_METHODS = {
    "str": frozenset(dir(str)) - frozenset(dir(list)) - frozenset(dir(bytes)) | {"split", "strip", "lower", "upper",
        "startswith", "endswith", "join", "replace", "encode", "splitlines", "find", "isdigit", "isalpha", "lstrip",
        "rstrip", "title", "partition", "isspace", "islower", "isupper"},
    "bytes": frozenset(("decode", "hex")),
    "list": frozenset(("append", "extend", "insert", "sort", "reverse", "remove")),
    "dict": frozenset(("items", "keys", "values", "get", "setdefault", "update", "popitem")),
    "set": frozenset(("add", "union", "discard", "intersection", "issubset", "difference")),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter to fill: the kinds of values it may take, likeliest first, and whether it goes by keyword."""

    name: str
    kinds: tuple[str, ...]
    keyword: bool
    optional: bool


def parameters(function: FunctionNode) -> list[Parameter] | None:
    """The parameters of a function that is no method; None when one must be something that no literal gives."""
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults = [None] * (len(positional) - len(arguments.defaults)) + list(arguments.defaults)
    found = []
    everything = [
        *zip(positional, defaults, strict=True),
        *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True),
    ]
    for number, (argument, default) in enumerate(everything):
        if argument.arg in ("self", "cls"):
            return None
        kinds = _kinds(argument, default, function)
        if not kinds:
            if default is None:
                return None
            continue
        found.append(Parameter(argument.arg, kinds, number >= len(positional), default is not None))
    return found


def _kinds(argument: ast.arg, default: ast.expr | None, function: FunctionNode) -> tuple[str, ...]:
    kinds: list[str] = []
    if argument.annotation is not None:
        kinds = _annotated(argument.annotation)
        if not kinds:
            return ()
    if isinstance(default, ast.Constant) and default.value is not None:
        kinds.append(
            {"int": "int", "str": "str", "float": "float", "bool": "bool"}.get(type(default.value).__name__, "int")
        )
    elif isinstance(default, ast.Dict | ast.List | ast.Tuple | ast.Set):
        kinds.append(type(default).__name__.lower())
    if not kinds:
        kinds = [*_usage(argument.arg, function), *_named(argument.arg)]
    return tuple(dict.fromkeys(kinds or _KINDS[:6]))


def _annotated(annotation: ast.expr) -> list[str]:
    match annotation:
        case ast.Constant(value=None):
            return ["none"]
        case ast.Constant(value=str() as text):
            try:
                return _annotated(ast.parse(text, mode="eval").body)
            except SyntaxError:
                return []
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return [*_annotated(left), *_annotated(right)]
        case ast.Subscript(value=ast.Name(id=base) | ast.Attribute(attr=base), slice=inner):
            if base == "Optional":
                return [*_annotated(inner), "none"]
            if base == "Union" and isinstance(inner, ast.Tuple):
                return [kind for part in inner.elts for kind in _annotated(part)]
            return _elements(base, inner)
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return list(_BY_ANNOTATION.get(name, ()))
        case _:
            return []


def _elements(base: str, inner: ast.expr) -> list[str]:
    kinds = list(_BY_ANNOTATION.get(base, ()))
    if "list" not in kinds:
        return kinds
    match inner:
        case ast.Name(id="str"):
            return ["words"]
        case ast.Name(id="int" | "float"):
            return ["list"]
        case ast.Subscript(value=ast.Name(id="tuple" | "Tuple")):
            return ["pairs"]
        case ast.Subscript(value=ast.Name(id="list" | "List" | "Sequence")):
            return ["rows"]
        case _:
            return kinds


def _usage(name: str, function: FunctionNode) -> list[str]:
    """Kinds that the body's way with a parameter suggests."""
    found: list[str] = []
    for node in ast.walk(function):
        match node:
            case ast.Attribute(value=ast.Name(id=base), attr=attr) if base == name:
                found += [kind for kind, methods in _METHODS.items() if attr in methods]
            case ast.For(iter=ast.Name(id=base)) | ast.comprehension(iter=ast.Name(id=base)) if base == name:
                found += ["list", "words", "str"]
            case ast.Subscript(value=ast.Name(id=base), slice=ast.Slice()) if base == name:
                found += ["str", "list"]
            case ast.Subscript(value=ast.Name(id=base), slice=ast.Constant(value=str())) if base == name:
                found += ["dict"]
            case ast.Call(func=ast.Name(id="range" | "abs" | "divmod" | "chr"), args=[ast.Name(id=base), *_]) if (
                base == name
            ):
                found += ["int"]
            case ast.Call(
                func=ast.Name(id="len" | "enumerate" | "sorted" | "sum" | "max" | "min"), args=[ast.Name(id=base), *_]
            ) if base == name:
                found += ["list", "words", "str"]
            case ast.BinOp(
                left=ast.Name(id=base), op=ast.Sub() | ast.FloorDiv() | ast.Pow() | ast.Mod() | ast.Mult()
            ) if base == name:
                found += ["int", "float"]
            case ast.Compare(left=ast.Name(id=base), comparators=[ast.Constant(value=value), *_]) if base == name:
                found += [{"int": "int", "str": "str", "float": "float"}.get(type(value).__name__, "int")]
            case _:
                pass
    return found


def _named(name: str) -> list[str]:
    last = name.rstrip("0123456789").rpartition("_")[2].lower()
    return [kind for names, kinds in _BY_NAME if last in names or name in names for kind in kinds]


def calls(function: FunctionNode, chance: random.Random, count: int) -> list[str] | None:
    """Up to ``count`` different argument lists as text, ``1, 'a', key=[2]``; None for what cannot be called."""
    wanted = parameters(function)
    if wanted is None:
        return None
    draw = _Values(function, chance)
    found: dict[str, None] = {}
    for _ in range(2 * count):
        found.setdefault(_call(wanted, draw, chance))
        if len(found) == count or not wanted:
            break
    return sorted(found, key=lambda text: (len(text), text))


def _call(wanted: Sequence[Parameter], draw: _Values, chance: random.Random) -> str:
    parts: list[str] = []
    skipped = False
    for parameter in wanted:
        if parameter.optional and chance.random() < 0.4:
            skipped = True
            continue
        # The first guess most of the time; others so that a wrong guess does not spoil every call.
        place = min(int(chance.expovariate(1.1)), len(parameter.kinds) - 1)
        value = draw(parameter.kinds[place])
        parts.append(f"{parameter.name}={value}" if parameter.keyword or skipped else value)
    return ", ".join(parts)


class _Values:
    """Literals of a kind, drawn from common ones and from a function's own constants."""

    def __init__(self, function: FunctionNode, chance: random.Random) -> None:
        self.chance = chance
        constants = [node.value for node in ast.walk(function) if isinstance(node, ast.Constant)]
        docstring = ast.get_docstring(function, clean=False)
        whole = [value for value in constants if type(value) is int and abs(value) < 10**6]
        self.numbers: list[int] = [near for value in whole for near in (value, value + 1, value - 1)]
        self.words: list[str] = [
            value for value in constants if isinstance(value, str) and value != docstring and len(value) <= 40
        ]

    def __call__(self, kind: str) -> str:
        make: Callable[[], object] = getattr(self, f"make_{kind}")
        return repr(make())

    def make_int(self) -> object:
        if self.numbers and self.chance.random() < 0.5:
            return self.chance.choice(self.numbers)
        return self.chance.choice(_NUMBERS)

    def make_float(self) -> object:
        return self.chance.choice(_FLOATS)

    def make_bool(self) -> object:
        return self.chance.random() < 0.5

    def make_none(self) -> object:
        return None

    def make_str(self) -> object:
        """A common word, one of the function's own strings, or that within other text."""
        if self.words and self.chance.random() < 0.5:
            own = self.chance.choice(self.words)
            return own if self.chance.random() < 0.5 else f"ab{own}c" + self.chance.choice(("", own))
        return self.chance.choice(_WORDS)

    def make_bytes(self) -> object:
        return self.chance.choice((b"", b"a", b"hello", b"\x00\x01\xff", b"line\r\n"))

    def _several(self, make: Callable[[], object], most: int = 5) -> list[object]:
        return [make() for _ in range(self.chance.choice((0, 1, 2, 3, 3, 4, most)))]

    def make_list(self) -> object:
        return self._several(self.make_int)

    def make_words(self) -> object:
        return self._several(self.make_str)

    def make_tuple(self) -> object:
        return tuple(self._several(self.make_int, 3))

    def make_set(self) -> object:
        return set(self._several(self.make_int))

    def make_dict(self) -> object:
        return {self.make_str(): self.make_int() for _ in range(self.chance.choice((0, 1, 2, 3)))}

    def make_pairs(self) -> object:
        return [(self.make_int(), self.make_int()) for _ in range(self.chance.choice((0, 1, 2, 3)))]

    def make_rows(self) -> object:
        width = self.chance.choice((1, 2, 3))
        return [[self.make_int() for _ in range(width)] for _ in range(self.chance.choice((1, 2, 3)))]
