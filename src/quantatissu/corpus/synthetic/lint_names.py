"""Lint edits of imports and names: unused, forgotten, misspelt, imported twice."""

from __future__ import annotations

import ast
import random
from collections.abc import Iterator
from itertools import pairwise

from quantatissu.corpus.synthetic.lint_table import Edits, File, lint_edit
from quantatissu.rewriting import Edit

# What people import and then do without.
_SPARE_IMPORTS = (
    "import os", "import re", "import sys", "import json", "import time", "import logging", "import itertools",
    "import functools", "from typing import Any", "from typing import Optional", "from pathlib import Path",
    "from collections import defaultdict", "from datetime import datetime", "from dataclasses import dataclass",
)  # fmt: skip
_RESULTS = ("result", "value", "ret", "output", "tmp", "response", "data")


@lint_edit("spare_import", "F401")
def _spare_import(file: File) -> Iterator[Edits]:
    tops = [node for node in file.source.tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    tops = [node for node in tops if file.own_line(node) and getattr(node, "module", "") != "__future__"]
    for node in tops:
        spare = file.chance.choice(_SPARE_IMPORTS)
        if spare.rpartition(" ")[2] not in file.text:
            start = file.source.line_span(node.lineno, node.lineno)[0]
            yield (Edit(start, start, spare + file.source.newline),)


@lint_edit("forget_import", "F821")
def _forget_import(file: File) -> Iterator[Edits]:
    imports: list[ast.Import | ast.ImportFrom] = [*file.nodes(ast.Import), *file.nodes(ast.ImportFrom)]
    for node in imports:
        block = file.source.block_of(node)
        if len(node.names) == 1 and len(block) > 1 and file.own_line(node):
            yield (Edit(*file.source.line_span(node.lineno, node.end_lineno or node.lineno), ""),)


@lint_edit("forget_imported_name", "F821")
def _forget_imported_name(file: File) -> Iterator[Edits]:
    for node in file.nodes(ast.ImportFrom):
        for one, following in pairwise(node.names):
            yield (Edit(file.source.span(one)[0], file.source.span(following)[0], ""),)


@lint_edit("import_twice", "F811")
def _import_twice(file: File) -> Iterator[Edits]:
    for node in file.source.tree.body:
        if (
            isinstance(node, ast.Import | ast.ImportFrom)
            and file.own_line(node)
            and getattr(node, "module", "") != "__future__"
        ):
            end = file.source.line_span(node.lineno, node.end_lineno or node.lineno)[1]
            yield (Edit(end, end, file.source.segment(node) + file.source.newline),)


@lint_edit("join_imports", "E401")
def _join_imports(file: File) -> Iterator[Edits]:
    body = file.source.tree.body
    for one, two in pairwise(body):
        if isinstance(one, ast.Import) and isinstance(two, ast.Import) and file.own_line(one) and file.own_line(two):
            gap = file.text[file.source.span(one)[1] : file.source.span(two.names[0])[0]]
            if "#" not in gap:
                yield (Edit(file.source.span(one)[1], file.source.span(two.names[0])[0], ", "),)


@lint_edit("keep_result", "F841")
def _keep_result(file: File) -> Iterator[Edits]:
    for node in file.nodes(ast.Expr):
        if isinstance(node.value, ast.Call) and file.source.function_of(node) is not None and file.own_line(node):
            start = file.source.span(node)[0]
            yield (Edit(start, start, f"{file.chance.choice(_RESULTS)} = "),)


@lint_edit("forget_use", "F841")
def _forget_use(file: File) -> Iterator[Edits]:
    for node in file.nodes(ast.Return):
        if isinstance(node.value, ast.Name) and file.source.function_of(node) is not None:
            yield file.replace(node, "return None")


@lint_edit("name_exception", "F841")
def _name_exception(file: File) -> Iterator[Edits]:
    for node in file.nodes(ast.ExceptHandler):
        if node.type is not None and node.name is None:
            end = file.source.span(node.type)[1]
            colon = file.text.find(":", end)
            if colon >= 0 and "\n" not in file.text[end:colon] and "#" not in file.text[end:colon]:
                yield (Edit(colon, colon, f" as {file.chance.choice(('e', 'exc', 'error', 'err'))}"),)


@lint_edit("misspell_name", "F821")
def _misspell_name(file: File) -> Iterator[Edits]:
    names = [node for node in file.nodes(ast.Name) if isinstance(node.ctx, ast.Load) and len(node.id) > 3]
    for node in names:
        if id(node) not in file.inert:
            yield file.replace(node, _misspelt(node.id, file.chance))


def _misspelt(name: str, chance: random.Random) -> str:
    """A slip of the fingers: a letter left out, doubled, or two swapped, the first one kept."""
    at = chance.randrange(1, len(name) - 1)
    return chance.choice((
        name[:at] + name[at + 1 :],
        name[:at] + name[at] + name[at:],
        name[:at] + name[at + 1] + name[at] + name[at + 2 :],
    ))  # fmt: skip


@lint_edit("forget_parameter", "F821")
def _forget_parameter(file: File) -> Iterator[Edits]:
    for node in file.nodes(ast.FunctionDef):
        arguments = node.args.args
        if len(arguments) > 1 and not node.args.defaults and not node.args.kwonlyargs and node.args.vararg is None:
            yield (Edit(file.source.span(arguments[-2])[1], file.source.span(arguments[-1])[1], ""),)
