"""The functions of a file that bugs are injected into, and how a changed one reaches the warm worker."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from quantatissu.rewriting import Edit, Source
from quantatissu.rewriting.source import FunctionNode, Statement
from quantatissu.testing.client import Unit


@dataclass(frozen=True, eq=False, slots=True)
class Function:
    """A function of a module or of its classes, not of another function. ``first`` and ``last`` are its lines,
    decorators included, from 1.
    """

    node: FunctionNode
    classes: tuple[str, ...]
    first: int
    last: int

    @property
    def name(self) -> str:
        """The dotted name, classes first."""
        return ".".join((*self.classes, self.node.name))

    def statements(self) -> list[Statement]:
        """The definition itself and every statement in it but docstrings, in the order of the text."""
        found = [node for node in ast.walk(self.node) if isinstance(node, ast.stmt) and not _is_docstring(node)]
        return sorted(found, key=lambda node: (node.lineno, node.col_offset))


def functions(source: Source) -> list[Function]:
    """The functions of a file in the order of the text."""
    return list(_functions(source.tree.body, ()))


def _functions(block: Sequence[ast.stmt], classes: tuple[str, ...]) -> Iterator[Function]:
    for node in block:
        if isinstance(node, FunctionNode):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            yield Function(node, classes, first, node.end_lineno or node.lineno)
        elif isinstance(node, ast.ClassDef):
            yield from _functions(node.body, (*classes, node.name))
        elif not classes and isinstance(node, ast.If | ast.Try | ast.With):
            yield from _functions([inner for inner in ast.iter_child_nodes(node) if isinstance(inner, ast.stmt)], ())


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def inside(source: Source, function: Function, edits: Sequence[Edit]) -> bool:
    """Whether all edits lie on the function's own lines."""
    low, high = source.line_span(function.first, function.last)
    return all(low <= edit.start and edit.end <= high for edit in edits)


def changed_text(source: Source, function: Function, edits: Sequence[Edit], wrong: str) -> str:
    """The function's lines in the wrong text."""
    low, high = source.line_span(function.first, function.last)
    return wrong[low : high + len(wrong) - len(source.text)]


def swappable(source: Source, function: Function, edits: Sequence[Edit]) -> bool:
    """Whether the edits leave alone what is evaluated when the function is defined: decorators and parameters."""
    top = function.node.body[0]
    start = source.span(top)[0]
    if top.lineno != function.node.lineno:
        start = source.line_span(top.lineno, top.lineno)[0]
    return min(edit.start for edit in edits) >= start


def unit(source: Source, function: Function, edits: Sequence[Edit], wrong: str, path: str) -> Unit | None:
    """The changed function for the worker to swap in; None where the change needs a fresh import.

    ``path`` is the file's absolute path, ``wrong`` the changed text.
    """
    if not swappable(source, function, edits):
        return None
    return Unit(
        path, function.classes, function.node.name, function.first, changed_text(source, function, edits, wrong)
    )
