"""Exceptions: bare handlers, causes, handlers that only pass."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from quantatissu.repair.lint.ruff import Finding
from quantatissu.repair.lint.rules.table import (
    Edits,
    add_import,
    around,
    comments_in,
    fixer,
    node_at,
    own_line,
)
from quantatissu.rewriting import Edit, Source

_NAMES = ("err", "error", "exc", "caught")


@fixer("E722")
def bare_except(source: Source, finding: Finding) -> Iterator[Edits]:
    """``except:`` as ``except Exception:``."""
    node = node_at(source, finding, ast.ExceptHandler)
    if node is not None and node.type is None:
        at = source.span(node)[0] + len("except")
        yield (Edit(at, at, " Exception"),)


@fixer("B904")
def cause(source: Source, finding: Finding) -> Iterator[Edits]:
    """``raise X`` in a handler as ``raise X from err``, else ``from None``."""
    node = node_at(source, finding, ast.Raise)
    if node is None or node.exc is None or node.cause is not None:
        return
    handler = next((up for up in source.ancestors(node) if isinstance(up, ast.ExceptHandler)), None)
    if handler is None:
        return
    end = source.span(node)[1]
    if handler.name is not None:
        yield (Edit(end, end, f" from {handler.name}"),)
    elif handler.type is not None:
        place = source.function_of(node) or source.tree
        used = set(re.findall(r"\w+", source.segment(place) if place is not source.tree else source.text))
        name = next((name for name in _NAMES if name not in used), None)
        if name is not None:
            low, high = source.span(handler.type)[1], source.span(handler.body[0])[0]
            colon = low + source.text[low:high].index(":")
            yield Edit(colon, colon, f" as {name}"), Edit(end, end, f" from {name}")
    yield (Edit(end, end, " from None"),)


@fixer("SIM105")
def suppress(source: Source, finding: Finding) -> Iterator[Edits]:
    """``try`` with a handler that only passes, as ``with contextlib.suppress(...)``; its comments go above."""
    node = around(source, finding, ast.Try)
    if node is None or len(node.handlers) != 1 or node.orelse or node.finalbody or not own_line(source, node.body[0]):
        return
    handler = node.handlers[0]
    if handler.name or not all(isinstance(part, ast.Pass) for part in handler.body):
        return
    match handler.type:
        case None:
            caught = "Exception"
        case ast.Tuple(elts=parts):
            caught = ", ".join(source.segment(part) for part in parts)
        case kind:
            caught = source.segment(kind)
    start = source.span(node)[0]
    low, _ = source.line_span(node.lineno, node.lineno)
    _, high = source.line_span(node.end_lineno or node.lineno, node.end_lineno or node.lineno)
    last = node.body[-1].end_lineno or node.lineno
    _, tail = source.line_span(last, last)
    head = source.lines[node.lineno - 1][start - low :]
    if head.partition("#")[0].strip() != "try:" or node.body[0].lineno == node.lineno:
        return
    notes = [*comments_in(head), *comments_in(source.text[tail:high])]
    above = "".join(f"{note.rstrip()}{source.newline}{source.text[low:start]}" for note in notes)
    stop = start + len(head.rstrip("\r\n"))
    with_line = Edit(start, stop, f"{above}with contextlib.suppress({caught}):")
    yield *add_import(source, "contextlib"), with_line, Edit(tail, high, "")
