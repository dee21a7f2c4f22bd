"""Several statements on a line."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from quantatissu.repair.lint.ruff import Finding
from quantatissu.repair.lint.rules.table import Edits, fixer, has_multiline_string
from quantatissu.rewriting import Edit, Source


@fixer("E701", "E702", keeps="ast")
def one_a_line(source: Source, finding: Finding) -> Iterator[Edits]:
    """Each statement of the finding's line on a line of its own."""
    line = finding.line
    indent = source.lines[line - 1][: len(source.lines[line - 1]) - len(source.lines[line - 1].lstrip())]
    here = [node for node in source.statements if node.lineno == line]
    if any(has_multiline_string(source, node) for node in here):
        return
    edits = []
    for node in here:
        start = source.span(node)[0]
        low, _ = source.line_span(line, line)
        before = source.text[low:start]
        if not before.strip():
            continue
        bare = before.rstrip()
        if not bare.endswith((":", ";")):
            return
        inside = bare.endswith(":") or any(
            other.lineno == line and other is source.parents.get(node) for other in here
        ) or _in_clause(source, node, line)  # fmt: skip
        cut = low + len(bare) - (1 if bare.endswith(";") else 0)
        edits.append(Edit(cut, start, source.newline + indent + (source.indent_unit if inside else "")))
    if edits:
        yield tuple(edits)


def _in_clause(source: Source, node: ast.stmt, line: int) -> bool:
    """Whether a statement belongs to a block whose header (``if``, ``else``, ``except``) is on the same line."""
    block = source.block_of(node)
    return block[0].lineno == line and bool(source.lines[line - 1][: block[0].col_offset].strip())


@fixer("E703", keeps="ast")
def idle_semicolon(source: Source, finding: Finding) -> Iterator[Edits]:
    """A semicolon with nothing behind it taken out."""
    if source.text[finding.start : finding.end] == ";":
        yield (Edit(finding.start, finding.end, ""),)
