"""A Python file as the operators see it: text, tree, spans, parents and what is in scope where."""

from __future__ import annotations

import ast
import builtins
import sys
import warnings
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from functools import cached_property

from quantatissu.foundation.syntax import parsed

Statement = ast.stmt
FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
ScopeNode = ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda

BUILTIN_NAMES = frozenset(name for name in dir(builtins) if not name.startswith("_"))


class Source:
    """One parsed file. Raises SyntaxError when the text does not parse.

    Offsets everywhere are in characters of ``text``; lines count from 1 as in `ast`.
    """

    def __init__(self, text: str, path: str = "<string>") -> None:
        self.text = text
        self.path = path
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.tree = parsed(text, filename=path)

    # -- positions ------------------------------------------------------------------------------------------------

    @cached_property
    def lines(self) -> list[str]:
        """The lines with their line ends, split as Python's own tokenizer splits them (form feeds do not count)."""
        return list(_split_lines(self.text))

    @cached_property
    def line_starts(self) -> list[int]:
        starts, at = [], 0
        for line in self.lines:
            starts.append(at)
            at += len(line)
        return starts

    def offset(self, line: int, utf8_column: int) -> int:
        """The character offset of `ast`'s (line, UTF-8 column)."""
        start, text = self.line_starts[line - 1], self.lines[line - 1]
        if text.isascii():
            return start + utf8_column
        return start + len(text.encode("utf-8")[:utf8_column].decode("utf-8", "ignore"))

    def span(self, node: ast.AST) -> tuple[int, int]:
        """(start, end) of a node that has a position. Decorators are not part of a definition's span."""
        return (
            self.offset(node.lineno, node.col_offset),  # type: ignore[attr-defined]
            self.offset(node.end_lineno, node.end_col_offset),  # type: ignore[attr-defined]
        )

    def segment(self, node: ast.AST) -> str:
        """The node's own text."""
        start, end = self.span(node)
        return self.text[start:end]

    def line_of(self, offset: int) -> int:
        return bisect_right(self.line_starts, offset)

    def line_span(self, first: int, last: int) -> tuple[int, int]:
        """(start, end) of whole lines first..last, the line end of the last one included."""
        end = self.line_starts[last] if last < len(self.line_starts) else len(self.text)
        return self.line_starts[first - 1], end

    def indent_of(self, statement: Statement) -> str:
        """The white space in front of a statement's first line (empty when it shares its line with another)."""
        line = self.lines[statement.lineno - 1]
        lead = line[: len(line) - len(line.lstrip(" \t\f"))]
        return lead if len(lead.encode()) == statement.col_offset else ""

    @cached_property
    def indent_unit(self) -> str:
        """What one more level of indentation adds in this file."""
        for node in self.nodes:
            body = getattr(node, "body", None)
            if isinstance(node, ast.stmt) and isinstance(body, list) and body and body[0].lineno > node.lineno:
                outer, inner = self.indent_of(node), self.indent_of(body[0])
                if inner.startswith(outer) and inner != outer:
                    return inner[len(outer) :]
        return "    "

    @cached_property
    def newline(self) -> str:
        return "\r\n" if "\r\n" in self.text else "\n"

    # -- structure ------------------------------------------------------------------------------------------------

    @cached_property
    def children(self) -> dict[ast.AST, tuple[ast.AST, ...]]:
        """Node -> its child nodes. Many rows look at whole files, and walking them anew took longest of all."""
        table: dict[ast.AST, tuple[ast.AST, ...]] = {}
        level: list[ast.AST] = [self.tree]
        for node in level:
            table[node] = found = tuple(ast.iter_child_nodes(node))
            level.extend(found)
        return table

    @property
    def nodes(self) -> Iterable[ast.AST]:
        """Every syntax node, in the order of `ast.walk`."""
        return self.children.keys()

    @cached_property
    def parents(self) -> dict[ast.AST, ast.AST]:
        return {child: node for node, found in self.children.items() for child in found}

    def ancestors(self, node: ast.AST) -> Iterator[ast.AST]:
        """The parent, its parent, and so on up to the module."""
        while (up := self.parents.get(node)) is not None:
            yield up
            node = up

    def is_called(self, node: ast.AST) -> bool:
        """Whether a call calls what this node is: ``f`` in ``f(x)``."""
        parent = self.parents.get(node)
        return isinstance(parent, ast.Call) and parent.func is node

    def statement_of(self, node: ast.AST) -> Statement:
        """The innermost statement that holds `node` (or is it)."""
        if isinstance(node, ast.stmt):
            return node
        return next(up for up in self.ancestors(node) if isinstance(up, ast.stmt))

    def scope_of(self, node: ast.AST) -> ScopeNode:
        """The function, lambda, class or module whose body `node` stands in (a default value is outside)."""
        inner = node
        for up in self.ancestors(node):
            if isinstance(up, ScopeNode) and (isinstance(inner, ast.stmt) or inner is getattr(up, "body", None)):
                return up
            inner = up
        return self.tree

    def function_of(self, node: ast.AST) -> FunctionNode | None:
        """The innermost function definition around `node`."""
        return next((up for up in self.ancestors(node) if isinstance(up, FunctionNode)), None)

    def class_of(self, node: ast.AST) -> ast.ClassDef | None:
        """The innermost class around `node`."""
        return next((up for up in self.ancestors(node) if isinstance(up, ast.ClassDef)), None)

    def block_of(self, statement: Statement) -> list[Statement]:
        """The list of statements that `statement` is a member of."""
        parent = self.parents[statement]
        for field in ("body", "orelse", "finalbody", "handlers"):
            block = getattr(parent, field, None)
            if isinstance(block, list) and any(member is statement for member in block):
                return block
        raise AssertionError("a statement is always in a block")

    @cached_property
    def statements(self) -> list[Statement]:
        """Every statement, in the order of the text."""
        found = [node for node in self.nodes if isinstance(node, ast.stmt)]
        return sorted(found, key=lambda node: (node.lineno, node.col_offset))

    def header_lines(self, statement: Statement) -> range:
        """The lines a statement occupies itself: all of a simple one, up to the first body statement of a compound."""
        first = statement.lineno
        decorators = getattr(statement, "decorator_list", [])
        if decorators:
            first = decorators[0].lineno
        body = getattr(statement, "body", None)
        if isinstance(body, list) and body:
            top = body[0]
            start = min([top.lineno, *(d.lineno for d in getattr(top, "decorator_list", []))])
            return range(first, max(first + 1, start))
        if isinstance(statement, ast.Match):
            return range(first, max(first + 1, statement.cases[0].pattern.lineno))
        return range(first, (statement.end_lineno or first) + 1)

    def statements_on(self, line: int) -> list[Statement]:
        """The statements whose own lines include `line` (several where they share it)."""
        return self._by_line.get(line, [])

    @cached_property
    def _by_line(self) -> dict[int, list[Statement]]:
        table: dict[int, list[Statement]] = {}
        for statement in self.statements:
            for line in (*self.header_lines(statement), *_clause_lines(statement)):
                table.setdefault(line, []).append(statement)
        return table

    def own_nodes(self, statement: Statement) -> Iterator[ast.AST]:
        """The statement itself and every expression-level node in it, without the statements of its blocks.

        What stands inside an f-string is left out where Python gives it no sure position (before 3.12).
        """
        stack: list[ast.AST] = [statement]
        while stack:
            node = stack.pop()
            yield node
            if isinstance(node, ast.JoinedStr) and node not in self._placed_fstrings:
                continue
            stack.extend(child for child in reversed(self.children[node]) if not isinstance(child, ast.stmt))

    # -- f-strings ------------------------------------------------------------------------------------------------

    @cached_property
    def fstring_of(self) -> dict[ast.AST, ast.JoinedStr]:
        """Every node inside an f-string -> the outermost f-string around it."""
        table: dict[ast.AST, ast.JoinedStr] = {}
        for node in self.nodes:
            if isinstance(node, ast.JoinedStr) and node not in table:
                table.update((inner, node) for inner in ast.walk(node) if inner is not node)
        return table

    @cached_property
    def _placed_fstrings(self) -> set[ast.JoinedStr]:
        """The f-strings whose inner nodes stand where `ast` says they do."""
        found = [node for node in self.nodes if isinstance(node, ast.JoinedStr)]
        if sys.version_info >= (3, 12):
            return set(found)
        return {node for node in found if node not in self.fstring_of and self._well_placed(node)}

    def _well_placed(self, outer: ast.JoinedStr) -> bool:
        """Whether each placeholder's text, parsed again, gives the nodes `ast` put there, in order."""
        at, end = self.span(outer)
        for value in outer.values:
            if not isinstance(value, ast.FormattedValue):
                continue
            shown = value.value
            start, stop = self.span(shown)
            if not at <= start < stop <= end or shown.lineno != shown.end_lineno:
                return False
            if isinstance(value.format_spec, ast.JoinedStr) and len(value.format_spec.values) > 1:
                return False
            try:
                again = parsed(f"({self.text[start:stop]})", mode="eval").body
            except SyntaxError:
                return False
            for here, there in zip(ast.walk(shown), ast.walk(again), strict=False):
                if type(here) is not type(there) or isinstance(here, ast.JoinedStr):
                    return False
                column = getattr(here, "col_offset", None)
                if column is not None and column != there.col_offset - 1 + shown.col_offset:  # type: ignore[attr-defined]
                    return False
            at = stop
        return True

    # -- names ----------------------------------------------------------------------------------------------------

    def names_at(self, node: ast.AST) -> dict[str, str]:
        """Names visible at `node` -> where from: ``local``, ``parameter``, ``enclosing``, ``global`` or ``import``.

        Locals bound anywhere in the function count, later ones too: a search tries more than a compiler allows.
        Builtins are left out.
        """
        visible: dict[str, str] = {}
        innermost = True
        scope: ast.AST | None = self.scope_of(node)
        while scope is not None and not isinstance(scope, ast.Module):
            if innermost or not isinstance(scope, ast.ClassDef):
                for name, kind in self.bindings(scope).items():
                    visible.setdefault(name, kind if innermost else "enclosing")
            innermost = False
            scope = self.scope_of(scope)
        for name, kind in self.bindings(self.tree).items():
            visible.setdefault(name, "import" if kind == "import" else "global")
        return visible

    def bindings(self, scope: ast.AST) -> dict[str, str]:
        """Names bound directly in a scope -> ``parameter``, ``import``, ``definition`` or ``local``."""
        cached = self._bindings.get(scope)
        if cached is None:
            cached = self._bindings[scope] = _bindings(scope)
        return cached

    @cached_property
    def _bindings(self) -> dict[ast.AST, dict[str, str]]:
        return {}


