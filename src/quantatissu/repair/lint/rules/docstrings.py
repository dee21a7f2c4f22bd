"""White space and prose of docstrings, which the program can see but hardly ever looks at."""

from __future__ import annotations

import re
from collections.abc import Iterator

from quantatissu.repair.lint.ruff import Finding
from quantatissu.repair.lint.rules.table import Edits, docstrings, fixer
from quantatissu.rewriting import Edit, Source


@fixer("W291", "W293", keeps="docstrings")
def trailing_blanks(source: Source, finding: Finding) -> Iterator[Edits]:
    """Blanks at the end of a docstring's line taken out."""
    line = source.lines[finding.line - 1].rstrip("\r\n")
    start = source.line_starts[finding.line - 1]
    if line != line.rstrip():
        yield (Edit(start + len(line.rstrip()), start + len(line), ""),)


@fixer("D205", keeps="docstrings")
def summary_apart(source: Source, finding: Finding) -> Iterator[Edits]:
    """A blank line behind a docstring's first sentence, where that ends with its line."""
    for start, node in docstrings(source).items():
        if not start <= finding.start <= source.span(node)[1]:
            continue
        text = source.segment(node)
        match = re.match(r"[rRuU]?(?:\"\"\"|''')\s*[^\n]*[.!?:]\r?\n(?=[ \t]*\S)", text)
        if match:
            at = start + match.end()
            yield (Edit(at, at, source.newline),)
