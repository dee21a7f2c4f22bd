"""Records from right code: a document's functions, each made wrong in one way."""

from __future__ import annotations

import ast
import random
import warnings
from collections.abc import Iterator

from benchmarks.tissu.edits.drawing import drawn, kinds_in_turn, rows, same_function, two_drawn
from benchmarks.tissu.edits.example import OTHER_SEPARATORS, Example, Scope, cut
from benchmarks.tissu.edits.statements import corrupt
from quantatissu.corpus.synthetic.chances import chance
from quantatissu.corpus.synthetic.functions import Function, functions
from quantatissu.rewriting import Project, Source, apply_edits

_CHARACTERS = 30_000  # a longer document is left alone: every row looks at all of it
_LEAST_LINES, _MOST_LINES = 3, 150
_KINDS_TRIED = 5


def examples(identity: str, text: str, most: int, seed: int) -> Iterator[Example]:
    """Up to `most` records of a Python document, each from another function. They depend on the arguments alone."""
    if len(text) > _CHARACTERS or OTHER_SEPARATORS.search(text):
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            source = Source(text)
            found = functions(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    project = Project([source])
    able = [one for one in found if _LEAST_LINES <= one.last - one.first + 1 <= _MOST_LINES]
    chance(seed, identity).shuffle(able)
    made = 0
    for function in able:
        draws = chance(seed, identity, function.name, function.first)
        try:
            example = _of_function(source, project, function, draws)
        except RecursionError:
            continue
        if example is not None:
            yield example
            made += 1
        if made == most:
            return


def scope_of(source: Source, function: Function) -> Scope:
    """The lines of a function, and of the classes around it."""
    node = function.node
    owners = [up.lineno - 1 for up in source.ancestors(node) if isinstance(up, ast.ClassDef)]
    head = max(node.body[0].lineno - 1, node.lineno)
    documented = ast.get_docstring(node, clean=False) is not None and len(node.body) > 1
    body = max(node.body[1].lineno - 1, head) if documented else head
    return Scope(function.first - 1, head, body, function.last, tuple(sorted(owners)))


def _of_function(source: Source, project: Project, function: Function, draws: random.Random) -> Example | None:
    scope, lines = scope_of(source, function), source.text.splitlines(keepends=True)
    for _, kind in zip(range(_KINDS_TRIED), kinds_in_turn(draws), strict=False):
        wrong = _wrong(kind, source, project, function, draws)
        if wrong is None or same_function(source, function, wrong) is not False:
            continue
        most = 8 if kind in ("compound", "insert block", "remove block") else 4
        example = cut(kind, wrong.splitlines(keepends=True), lines, scope, draws, most=most)
        if example is not None:
            return example
    return None


def _wrong(kind: str, source: Source, project: Project, function: Function, draws: random.Random) -> str | None:
    """The file's text with one fault of a kind in the function."""
    if kind == "compound":
        edits = two_drawn(source, project, function, draws)
        return apply_edits(source.text, edits) if edits else None
    if kind in rows():
        rewrite = drawn(source, project, function, rows()[kind], draws)
        return rewrite.apply(source.text) if rewrite else None
    lines = corrupt(kind, source.text.splitlines(keepends=True), function, draws)
    return "".join(lines) if lines else None
