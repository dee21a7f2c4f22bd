"""Comparisons and expressions without use."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from quantatissu.repair.lint.ruff import Finding
from quantatissu.repair.lint.rules.table import Edits, fixer, node_at, own_line
from quantatissu.rewriting import Edit, Source

_WORDS = {ast.Eq: (r"==", "is"), ast.NotEq: (r"!=", "is not")}


@fixer("E711", "E712", "E721")
def identity(source: Source, finding: Finding) -> Iterator[Edits]:
    """``==`` and ``!=`` as ``is`` and ``is not``, between operands that are one of a kind."""
    node = node_at(source, finding, ast.Compare)
    if node is None:
        return
    edits = []
    operands = [node.left, *node.comparators]
    for number, operator in enumerate(node.ops):
        if (words := _WORDS.get(type(operator))) is None:
            continue
        low, high = source.span(operands[number])[1], source.span(operands[number + 1])[0]
        gap = source.text[low:high]
        match = re.search(words[0], gap)
        if match and "#" not in gap:
            before = "" if gap[: match.start()].endswith((" ", "\t", "\n")) else " "
            after = "" if gap[match.end() :].startswith((" ", "\t", "\n", "\\")) else " "
            edits.append(Edit(low + match.start(), low + match.end(), before + words[1] + after))
    if edits:
        yield tuple(edits)


@fixer("E713", "E714")
def outer_not(source: Source, finding: Finding) -> Iterator[Edits]:
    """``not a in b`` as ``a not in b``."""
    node = node_at(source, finding, ast.UnaryOp)
    match node:
        case ast.UnaryOp(op=ast.Not(), operand=ast.Compare(ops=[ast.In() | ast.Is()]) as inner):
            left, right = source.segment(inner.left), source.segment(inner.comparators[0])
            word = "not in" if isinstance(inner.ops[0], ast.In) else "is not"
            yield (Edit(*source.span(node), f"{left} {word} {right}"),)
        case _:
            return


@fixer("B015", "B018", keeps="behaviour")
def useless_expression(source: Source, finding: Finding) -> Iterator[Edits]:
    """An expression that is there to be evaluated, assigned to ``_``."""
    node = node_at(source, finding, ast.expr)
    if node is None or not isinstance(parent := source.parents.get(node), ast.Expr) or not own_line(source, parent):
        return
    if not re.search(r"\b_\b", source.text) or re.search(r"^\s*_ = ", source.text, re.M):
        start = source.span(parent)[0]
        yield (Edit(start, start, "_ = "),)
