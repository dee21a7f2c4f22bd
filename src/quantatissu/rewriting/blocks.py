"""Statements as whole lines of text: put lines in, take them out, move them and re-indent them.

Every function answers None (or an empty tuple) where the layout makes the change unsafe: statements sharing a line,
one-line suites, strings whose value would change with the indentation.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from quantatissu.rewriting.edits import Edit
from quantatissu.rewriting.source import Source, Statement

Edits = tuple[Edit, ...]
BLOCK_FIELDS = ("body", "orelse", "finalbody")
# Compound statements whose blocks run in the scope around them.
PlainCompound = ast.If | ast.For | ast.AsyncFor | ast.While | ast.With | ast.AsyncWith | ast.Try | ast.TryStar
LoopNode = ast.For | ast.AsyncFor | ast.While
DefinitionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
JumpNode = ast.Return | ast.Raise | ast.Continue | ast.Break


def parts_of(node: ast.AST) -> Iterator[ast.AST]:
    """`ast.walk` without contexts, faster and in another order."""
    stack = [node]
    while stack:
        part = stack.pop()
        yield part
        for field in part._fields:
            value = getattr(part, field, None)
            if isinstance(value, list):
                stack.extend(item for item in value if isinstance(item, ast.AST))
            elif isinstance(value, ast.AST) and not isinstance(value, ast.expr_context):
                stack.append(value)


def first_line(statement: Statement) -> int:
    """The statement's first line, decorators included."""
    decorators = getattr(statement, "decorator_list", None)
    return decorators[0].lineno if decorators else statement.lineno


def last_line(node: ast.AST) -> int:
    end: int | None = node.end_lineno  # type: ignore[attr-defined]
    assert end is not None
    return end


def is_elif(source: Source, statement: Statement) -> bool:
    """Whether an `if` statement is written as the `elif` of another."""
    return isinstance(statement, ast.If) and source.text.startswith("elif", source.span(statement)[0])


def lines_of(source: Source, statement: Statement) -> tuple[int, int] | None:
    """(first, last) of the lines a statement has to itself, decorators included; None when it shares one."""
    first, last = first_line(statement), last_line(statement)
    line = source.lines[first - 1]
    lead = line[: len(line) - len(line.lstrip(" \t"))]
    if len(lead) != statement.col_offset or is_elif(source, statement):
        return None
    if first > 1 and source.lines[first - 2].rstrip("\r\n").endswith("\\"):
        return None
    end_line = source.lines[last - 1]
    end = statement.end_col_offset or 0
    rest = end_line[end:] if end_line.isascii() else end_line.encode()[end:].decode()
    rest = rest.strip()
    return (first, last) if not rest or rest.startswith("#") else None


def run_lines(source: Source, run: Sequence[Statement]) -> tuple[int, int] | None:
    """(first, last) of the lines of consecutive siblings; None when one of them shares a line."""
    spans = [lines_of(source, statement) for statement in run]
    known = [span for span in spans if span is not None]
    return (known[0][0], known[-1][1]) if known and len(known) == len(run) else None


def with_comments(source: Source, first: int, indent: str) -> int:
    """`first`, or the first of the comment lines that stand directly above it at the same indentation."""
    while first > 1:
        above = source.lines[first - 2]
        if not above.startswith(indent + "#"):
            break
        first -= 1
    return first


def text_of(source: Source, first: int, last: int) -> str:
    start, end = source.line_span(first, last)
    return source.text[start:end]


def line_end(source: Source, line: int) -> str:
    """The line end in use at a line (the file's own where it is the last and has none)."""
    text = source.lines[line - 1]
    if text.endswith("\r\n"):
        return "\r\n"
    return "\n" if text.endswith("\n") else source.newline


def end_of(source: Source, line: int) -> int:
    """The offset just before a line's end of line."""
    return source.line_starts[line - 1] + len(source.lines[line - 1].rstrip("\r\n"))


def reindent(source: Source, first: int, last: int, old: str, new: str) -> str | None:
    """The text of lines first..last with the indentation `old` replaced by `new`.

    Lines that do not start with `old` (blank ones, comments and continuations further left) stay as they are. None
    when a line starts inside a string literal.
    """
    if any(source_line in string_lines(source) for source_line in range(first, last + 1)):
        return None
    lines = source.lines[first - 1 : last]
    return "".join(new + line[len(old) :] if line.strip() and line.startswith(old) else line for line in lines)


def string_lines(source: Source) -> frozenset[int]:
    """The lines that start inside a string literal; re-indenting one would change the string."""
    found: frozenset[int] | None = source.__dict__.get("_string_lines")
    if found is None:
        lines: set[int] = set()
        for node in source.nodes:
            if isinstance(node, ast.JoinedStr) or (
                isinstance(node, ast.Constant) and isinstance(node.value, str | bytes)
            ):
                end = last_line(node)
                if end > node.lineno and _may_hold_line_breaks(source.segment(node)):
                    lines.update(range(node.lineno + 1, end + 1))
        found = source.__dict__["_string_lines"] = frozenset(lines)
    return found


def _may_hold_line_breaks(literal: str) -> bool:
    return '"""' in literal or "'''" in literal or "\\\n" in literal or "\\\r" in literal