def _clause_lines(statement: Statement) -> Iterator[int]:
    """The lines of a statement's `except` and `case` headers."""
    for clause in (*getattr(statement, "handlers", ()), *getattr(statement, "cases", ())):
        first = clause.pattern.lineno if isinstance(clause, ast.match_case) else clause.lineno
        yield from range(first, max(first + 1, clause.body[0].lineno))


def _split_lines(text: str) -> Iterator[str]:
    """Lines with their ends; only ``\\n``, ``\\r\\n`` and ``\\r`` end one (`str.splitlines` knows more)."""
    start = 0
    length = len(text)
    while start < length:
        newline, carriage = text.find("\n", start), text.find("\r", start)
        if newline < 0 and carriage < 0:
            yield text[start:]
            return
        if carriage >= 0 and (newline < 0 or carriage < newline):
            end = carriage + (2 if newline == carriage + 1 else 1)
        else:
            end = newline + 1
        yield text[start:end]
        start = end
    if not text or text.endswith(("\n", "\r")):
        yield ""


def _bindings(scope: ast.AST) -> dict[str, str]:
    bound: dict[str, str] = {}
    if isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        arguments = scope.args
        for argument in (
            *arguments.posonlyargs,
            *arguments.args,
            *([arguments.vararg] if arguments.vararg else ()),
            *arguments.kwonlyargs,
            *([arguments.kwarg] if arguments.kwarg else ()),
        ):
            bound[argument.arg] = "parameter"
    stack: list[ast.AST] = list(getattr(scope, "body", [])) if not isinstance(scope, ast.Lambda) else [scope.body]
    while stack:
        node = stack.pop(0)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            bound.setdefault(node.name, "definition")
            continue
        if isinstance(node, ast.Lambda):
            continue
        if isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                if alias.name != "*":
                    bound.setdefault((alias.asname or alias.name).split(".")[0], "import")
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            bound.setdefault(node.id, "local")
        elif isinstance(node, ast.ExceptHandler) and node.name:
            bound.setdefault(node.name, "local")
        stack.extend(ast.iter_child_nodes(node))
    return bound
