"""Lint edits of expressions: comparisons, literals, calls."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from quantatissu.corpus.synthetic.lint_table import Edits, File, lint_edit
from quantatissu.rewriting import Edit


def gap(file: File, node: ast.Compare, old: str, new: str) -> Iterator[Edits]:
    """A comparison word replaced between its two operands."""
    start, _, gap = file.between(node.left, node.comparators[0])
    match = re.search(old, gap)
    if match and "#" not in gap:
        yield (Edit(start + match.start(), start + match.end(), new),)


def comparisons(file: File, operator: type[ast.cmpop]) -> Iterator[ast.Compare]:
    for node in file.nodes(ast.Compare):
        if len(node.ops) == 1 and isinstance(node.ops[0], operator) and id(node) not in file.inert:
            yield node


@lint_edit("equal_none", "E711")
def _equal_none(file: File) -> Iterator[Edits]:
    for operator, old, new in ((ast.Is, r"\bis\b", "=="), (ast.IsNot, r"\bis\s+not\b", "!=")):
        for node in comparisons(file, operator):
            if isinstance(node.comparators[0], ast.Constant) and node.comparators[0].value is None:
                yield from gap(file, node, old, new)


@lint_edit("equal_true", "E712")
def _equal_true(file: File) -> Iterator[Edits]:
    conditions: list[ast.If | ast.While] = [*file.nodes(ast.If), *file.nodes(ast.While)]
    for node in conditions:
        match node.test:
            case ast.UnaryOp(op=ast.Not(), operand=ast.Name() | ast.Attribute() as operand):
                yield file.replace(node.test, f"{file.source.segment(operand)} == False")
            case ast.Name() | ast.Attribute():
                yield file.replace(node.test, f"{file.source.segment(node.test)} == True")
            case _:
                pass


@lint_edit("not_in", "E713")
def _not_in(file: File) -> Iterator[Edits]:
    yield from _outer_not(file, ast.NotIn, r"\bnot\s+in\b", "in")


@lint_edit("not_is", "E714")
def _not_is(file: File) -> Iterator[Edits]:
    yield from _outer_not(file, ast.IsNot, r"\bis\s+not\b", "is")


def _outer_not(file: File, operator: type[ast.cmpop], old: str, new: str) -> Iterator[Edits]:
    for node in comparisons(file, operator):
        start = file.source.span(node)[0]
        for (edit,) in gap(file, node, old, new):
            yield Edit(start, start, "not "), edit


@lint_edit("is_literal", "F632")
def _is_literal(file: File) -> Iterator[Edits]:
    for operator, old, new in ((ast.Eq, "==", "is"), (ast.NotEq, "!=", "is not")):
        for node in comparisons(file, operator):
            right = node.comparators[0]
            if (
                isinstance(right, ast.Constant)
                and isinstance(right.value, str | int)
                and not isinstance(right.value, bool)
            ):
                yield from gap(file, node, old, new)


@lint_edit("compare_type", "E721")
def _compare_type(file: File) -> Iterator[Edits]:
    for node in file.nodes(ast.Call):
        match node:
            case ast.Call(func=ast.Name(id="isinstance"), args=[value, ast.Name() as kind]) if (
                id(node) not in file.inert
            ):
                yield file.replace(node, f"type({file.source.segment(value)}) == {kind.id}")
            case _:
                pass


@lint_edit("idle_f_prefix", "F541")
def _idle_f_prefix(file: File) -> Iterator[Edits]:
    for node in file.nodes(ast.Constant):
        text = file.source.segment(node) if isinstance(node.value, str) and id(node) not in file.inert else ""
        inside_call = isinstance(file.source.parents.get(node), ast.Call | ast.Assign | ast.Return | ast.Raise)
        plain = text[:1] in ("'", '"') and not text.startswith(('"""', "'''")) and not re.search(r"[{}\n]", text)
        if plain and inside_call:
            start = file.source.span(node)[0]
            yield (Edit(start, start, "f"),)


@lint_edit("drop_raw_prefix", "W605")
def _drop_raw_prefix(file: File) -> Iterator[Edits]:
    for node in file.nodes(ast.Constant):
        if isinstance(node.value, str) and id(node) not in file.inert:
            start, end = file.source.span(node)
            text = file.text[start:end]
            if text[:1] in "rR" and len(re.findall(r"\\[dswSDW.()\[\]+*?]", text)) == 1 and text.count("\\") == 1:
                yield (Edit(start, start + 1, ""),)


@lint_edit("list_of_generator", "C400")
def _list_of_generator(file: File) -> Iterator[Edits]:
    for kind, name in ((ast.ListComp, "list"), (ast.SetComp, "set")):
        for node in file.nodes(kind):
            if id(node) not in file.inert:
                start, end = file.source.span(node)
                yield Edit(start, start + 1, f"{name}("), Edit(end - 1, end, ")")


@lint_edit("call_for_literal", "C408")
def _call_for_literal(file: File) -> Iterator[Edits]:
    empty: list[tuple[ast.expr, str]] = [(node, "dict()") for node in file.nodes(ast.Dict) if not node.keys]
    empty += [(node, "list()") for node in file.nodes(ast.List) if not node.elts and isinstance(node.ctx, ast.Load)]
    for node, call in empty:
        if id(node) not in file.inert:
            yield file.replace(node, call)


@lint_edit("constant_getattr", "B009")
def _constant_getattr(file: File) -> Iterator[Edits]:
    for node in file.nodes(ast.Attribute):
        if isinstance(node.ctx, ast.Load) and isinstance(node.value, ast.Name) and id(node) not in file.inert:
            yield file.replace(node, f'getattr({node.value.id}, "{node.attr}")')
