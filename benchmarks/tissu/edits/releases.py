"""Records from consecutive releases: functions that differ in a line or three, old against new.

What changed need not have been wrong; changes of form alone are left out: layout, comments, docstrings, annotations,
and names that were renamed throughout the file.
"""

from __future__ import annotations

import ast
import difflib
import random
import re
import warnings
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.tissu.edits.example import OTHER_SEPARATORS, Example, cut
from benchmarks.tissu.edits.injected import scope_of
from quantatissu.corpus.synthetic.chances import chance
from quantatissu.corpus.synthetic.functions import Function, functions
from quantatissu.rewriting import Source, changed

_MOST_LINES = 3
_FILE_BYTES = 200_000
_LEAST_ALIKE = 0.4
_MOST_FUNCTIONS = 25  # changed in one file: more is a rewrite of it
_WORD = re.compile(r"[A-Za-z_]\w*|\d+|[^\s\w]")


@dataclass(frozen=True, slots=True)
class Change:
    """A function in both releases: ``wrong`` and ``right`` are its lines before and after, ``source`` and ``function``
    what it is after. ``words`` are the words (wrong, right) that differ, for telling renames.
    """

    source: Source
    function: Function
    wrong: list[str]
    right: list[str]
    words: tuple[tuple[str, ...], tuple[str, ...]]

    def example(self, draws: random.Random) -> Example | None:
        """Its record."""
        text, scope = self.source.text.splitlines(keepends=True), scope_of(self.source, self.function)
        whole = [*text[: scope.first], *self.wrong, *text[scope.end :]]
        return cut("release", whole, text, scope, draws)


def examples(older: Path, newer: Path, seed: int) -> Iterator[tuple[str, Example]]:
    """(path in the wheel, record) of every small change between two wheels of one package."""
    for name, found in changes(older, newer):
        draws = chance(seed, newer.name, name)
        made = [example for change in found if (example := change.example(draws)) is not None]
        for example in sorted(made, key=lambda example: (example.prefix, example.old, example.new)):
            yield name, example


def changes(older: Path, newer: Path) -> Iterator[tuple[str, list[Change]]]:
    """(path in the wheel, its functions with small changes) of two wheels of one package."""
    with zipfile.ZipFile(older) as old, zipfile.ZipFile(newer) as new:
        names = sorted(name for name in set(old.namelist()) & set(new.namelist()) if name.endswith(".py"))
        for name in names:
            if max(old.getinfo(name).file_size, new.getinfo(name).file_size) > _FILE_BYTES:
                continue
            if old.getinfo(name).CRC == new.getinfo(name).CRC:
                continue
            yield name, of_texts(_text(old.read(name)), _text(new.read(name)))


def of_texts(old: str, new: str) -> list[Change]:
    """The functions with small changes of one file in two releases, in the order of their names."""
    if OTHER_SEPARATORS.search(old) or OTHER_SEPARATORS.search(new):
        return []
    before, after = _functions(old), _functions(new)
    found = [
        change
        for name in sorted(before.keys() & after.keys())
        if (change := _change(*before[name], *after[name])) is not None
    ]
    if len(found) > _MOST_FUNCTIONS:
        return []
    often = Counter(change.words for change in found)
    return [change for change in found if often[change.words] == 1]


def _functions(text: str) -> dict[str, tuple[Source, Function]]:
    """The functions of a file by dotted name; those of repeated names are left out."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            source = Source(text)
            found = functions(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    often = Counter(one.name for one in found)
    return {one.name: (source, one) for one in found if often[one.name] == 1}


def _change(old: Source, before: Function, new: Source, after: Function) -> Change | None:
    wrong_lines, right_lines = _own_lines(old, before), _own_lines(new, after)
    if wrong_lines == right_lines or _bare(before) == _bare(after):
        return None
    start, stop, right_stop = changed(wrong_lines, right_lines)
    wrong, right = wrong_lines[start:stop], right_lines[start:right_stop]
    if max(len(wrong), len(right)) > _MOST_LINES:
        return None
    words = _words(wrong, right)
    if wrong and right and difflib.SequenceMatcher(None, "".join(wrong), "".join(right)).ratio() < _LEAST_ALIKE:
        return None
    scope = scope_of(new, after)
    if start < scope.head - scope.first:
        return None  # another signature is another interface, which nothing in the function tells
    return Change(new, after, wrong_lines, right_lines, words)


def _own_lines(source: Source, function: Function) -> list[str]:
    low, high = source.line_span(function.first, function.last)
    return source.text[low:high].splitlines(keepends=True)


def _words(wrong: Sequence[str], right: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What differs between the two, as words."""
    some, others = _WORD.findall("".join(wrong)), _WORD.findall("".join(right))
    start, stop, other = changed(some, others)
    return tuple(some[start:stop]), tuple(others[start:other])


class _Bare(ast.NodeTransformer):
    """Takes annotations and docstrings off."""

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._definition(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._definition(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        self.generic_visit(node)
        if node.value is None:
            return ast.Pass()
        return ast.Assign([node.target], node.value, lineno=0)

    def _definition(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        node.returns = None
        if len(node.body) > 1 and ast.get_docstring(node, clean=False) is not None:
            del node.body[0]
        self.generic_visit(node)
        return node


def _bare(function: Function) -> str:
    """The function's meaning: its tree without positions, annotations and docstrings."""
    copy = ast.parse(ast.unparse(function.node))
    return ast.dump(_Bare().visit(copy))


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace").replace("\r\n", "\n")
