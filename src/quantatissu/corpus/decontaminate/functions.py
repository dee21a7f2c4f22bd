"""A Python function as a list of tokens that renaming, reformatting and commenting leave as it is.

Parsed by `ast`, so white space, comments, quotes and needless brackets are gone from the start. Docstrings, annotations
and decorators are left out. Names the function does not share with the language are numbered in order of appearance.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np

from quantatissu.corpus.decontaminate.vocabulary import BUILTINS
from quantatissu.corpus.dedup.tokens import U64, windows

SHAPE = 5  # canonical tokens of a run

Function = ast.FunctionDef | ast.AsyncFunctionDef


def walk(tree: ast.Module) -> Iterator[Function]:
    """The functions of a tree, outer ones first."""
    yield from (node for node in ast.walk(tree) if isinstance(node, Function))


def functions(source: str) -> Iterator[Function]:
    """The functions in `source`, outer ones first. Nothing when it is not Python of this interpreter's version."""
    tree = parse(source)
    if tree is not None:
        yield from (node for node in ast.walk(tree) if isinstance(node, Function))


def parse(source: str) -> ast.Module | None:
    """The tree of `source`, which may be indented as a whole, or None."""
    if source[:1] in {" ", "\t"}:
        source = "if True:\n" + source
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def canonical(function: Function, *, names: bool = False) -> list[str]:
    """The tokens of a function. Two functions have equal ones when they differ in names, layout and remarks only; with
    `names`, in layout and remarks only.
    """
    writer = _Writer(_bound(function), names)
    writer.name(function.name)
    for argument in _arguments(function.args):
        writer.name(argument.arg)
    writer.values([*function.args.defaults, *(value for value in function.args.kw_defaults if value is not None)])
    writer.body(function.body)
    return writer.tokens


def fingerprint(tokens: Sequence[str]) -> int:
    """64 bits of BLAKE2b that stand for a sequence of tokens."""
    joined = "\0".join(tokens).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(joined, digest_size=8).digest(), "little")


def shape(tokens: Sequence[str]) -> U64:
    """Sorted, distinct hashes of the runs of five canonical tokens in which all names are one: ``[runs]``. Two
    functions that differ in a statement or two still share most of them.
    """
    hashes = np.array([_token_hash("$" if token.startswith("$") else token) for token in tokens], np.uint64)
    return np.unique(windows(hashes, SHAPE))


@lru_cache(maxsize=65536)
def _token_hash(token: str) -> int:
    return fingerprint((token,))


def _arguments(arguments: ast.arguments) -> Iterator[ast.arg]:
    yield from (*arguments.posonlyargs, *arguments.args)
    if arguments.vararg:
        yield arguments.vararg
    yield from arguments.kwonlyargs
    if arguments.kwarg:
        yield arguments.kwarg


def _bound(function: Function) -> frozenset[str]:
    """Names that the function binds: they hide built-in ones."""
    names = {function.name}
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            names.add(node.id)
        elif isinstance(node, ast.arg):
            names.add(node.arg)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
    return frozenset(names)


class _Writer:
    """Writes the tokens of nodes in the order of their fields."""

    def __init__(self, bound: frozenset[str], names: bool) -> None:
        self.bound, self.names = bound, names
        self.numbers: dict[str, int] = {}
        self.tokens: list[str] = []

    def name(self, name: str) -> None:
        if self.names or (name in BUILTINS and name not in self.bound):
            self.tokens.append(name)
        else:
            self.tokens.append(f"${self.numbers.setdefault(name, len(self.numbers))}")

    def values(self, nodes: list[ast.expr]) -> None:
        for node in nodes:
            self.node(node)

    def body(self, statements: list[ast.stmt]) -> None:
        for statement in statements:
            remark = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
            if not remark and not isinstance(statement, ast.Pass):
                self.node(statement)
        self.tokens.append("end")

    def node(self, node: ast.AST) -> None:
        if isinstance(node, ast.Name):
            self.name(node.id)
        elif isinstance(node, ast.Constant):
            self.tokens.append(f"={node.value!r}")
        elif isinstance(node, ast.AnnAssign):
            if node.value is not None:
                self.tokens.append("Assign")
                self.node(node.target)
                self.node(node.value)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            self.tokens.append("def")
            self.name(node.name)
            for argument in _arguments(node.args):
                self.name(argument.arg)
            self.body(node.body)
        else:
            self.tokens.append(type(node).__name__)
            for field, value in ast.iter_fields(node):
                self._field(node, field, value)

    def _field(self, node: ast.AST, field: str, value: object) -> None:
        if field in {"ctx", "annotation", "returns", "type_comment", "decorator_list", "type_params", "kind"}:
            return
        if isinstance(value, ast.AST):
            self.node(value)
        elif isinstance(value, list):
            if field in {"body", "orelse", "finalbody"} and value:
                self.body(value)
            else:
                for item in value:
                    if isinstance(item, ast.AST):
                        self.node(item)
                    elif isinstance(item, str):
                        self.name(item)
        elif isinstance(value, str):
            if isinstance(node, ast.Attribute) or (isinstance(node, ast.keyword) and value not in self.bound):
                self.tokens.append(f".{value}")
            else:
                self.name(value)
        elif value is not None:
            self.tokens.append(repr(value))