def render(source: Source, indent: str, code: Sequence[str], newline: str) -> str:
    """Code lines at an indentation; a leading tab in a code line stands for one level of the file's own unit."""
    lines = []
    for line in code:
        body = line.lstrip("\t")
        lines.append(indent + source.indent_unit * (len(line) - len(body)) + body)
    return newline.join(lines)


def insert_before(source: Source, statement: Statement, *code: str) -> Edits:
    """Put code lines in front of a statement, in its block."""
    lines = lines_of(source, statement)
    if lines is None:
        return ()
    at = source.line_starts[lines[0] - 1]
    newline = line_end(source, lines[0])
    return (Edit(at, at, render(source, source.lines[lines[0] - 1][: statement.col_offset], code, newline) + newline),)


def insert_after(source: Source, statement: Statement, *code: str) -> Edits:
    """Put code lines behind a statement, in its block."""
    lines = lines_of(source, statement)
    if lines is None:
        return ()
    at = end_of(source, lines[1])
    newline = line_end(source, lines[1])
    indent = source.lines[lines[0] - 1][: statement.col_offset]
    return (Edit(at, at, newline + render(source, indent, code, newline)),)


def append_else(source: Source, statement: ast.If, code: str) -> Edits:
    """Give an `if` without `else` one that holds a line of code."""
    lines = run_lines(source, statement.body)
    if lines is None:
        return ()
    lead = source.lines[statement.lineno - 1]
    indent = lead[: len(lead) - len(lead.lstrip(" \t"))]
    deeper = source.lines[lines[0] - 1][: statement.body[0].col_offset]
    newline, at = line_end(source, lines[1]), end_of(source, lines[1])
    return (Edit(at, at, f"{newline}{indent}else:{newline}{deeper}{code}"),)


def replace(source: Source, statement: Statement, code: str) -> Edits:
    """Replace a statement by code on one line."""
    return (Edit(*source.span(statement), code),)


def delete(source: Source, statement: Statement) -> Edits:
    """Take a statement out, or put `pass` where it is the only one of its block."""
    start, end = source.span(statement)
    if len(source.block_of(statement)) == 1 and not isinstance(source.parents[statement], ast.Module):
        lines = lines_of(source, statement)
        if lines is not None:
            start = source.line_starts[lines[0] - 1] + statement.col_offset
        return () if is_elif(source, statement) else (Edit(start, end, "pass"),)
    lines = lines_of(source, statement)
    if lines is not None:
        return (Edit(*source.line_span(*lines), ""),)
    if isinstance(statement, PlainCompound | DefinitionNode | ast.Match):
        return ()
    return (Edit(start, end, "pass"),)


def blocks_of(statement: ast.AST) -> list[list[Statement]]:
    """The blocks of a compound statement in the order of the text, those of handlers and cases included."""
    blocks: list[list[Statement]] = []
    if isinstance(statement, ast.Match):
        return [case.body for case in statement.cases]
    for field in ("body", "handlers", "orelse", "finalbody"):
        block = getattr(statement, field, None)
        if isinstance(block, list) and block:
            if field == "handlers":
                blocks += [handler.body for handler in block]
            else:
                blocks.append(block)
    return blocks


def else_line(source: Source, statement: Statement) -> int | None:
    """The line of a compound statement's own `else:`, when nothing else but a comment stands on it."""
    orelse: list[Statement] = getattr(statement, "orelse", [])
    if not orelse or is_elif(source, orelse[0]):
        return None
    before = blocks_of(statement)
    index = next(i for i, block in enumerate(before) if block is orelse)
    for line in range(first_line(orelse[0]) - 1, last_line(before[index - 1][-1]), -1):
        words = source.lines[line - 1].strip()
        if words.startswith("else"):
            rest = words[4:].lstrip()
            return line if rest.startswith(":") and (not rest[1:].strip() or rest[1:].strip().startswith("#")) else None
    return None


def chain_top(source: Source, statement: Statement) -> Statement:
    """The `if` that starts the chain an `elif` belongs to; any other statement is its own."""
    while is_elif(source, statement):
        parent = source.parents[statement]
        assert isinstance(parent, ast.If)
        statement = parent
    return statement


def owner_statement(source: Source, statement: Statement) -> Statement | None:
    """The compound statement whose block holds `statement`; None at the top of the file."""
    parent = source.parents[statement]
    if isinstance(parent, ast.Module):
        return None
    return source.statement_of(parent)


def loops_around(source: Source, statement: Statement) -> list[LoopNode]:
    """The loops of the same function around a statement, innermost first; `else` blocks of loops do not count."""
    found: list[LoopNode] = []
    child: ast.AST = statement
    for up in source.ancestors(statement):
        if isinstance(up, DefinitionNode | ast.Lambda):
            break
        if isinstance(up, LoopNode) and not any(member is child for member in up.orelse):
            found.append(up)
        child = up
    return found


def is_docstring(source: Source, statement: Statement) -> bool:
    """Whether a statement is a bare string at the head of its module, class or function."""
    if not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)):
        return False
    parent = source.parents[statement]
    return isinstance(parent, ast.Module | DefinitionNode) and parent.body[0] is statement


def code_start(body: Sequence[Statement]) -> Statement:
    """The first statement of a body behind its docstring and `global` lines (the last one when there is no other)."""
    for index, statement in enumerate(body[:-1]):
        if isinstance(statement, ast.Global | ast.Nonlocal):
            continue
        if not (index == 0 and isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)):
            return statement
    return body[-1]
