"""A function with just the part of its module that it needs, where both look pure.

Documents of a corpus come without what they import. Most of a module is not needed to call one function of it, so the
function is cut out together with the definitions, constants and imports that it uses, directly or through others.
What is kept must look pure: imports of the standard library that compute and touch nothing, no files, no clock, no
randomness, no module state. *Looks*: nothing relies on it for safety, which is the sandbox's business.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from quantatissu.rewriting import Source
from quantatissu.rewriting.source import FunctionNode

# Modules whose functions depend on their arguments alone, as far as they are usually called.
PURE_MODULES = frozenset((
    "__future__", "abc", "array", "ast", "base64", "binascii", "bisect", "calendar", "cmath", "codecs", "collections",
    "colorsys", "copy", "csv", "dataclasses", "datetime", "decimal", "difflib", "enum", "fnmatch", "fractions",
    "functools", "graphlib", "hashlib", "heapq", "hmac", "html", "io", "ipaddress", "itertools", "json", "keyword",
    "math", "numbers", "operator", "pprint", "quopri", "re", "shlex", "statistics", "string", "struct", "textwrap",
    "token", "tokenize", "types", "typing", "unicodedata", "urllib", "zlib",
))  # fmt: skip
_PURE_SUBMODULES = frozenset(("collections.abc", "html.entities", "urllib.parse"))
_IMPURE_BUILTINS = frozenset((
    "open", "input", "print", "exec", "eval", "compile", "__import__", "globals", "locals", "vars", "breakpoint",
    "exit", "quit", "help", "id", "hash", "memoryview",
))  # fmt: skip
_IMPURE_ATTRIBUTES = frozenset(("now", "utcnow", "today", "open", "open_code", "FileIO"))
_BUILTINS = frozenset(dir(builtins))
_MODULE_NAMES = frozenset(("__name__", "__file__", "__doc__"))


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The text of a module before and after one of its functions."""

    before: str
    after: str

    def around(self, function: str) -> str:
        """The module with this text of the function."""
        return self.before + function + self.after


class Module:
    """A parsed file as something to cut functions out of."""

    def __init__(self, source: Source) -> None:
        self.source = source

    @cached_property
    def _bound_by(self) -> dict[str, list[int]]:
        """Name -> the numbers of the top-level statements that bind it."""
        table: dict[str, list[int]] = {}
        for number, statement in enumerate(self.source.tree.body):
            for name in _bound(statement):
                table.setdefault(name, []).append(number)
        return table

    @cached_property
    def _needs(self) -> list[frozenset[str] | None]:
        """For each top-level statement the names it uses, None where it does not look pure."""
        return [_used(statement) for statement in self.source.tree.body]

    def around(self, function: FunctionNode, changed: ast.stmt | None = None) -> Surroundings | None:
        """A module cut down to what a top-level function needs; with ``changed``, what that version of it needs, too.

        Statements that are not needed become empty lines, so that line numbers stay. None when something needed does
        not look pure or, unless a changed version needs it, is defined nowhere.
        """
        body = self.source.tree.body
        names, more = _used(function), _used(changed) if changed is not None else frozenset[str]()
        if names is None or more is None:
            return None
        own = next(number for number, statement in enumerate(body) if statement is function)
        kept = {own}
        waiting = set(names | more)
        while waiting:
            name = waiting.pop()
            places = self._bound_by.get(name)
            if places is None:
                if name in _IMPURE_BUILTINS or (changed is None and name not in _BUILTINS | _MODULE_NAMES):
                    return None
                continue
            for number in places:
                if number in kept:
                    continue
                needs = self._needs[number]
                if needs is None:
                    return None
                kept.add(number)
                waiting |= needs
        return self._surroundings(kept, own)

    def _surroundings(self, kept: set[int], own: int) -> Surroundings:
        body, lines = self.source.tree.body, self.source.lines
        wanted: set[int] = set()
        for number in kept - {own}:
            wanted.update(_lines(body[number]))
        span = _lines(body[own])

        def text(numbers: range) -> str:
            return "".join(lines[at - 1] if at in wanted else "\n" for at in numbers)

        return Surroundings(text(range(1, span.start)), text(range(span.stop, len(lines) + 1)))


def _lines(statement: ast.stmt) -> range:
    decorators = getattr(statement, "decorator_list", [])
    first = min([statement.lineno, *(decorator.lineno for decorator in decorators)])
    return range(first, (statement.end_lineno or statement.lineno) + 1)


def _bound(statement: ast.stmt) -> Iterator[str]:
    """The module's names that a top-level statement binds."""
    stack: list[ast.AST] = [statement]
    while stack:
        node = stack.pop()
        if isinstance(node, FunctionNode | ast.ClassDef):
            yield node.name
            continue
        if isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                yield (alias.asname or alias.name).split(".")[0]
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id
        stack.extend(ast.iter_child_nodes(node))


def _used(statement: ast.stmt) -> frozenset[str] | None:
    """Names that a statement takes from the module or the builtins; None when it does not look pure."""
    used: set[str] = set()
    bound: set[str] = set()
    for node in ast.walk(statement):
        match node:
            case ast.Name(id=name, ctx=ast.Load()):
                used.add(name)
            case ast.Name(id=name) | ast.arg(arg=name):
                bound.add(name)
            case ast.Import(names=names):
                if any(not _is_pure(alias.name) for alias in names):
                    return None
                bound.update((alias.asname or alias.name).split(".")[0] for alias in names)
            case ast.ImportFrom(module=module, names=names, level=level):
                if level or not _is_pure(module or "") or any(alias.name == "*" for alias in names):
                    return None
                bound.update(alias.asname or alias.name for alias in names)
            case ast.Global() | ast.Await() | ast.AsyncFor() | ast.AsyncWith():
                return None
            case ast.Attribute(attr=attr) if attr in _IMPURE_ATTRIBUTES:
                return None
            case ast.ExceptHandler(name=str() as name):
                bound.add(name)
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name) if node is not statement:
                bound.add(name)
            case _:
                pass
    if not isinstance(statement, FunctionNode):
        bound = {name for name in bound if name not in used}  # a module's statement may use what it binds itself
    return frozenset(used - bound)


def _is_pure(module: str) -> bool:
    return module in _PURE_SUBMODULES or (module in PURE_MODULES and module != "urllib")
