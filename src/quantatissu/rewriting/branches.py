"""Operators on the clauses of compound statements: `if`, `elif`, `else`, `while`, and the `else` of loops."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from quantatissu.rewriting.blocks import (
    JumpNode,
    LoopNode,
    PlainCompound,
    append_else,
    else_line,
    is_docstring,
    is_elif,
    last_line,
    line_end,
    lines_of,
    loops_around,
    owner_statement,
    reindent,
    run_lines,
    text_of,
    with_comments,
)
from quantatissu.rewriting.edits import Edit
from quantatissu.rewriting.facts import names_at, scope_facts
from quantatissu.rewriting.operators import Change, operator
from quantatissu.rewriting.project import Project
from quantatissu.rewriting.source import BUILTIN_NAMES, Source, Statement


def _previous(source: Source, node: Statement) -> Statement | None:
    block = source.block_of(node)
    index = next(i for i, member in enumerate(block) if member is node)
    return block[index - 1] if index else None


def _chain_end(source: Source, node: ast.If) -> ast.If:
    """The last `elif` of the chain that starts at an `if` (the `if` itself when it has none)."""
    while node.orelse and is_elif(source, node.orelse[0]):
        follows = node.orelse[0]
        assert isinstance(follows, ast.If)
        node = follows
    return node


@operator("if_to_elif", ast.If, family="statement", prior=-3.8, inverse="elif_to_if")
def if_to_elif(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """`if` behind an `if` without `else` -> `elif`."""
    assert isinstance(node, ast.If)
    before = _previous(source, node)
    if isinstance(before, ast.If) and not _chain_end(source, before).orelse and lines_of(source, node) is not None:
        at = source.span(node)[0]
        indent = source.lines[node.lineno - 1][: node.col_offset]
        between = source.lines[last_line(before) : node.lineno - 1]
        if all(not line.strip() or line.startswith(indent) for line in between):
            yield (Edit(at, at, "el"),), 0.0


@operator("elif_to_if", ast.If, family="statement", prior=-3.6, inverse="if_to_elif")
def elif_to_if(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """`elif` -> `if`."""
    assert isinstance(node, ast.If)
    if is_elif(source, node):
        at = source.span(node)[0]
        yield (Edit(at, at + 2, ""),), 0.0


@operator("if_to_while", ast.If, family="statement", prior=-5.0, inverse="while_to_if")
def if_to_while(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """`if` -> `while`, where no `elif` follows."""
    assert isinstance(node, ast.If)
    if not node.orelse and not is_elif(source, node):
        at = source.span(node)[0]
        ends = isinstance(node.body[-1], JumpNode)
        yield (Edit(at, at + 2, "while"),), 1.5 if ends else 0.0


@operator("while_to_if", ast.While, family="statement", prior=-5.6, inverse="if_to_while")
def while_to_if(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """`while` -> `if`."""
    assert isinstance(node, ast.While)
    jumps = any(isinstance(part, ast.Break | ast.Continue) for part in ast.walk(node))
    if not jumps or loops_around(source, node):
        at = source.span(node)[0]
        yield (Edit(at, at + 5, "if"),), 0.0


@operator("swap_branches", ast.If, family="statement", prior=-5.5)
def swap_branches(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """Exchange the bodies of `if` and `else`, their comments with them."""
    assert isinstance(node, ast.If)
    middle = else_line(source, node)
    if middle is None or run_lines(source, node.body) is None or run_lines(source, node.orelse) is None:
        return
    upper, lower = run_lines(source, node.body), run_lines(source, node.orelse)
    assert upper is not None and lower is not None
    indents = [source.lines[first - 1][: block[0].col_offset] for (first, _), block in
               ((upper, node.body), (lower, node.orelse))]  # fmt: skip
    if indents[0] != indents[1] or not text_of(source, *lower).endswith("\n"):
        return
    upper = (with_comments(source, upper[0], indents[0]), upper[1])
    lower = (with_comments(source, lower[0], indents[1]), lower[1])
    one, two = source.line_span(*upper), source.line_span(*lower)
    yield (Edit(*one, text_of(source, *lower)), Edit(*two, text_of(source, *upper))), 0.0


@operator("swap_cases", ast.If, family="statement", prior=-2.8)
def swap_cases(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """Exchange a case of an `if` chain, condition and block, with one behind it: the narrower one goes first."""
    assert isinstance(node, ast.If)
    upper = _case_lines(source, node)
    other: Statement | None = node
    distance = 0
    while upper is not None and isinstance(other, ast.If) and other.orelse and is_elif(source, other.orelse[0]):
        other = other.orelse[0]
        assert isinstance(other, ast.If)
        lower = _case_lines(source, other)
        if lower is not None and text_of(source, *lower).endswith("\n"):
            yield (
                (
                    Edit(*source.span(node.test), source.segment(other.test)),
                    Edit(*source.line_span(*upper), text_of(source, *lower)),
                    Edit(*source.span(other.test), source.segment(node.test)),
                    Edit(*source.line_span(*lower), text_of(source, *upper)),
                ),
                0.6 * distance,
            )
        distance += 1


def _case_lines(source: Source, node: ast.If) -> tuple[int, int] | None:
    """(first, last) of the lines of a case's block, the comments above it included."""
    lines = run_lines(source, node.body)
    if lines is None:
        return None
    indent = source.lines[lines[0] - 1][: node.body[0].col_offset]
    return with_comments(source, lines[0], indent), lines[1]


