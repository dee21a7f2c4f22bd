"""The table of fixers: rule code to functions from a parsed file and a finding to edits that may remove it.

What a fixer yields is a proposal. It counts when ruff, the syntax tree and the tests agree (see `verify`), so a fixer
may be hopeful, but it says what it promises: ``keeps="ast"`` where the tree stays equal, ``"docstrings"`` where it does
up to white space in docstrings, ``"behaviour"`` where the code does the same through another tree.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeVar

from quantatissu.repair.lint.ruff import Finding
from quantatissu.rewriting import Edit, Source
from quantatissu.rewriting.blocks import last_line, string_lines

Edits = tuple[Edit, ...]
Propose = Callable[[Source, Finding], Iterator[Edits]]
Promise = Literal["ast", "docstrings", "behaviour", "nothing"]
Node = TypeVar("Node", bound=ast.AST)


@dataclass(frozen=True, slots=True)
class Fixer:
    """One row: the rules it is for, and what its edits promise to keep."""

    codes: tuple[str, ...]
    propose: Propose
    keeps: Promise


@dataclass(frozen=True, slots=True)
class Candidate:
    """Edits that may remove a finding; see `Fixer` for ``keeps``. ``safe`` marks ruff's own safe edits."""

    edits: Edits
    keeps: Promise
    safe: bool = False

    @property
    def risky(self) -> bool:
        """Whether only tests can tell if the code still does the same."""
        return self.keeps == "nothing" and not self.safe


FIXERS: dict[str, list[Fixer]] = {}


def fixer(*codes: str, keeps: Promise = "nothing") -> Callable[[Propose], Propose]:
    """Register the decorated function for some rules."""

    def register(propose: Propose) -> Propose:
        row = Fixer(codes, propose, keeps)
        for code in codes:
            FIXERS.setdefault(code, []).append(row)
        return propose

    return register


def candidates(source: Source, finding: Finding) -> Iterator[Candidate]:
    """Ruff's own edits first, then those of the table, likeliest first."""
    if finding.fix is not None:
        yield Candidate(finding.fix.edits, "nothing", finding.safe)
    for row in FIXERS.get(finding.code, ()):
        for edits in row.propose(source, finding):
            yield Candidate(tuple(sorted(edits)), row.keeps)


# -- what many fixers need -------------------------------------------------------------------------------------------


def node_at(source: Source, finding: Finding, *kinds: type[Node]) -> Node | None:
    """The innermost node of some kinds whose span is the finding's, else the outermost that begins where it does."""
    begin = [node for node in _starting(source).get(finding.start, ()) if isinstance(node, kinds)]
    exact = [node for node in begin if source.span(node)[1] == finding.end]
    return exact[-1] if exact else begin[0] if begin else None


@lru_cache(maxsize=2)
def _starting(source: Source) -> dict[int, list[ast.AST]]:
    """The nodes of a file by where they begin, outer ones first."""
    table: dict[int, list[ast.AST]] = {}
    for node in source.nodes:
        if hasattr(node, "lineno"):
            table.setdefault(source.span(node)[0], []).append(node)
    return table


def around(source: Source, finding: Finding, *kinds: type[Node]) -> Node | None:
    """The innermost node of some kinds that holds the finding's start."""
    held = [
        node
        for node in source.nodes
        if isinstance(node, kinds) and hasattr(node, "lineno") and source.span(node)[0] <= finding.start
        and finding.start < max(source.span(node)[1], source.span(node)[0] + 1)
    ]  # fmt: skip
    return max(held, key=lambda node: (source.span(node)[0], -source.span(node)[1])) if held else None


@lru_cache(maxsize=2)
def docstrings(source: Source) -> dict[int, ast.Constant]:
    """The docstrings of a file by where they begin."""
    return {source.span(text)[0]: text for text in docstrings_of(source.tree)}


def docstrings_of(tree: ast.AST) -> Iterator[ast.Constant]:
    """The docstrings of a syntax tree."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.body:
            match node.body[0]:
                case ast.Expr(value=ast.Constant(value=str()) as text):
                    yield text
                case _:
                    pass


def own_line(source: Source, statement: ast.stmt) -> bool:
    """Whether a statement shares its first line with nothing in front of it and its last with at most a comment."""
    start, end = source.span(statement)
    low, _ = source.line_span(statement.lineno, statement.lineno)
    last = statement.end_lineno or statement.lineno
    _, high = source.line_span(last, last)
    return not source.text[low:start].strip() and not source.text[end:high].partition("#")[0].strip()


def has_multiline_string(source: Source, node: ast.AST) -> bool:
    """Whether a string that spans lines stands in a node: its lines must not be moved."""
    first: int = node.lineno  # type: ignore[attr-defined]
    return not string_lines(source).isdisjoint(range(first + 1, last_line(node) + 1))


def shifted(source: Source, first: int, last: int, old: str, new: str) -> Edits | None:
    """Lines first..last with ``new`` in place of ``old`` in front; None where a line does not begin with it."""
    edits = []
    for line in range(first, last + 1):
        low, _ = source.line_span(line, line)
        text = source.lines[line - 1]
        if not text.strip():
            continue
        if not text.startswith(old):
            return None
        edits.append(Edit(low, low + len(old), new))
    return tuple(edits)


def comments_in(text: str) -> list[str]:
    """The comments of some code without strings in between; good enough for what stands between two nodes."""
    return [match.group() for match in re.finditer(r"#[^\r\n]*", text)]


def free_name(source: Source, node: ast.AST, wanted: str) -> bool:
    """Whether a name is bound nowhere near: neither visible at ``node`` nor mentioned in the file's scopes."""
    return wanted not in source.names_at(node) and not re.search(rf"\b{re.escape(wanted)}\b", source.text)


def add_import(source: Source, module: str, name: str | None = None) -> Edits:
    """Edits that import a module (or a name of it) at the top; none where that is so already."""
    for node in source.tree.body:
        match node:
            case ast.Import(names=names) if name is None:
                wanted = module
            case ast.ImportFrom(module=origin, level=0, names=names) if origin == module and name is not None:
                wanted = name
            case _:
                continue
        if any(alias.name == wanted and not alias.asname for alias in names):
            return ()
    line = f"from {module} import {name}" if name else f"import {module}"
    body = source.tree.body
    at = int(ast.get_docstring(source.tree, clean=False) is not None)
    while at < len(body) and isinstance(part := body[at], ast.ImportFrom) and part.module == "__future__":
        at += 1
    if at < len(body) and isinstance(body[at], ast.Import | ast.ImportFrom):
        start, _ = source.line_span(body[at].lineno, body[at].lineno)
        return (Edit(start, start, line + source.newline),)
    if at:
        last = body[at - 1].end_lineno or 1
        _, end = source.line_span(last, last)
        return (Edit(end, end, f"{source.newline}{line}{source.newline}"),)
    first = body[0].lineno if body else 1
    start, _ = source.line_span(first, first)
    return (Edit(start, start, f"{line}{source.newline}{source.newline}"),)