@operator("drop_branch", ast.If, ast.For, ast.AsyncFor, ast.While, ast.Try, family="statement", prior=-5.0,
          inverse="add_else")  # fmt: skip
def drop_branch(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """Take out an `else` with its block, or an `elif` with its block."""
    assert isinstance(node, PlainCompound)
    middle, orelse = else_line(source, node), _orelse(node)
    if middle is not None and (lines := run_lines(source, orelse)) is not None:
        yield (Edit(*source.line_span(middle, lines[1]), ""),), 0.0
    follows = orelse[0] if orelse else None
    if isinstance(node, ast.If) and isinstance(follows, ast.If) and is_elif(source, follows):
        end = last_line(follows.body[-1])
        if run_lines(source, follows.body) is not None:
            yield (Edit(*source.line_span(follows.lineno, end), ""),), 0.6


@operator("add_else", ast.If, ast.For, ast.AsyncFor, ast.While, family="statement", prior=-4.4,
          inverse="else_to_plain")  # fmt: skip
def add_else(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """Put the statements behind an `if` or a loop into a new `else`: the next one, or all of them."""
    assert isinstance(node, ast.If | LoopNode)
    if node.orelse or (is_elif(source, node) and source.parents[node] is None):
        return
    top: Statement = node
    while is_elif(source, top):
        parent = source.parents[top]
        assert isinstance(parent, ast.If)
        top = parent
    block = source.block_of(top)
    index = next(i for i, member in enumerate(block) if member is top)
    rest = block[index + 1 :]
    lines, inner = lines_of(source, top), lines_of(source, node.body[0])
    if not rest or lines is None or inner is None or isinstance(source.parents[top], ast.Module | ast.ClassDef):
        return
    indent = source.lines[lines[0] - 1][: top.col_offset]
    deeper = source.lines[inner[0] - 1][: node.body[0].col_offset]
    newline = line_end(source, lines[0])
    loop = isinstance(node, LoopNode)
    if isinstance(node.body[-1], JumpNode) and not loop:
        return  # what follows is already reached only when the condition is false
    for run, extra in ((rest[:1], 0.0), (rest, 0.5)):
        span = run_lines(source, run)
        if span is None or (run is rest and len(rest) == 1):
            continue
        first = with_comments(source, span[0], indent)
        text = reindent(source, first, span[1], indent, deeper)
        if text is not None:
            yield (Edit(*source.line_span(first, span[1]), f"{indent}else:{newline}{text}"),), extra + 1.0 * loop


@operator("else_to_plain", ast.If, ast.For, ast.AsyncFor, ast.While, ast.Try, family="statement", prior=-4.4,
          inverse="add_else")  # fmt: skip
def else_to_plain(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """Dedent the block of an `else`, so that it runs in any case."""
    assert isinstance(node, PlainCompound)
    middle = else_line(source, node)
    lines = run_lines(source, getattr(node, "orelse", []))
    if middle is None or lines is None or getattr(node, "finalbody", None) or isinstance(node.body[-1], ast.Return):
        return
    if lines_of(source, node) is None and not is_elif(source, node):
        return
    line = source.lines[middle - 1]
    outer = line[: len(line) - len(line.lstrip(" \t"))]
    inner = source.lines[lines[0] - 1][: _orelse(node)[0].col_offset]
    text = reindent(source, middle + 1, lines[1], inner, outer)
    if text is not None:
        yield (Edit(*source.line_span(middle, lines[1]), text),), 0.0


def _orelse(node: PlainCompound) -> list[Statement]:
    return [] if isinstance(node, ast.With | ast.AsyncWith) else node.orelse


@operator("shift_else", ast.If, ast.For, ast.AsyncFor, ast.While, family="statement", prior=-4.6)
def shift_else(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """Move an `else` between an `if` at the end of a loop's body and the loop."""
    assert isinstance(node, ast.If | LoopNode)
    middle = else_line(source, node)
    if middle is None or (block := run_lines(source, node.orelse)) is None:
        return
    other: Statement | None
    if isinstance(node, ast.If):
        other = owner_statement(source, node)
        while isinstance(other, ast.If) and is_elif(source, other):
            other = owner_statement(source, other)
        if not isinstance(other, LoopNode) or other.orelse or last_line(other) != block[1]:
            return
        if not loops_around(source, other) and _jumps(node.orelse):
            return
    else:
        other = node.body[-1]
        if not isinstance(other, ast.If):
            return
        other = _chain_end(source, other)
        if other.orelse:
            return
    old = _lead(source.lines[middle - 1])
    new = _lead(source.lines[other.lineno - 1])
    text = reindent(source, middle, block[1], old, new)
    if text is not None and old != new:
        yield (Edit(*source.line_span(middle, block[1]), text),), 0.0 if not isinstance(node, ast.If) else 0.4


def _jumps(block: list[Statement]) -> bool:
    return any(isinstance(part, ast.Break | ast.Continue) for member in block for part in ast.walk(member))


def _lead(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t"))]


@operator("else_to_elif", ast.If, family="statement", prior=-5.0, inverse="elif_to_else")
def else_to_elif(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """`else:` -> `elif test:`, with other tests of the function and of the chain's subject."""
    assert isinstance(node, ast.If)
    middle = else_line(source, node)
    if middle is None:
        return
    at = source.line_starts[middle - 1] + len(_lead(source.lines[middle - 1]))
    own = source.segment(node.test)
    tests = [source.segment(test) for test in scope_facts(source, node).tests if test.lineno != node.lineno]
    for index, text in enumerate(list(dict.fromkeys(t for t in tests if "\n" not in t and t != own))[:4]):
        yield (Edit(at, at + 4, f"elif {text}"),), 0.5 + 0.4 * index


@operator("elif_to_else", ast.If, family="statement", prior=-4.6, inverse="else_to_elif")
def elif_to_else(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """The last `elif test:` of a chain -> `else:`."""
    assert isinstance(node, ast.If)
    if is_elif(source, node) and not node.orelse:
        start, end = source.span(node)[0], source.span(node.test)[1]
        if source.text[start:end].count("(") == source.text[start:end].count(")") and "#" not in source.text[start:end]:
            yield (Edit(start, end, "else"),), 0.0


@operator("add_empty_branch", ast.If, family="statement", prior=-5.0, inverse="drop_branch")
def add_empty_branch(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """Add an `else` that does the opposite jump, assigns the other constant, or repeats the assignment's neighbour."""
    assert isinstance(node, ast.If)
    if node.orelse or run_lines(source, node.body) is None or scope_facts(source, node).function is None:
        return
    for code, cost in _other_branches(source, node):
        yield append_else(source, node, code), cost


def _other_branches(source: Source, node: ast.If) -> Iterator[tuple[str, float]]:
    last = node.body[-1]
    scope = scope_facts(source, node)
    if isinstance(last, ast.Assign) and isinstance(last.targets[0], ast.Name | ast.Attribute):
        target = source.segment(last.targets[0])
        opposite = {"True": "False", "False": "True"}.get(source.segment(last.value))
        for index, value in enumerate([opposite] if opposite else ["None", "False", "0"]):
            yield f"{target} = {value}", 0.2 + 0.4 * index
    if isinstance(last, ast.AugAssign) and isinstance(last.op, ast.Add | ast.Sub):
        target, value = source.segment(last.target), source.segment(last.value)
        if "\n" not in value:
            yield f"{target} {'-' if isinstance(last.op, ast.Add) else '+'}= {value}", 0.4
            yield f"{target} = 0", 0.6
    if not isinstance(last, JumpNode):
        if loops_around(source, node):
            yield "break", 0.9
            yield "continue", 1.1
        for index, text in enumerate(scope.return_texts[:2]):
            yield f"return {text}", 1.0 + 0.4 * index
        yield "return None", 1.8


@operator("wrap_with", ast.Assign, ast.Expr, ast.AugAssign, ast.Return, ast.If, ast.For, ast.While,
          family="statement", prior=-5.0, inverse="unwrap_block")  # fmt: skip
def wrap_with(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """Put a statement into a `with` that the class or the file uses elsewhere (a lock, a suppress, a patch)."""
    assert isinstance(node, ast.stmt)
    scope = scope_facts(source, node)
    lines = lines_of(source, node)
    if scope.function is None or lines is None or is_docstring(source, node) or lines[1] - lines[0] > 12:
        return
    used = source.__dict__.get("_with_items")
    if used is None:
        used = source.__dict__["_with_items"] = list(dict.fromkeys(
            source.segment(item.context_expr)
            for part in source.statements if isinstance(part, ast.With)
            for item in part.items if item.optional_vars is None
        ))  # fmt: skip
    indent = source.lines[lines[0] - 1][: node.col_offset]
    visible = names_at(source, node)
    text = reindent(source, *lines, indent, indent + source.indent_unit) if used else None
    if text is None:
        return
    newline = line_end(source, lines[0])
    index = 0
    for item in used:
        root = item.partition(".")[0].partition("(")[0]
        if "\n" not in item and (root in visible or root in BUILTIN_NAMES) and index < 3:
            yield (Edit(*source.line_span(*lines), f"{indent}with {item}:{newline}{text}"),), 0.4 * index
            index += 1
