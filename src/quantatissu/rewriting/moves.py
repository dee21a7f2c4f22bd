"""Operators that move statements: past a neighbour, into and out of blocks, and blocks out of their headers."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import pairwise

from quantatissu.rewriting.blocks import (
    DefinitionNode,
    Edits,
    JumpNode,
    LoopNode,
    PlainCompound,
    blocks_of,
    chain_top,
    end_of,
    is_docstring,
    is_elif,
    last_line,
    line_end,
    lines_of,
    loops_around,
    owner_statement,
    parts_of,
    reindent,
    run_lines,
    text_of,
    with_comments,
)
from quantatissu.rewriting.edits import Edit
from quantatissu.rewriting.facts import names_in
from quantatissu.rewriting.operators import Change, operator
from quantatissu.rewriting.project import Project
from quantatissu.rewriting.source import Source, Statement

_Header = ast.For | ast.AsyncFor | ast.comprehension
_FIXED = (*DefinitionNode.__args__, ast.Import, ast.ImportFrom, ast.Global, ast.Nonlocal)


def _movable(source: Source, node: Statement) -> bool:
    return not isinstance(node, _FIXED) and not is_docstring(source, node)


def _stores(node: ast.AST) -> set[str]:
    return {part.id for part in parts_of(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)}


def _may_act(node: ast.AST) -> bool:
    """Whether a statement may do more than bind names."""
    kinds = (ast.Call, ast.Await, ast.Yield, ast.YieldFrom, ast.Subscript, ast.Attribute, *JumpNode.__args__)
    return any(isinstance(part, kinds) for part in parts_of(node))


def _order_matters(first: ast.AST, second: ast.AST) -> bool:
    if _stores(first) & names_in(second) or _stores(second) & names_in(first):
        return True
    return _may_act(first) and _may_act(second)


@operator("move_statement", ast.stmt, family="statement", prior=-4.6)
def move_statement(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """Exchange a statement with the one behind it; or move it two or three places down or up."""
    assert isinstance(node, ast.stmt)
    if not _movable(source, node):
        return
    block = source.block_of(node)
    index = next(i for i, member in enumerate(block) if member is node)
    if index + 1 < len(block) and _movable(source, block[index + 1]):
        edits = _exchange_runs(source, [node], [block[index + 1]])
        if edits:
            yield edits, 0.0 if _order_matters(node, block[index + 1]) else 2.5
    if isinstance(node, PlainCompound):
        return
    for step in (2, 3, -2, -3):
        run = block[index + 1 : index + step + 1] if step > 0 else block[max(0, index + step) : index]
        if len(run) < abs(step) or not all(_movable(source, member) for member in run):
            continue
        edits = _exchange_runs(source, [node], run) if step > 0 else _exchange_runs(source, run, [node])
        if edits and any(_order_matters(node, member) for member in run):
            yield edits, 1.0 + 0.4 * abs(step)


def _exchange_runs(source: Source, first: list[Statement], second: list[Statement]) -> Edits:
    """Exchange two neighbouring runs of statements, each with the comments directly above it."""
    one, two = run_lines(source, first), run_lines(source, second)
    if one is None or two is None:
        return ()
    indent = source.lines[one[0] - 1][: first[0].col_offset]
    start_one = with_comments(source, one[0], indent)
    start_two = max(one[1] + 1, with_comments(source, two[0], indent))
    upper, gap = text_of(source, start_one, one[1]), text_of(source, one[1] + 1, start_two - 1)
    lower = text_of(source, start_two, two[1])
    if not lower.endswith("\n"):  # the last line of the file
        newline = line_end(source, one[1])
        lower, upper = lower + newline, upper.removesuffix(newline)
    return (Edit(source.line_starts[start_one - 1], source.line_span(1, two[1])[1], lower + gap + upper),)


# -- out of and into blocks -----------------------------------------------------------------------------------------


def _shift_run(source: Source, run: list[Statement], old: str, new: str) -> tuple[int, int, str] | None:
    """(first line, last line, re-indented text) of a run of siblings with the comments above its first."""
    lines = run_lines(source, run)
    if lines is None:
        return None
    first = with_comments(source, lines[0], old)
    text = reindent(source, first, lines[1], old, new)
    return None if text is None else (first, lines[1], text)


def _place_behind(source: Source, first: int, last: int, text: str, anchor: int) -> Edits:
    """Move lines first..last, changed to `text`, to directly behind line `anchor`."""
    start, end = source.line_span(first, last)
    if anchor in (first - 1, last):
        return (Edit(start, end, text),)
    newline = line_end(source, first)
    at = end_of(source, anchor)
    return Edit(start, end, ""), Edit(at, at, newline + text.rstrip("\r\n"))


@operator("move_out", ast.stmt, family="statement", prior=-1.2, inverse="move_in")
def move_out(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """Dedent: the tail of a block from this statement on to behind the compound, or its first one to before it.

    The prior is that of a `return` or `break` that ends every first round of a loop.
    """
    assert isinstance(node, ast.stmt)
    owner = owner_statement(source, node)
    if not isinstance(owner, PlainCompound) or not _movable(source, node):
        return
    block = source.block_of(node)
    index = next(i for i, member in enumerate(block) if member is node)
    if len(block) == 1:
        return
    if index > 0:
        tail = block[index:]
        jumps = _jumps_out(tail)
        levels = 0
        while isinstance(owner, PlainCompound) and levels < 3:
            top = chain_top(source, owner)
            if jumps and isinstance(top, LoopNode):
                break  # what leaves its loop cannot `break` it
            if edits := _tail_out(source, tail, top):
                jump = isinstance(node, ast.Return) and isinstance(top, LoopNode)
                once = jump and levels == 0
                yield edits, (0.0 if once else 2.0 if jump else 2.5) + 0.7 * levels + 0.4 * (len(tail) - 1)
            owner = owner_statement(source, top)
            levels += 1
    elif block is owner.body:
        top = chain_top(source, owner)
        if _jumps_out([node]) and isinstance(top, LoopNode):
            return
        if edits := _head_out(source, node, top):
            yield edits, 2.6 if isinstance(owner, LoopNode) and isinstance(node, ast.Assign) else 3.4


def _tail_out(source: Source, tail: list[Statement], top: Statement) -> Edits:
    lines = lines_of(source, top)
    if lines is None or lines_of(source, tail[0]) is None:
        return ()
    shifted = _shift_run(source, tail, _indent(source, tail[0]), _indent(source, top))
    return () if shifted is None else _place_behind(source, *shifted, lines[1])


def _head_out(source: Source, node: Statement, top: Statement) -> Edits:
    lines = lines_of(source, top)
    if lines is None or lines_of(source, node) is None:
        return ()
    shifted = _shift_run(source, [node], _indent(source, node), _indent(source, top))
    if shifted is None:
        return ()
    at = source.line_starts[lines[0] - 1]
    return Edit(at, at, shifted[2]), Edit(*source.line_span(shifted[0], shifted[1]), "")


def _indent(source: Source, node: Statement) -> str:
    return source.lines[node.lineno - 1][: node.col_offset]


@operator("move_in", ast.stmt, family="statement", prior=-4.0, inverse="move_out")
def move_in(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """Indent: this statement (and up to two behind it) into the block before it, or into the one behind it."""
    assert isinstance(node, ast.stmt)
    if not _movable(source, node) or lines_of(source, node) is None:
        return
    block = source.block_of(node)
    index = next(i for i, member in enumerate(block) if member is node)
    before = block[index - 1] if index else None
    if isinstance(before, PlainCompound):
        for inner, depth in _open_ends(before):
            for count in (1, 2, 3):
                run = block[index : index + count]
                if len(run) < count or not all(_movable(source, member) for member in run):
                    break
                if edits := _into_end(source, run, inner):
                    last = inner is blocks_of(before)[-1]
                    yield edits, 0.6 * depth + 0.6 * (count - 1) + (0.0 if last or depth else 1.0)
    behind = block[index + 1] if index + 1 < len(block) else None
    if isinstance(behind, PlainCompound) and (edits := _into_start(source, node, behind)):
        yield edits, 0.8 if isinstance(node, ast.Assign) and isinstance(behind, LoopNode) else 1.8


def _open_ends(owner: Statement) -> Iterator[tuple[list[Statement], int]]:
    """Blocks at whose end a statement behind `owner` could stand, with their depth below it."""
    chain: Statement = owner
    for block in reversed(blocks_of(chain)):
        if not (isinstance(chain, ast.If) and block is chain.orelse and isinstance(block[0], ast.If)):
            yield block, 0
    deep = blocks_of(owner)[-1][-1]
    for depth in (1, 2):
        if not isinstance(deep, PlainCompound):
            return
        yield blocks_of(deep)[-1], depth
        deep = blocks_of(deep)[-1][-1]


def _into_end(source: Source, run: list[Statement], inner: list[Statement]) -> Edits:
    last = inner[-1]
    lines = lines_of(source, last)
    if lines is None or lines_of(source, run[0]) is None or isinstance(last, JumpNode):
        return ()
    shifted = _shift_run(source, run, _indent(source, run[0]), _indent(source, last))
    if shifted is None:
        return ()
    owner_end = last_line(source.block_of(run[0])[_position(source, run[0]) - 1])
    if lines[1] == owner_end:
        first, end, text = shifted
        return (Edit(*source.line_span(first, end), text),)
    return _place_behind(source, *shifted, lines[1])


def _position(source: Source, node: Statement) -> int:
    return next(i for i, member in enumerate(source.block_of(node)) if member is node)


def _into_start(source: Source, node: Statement, behind: Statement) -> Edits:
    assert isinstance(behind, PlainCompound)
    inner, outer = lines_of(source, behind.body[0]), lines_of(source, behind)
    if inner is None or outer is None or not _movable(source, behind.body[0]):
        return ()
    shifted = _shift_run(source, [node], _indent(source, node), _indent(source, behind.body[0]))
    if shifted is None or not shifted[2].endswith("\n"):
        return ()
    at = source.line_starts[inner[0] - 1]
    return Edit(*source.line_span(shifted[0], shifted[1]), ""), Edit(at, at, shifted[2])


@operator("move_initialisation", ast.Assign, ast.AnnAssign, family="statement", prior=-4.4)
def move_initialisation(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """Move `total = 0` from inside a loop to before it, or from before a loop (not right before) to its start."""
    assert isinstance(node, ast.Assign | ast.AnnAssign)
    lines = lines_of(source, node)
    if lines is None:
        return
    target = node.targets[0] if isinstance(node, ast.Assign) else node.target
    if not isinstance(target, ast.Name):
        return
    loops = loops_around(source, node)
    block = source.block_of(node)
    if len(block) > 1:
        for depth, loop in enumerate(loops[:2]):
            adjacent = depth == 0 and block is loop.body and block[0] is node
            if not adjacent and not names_in(node) & _loop_names(loop) and (edits := _head_out(source, node, loop)):
                yield edits, 0.5 * depth
    index = _position(source, node)
    for distance, later in enumerate(block[index + 1 : index + 5]):
        if isinstance(later, LoopNode) and target.id in names_in(later):
            if distance and (edits := _into_start(source, node, later)):
                yield edits, 0.3 * distance
            if isinstance(later.body[-1], LoopNode) and (edits := _into_start(source, node, later.body[-1])):
                yield edits, 1.0 + 0.3 * distance
            break


def _loop_names(loop: LoopNode) -> set[str]:
    return set() if isinstance(loop, ast.While) else names_in(loop.target)


# -- headers --------------------------------------------------------------------------------------------------------


@operator(
    "unwrap_block",
    ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try,
    family="statement", prior=-4.0, inverse="wrap_if",
)  # fmt: skip
def unwrap_block(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """A compound statement -> the statements of one of its blocks."""
    assert isinstance(node, PlainCompound)
    lines = lines_of(source, node)
    if lines is None or is_elif(source, node):
        return
    base = 0.0 if isinstance(node, ast.If) else 1.5 if isinstance(node, LoopNode) else 0.8
    blocks = [node.body]
    if isinstance(node, ast.If) and node.orelse and not is_elif(source, node.orelse[0]):
        blocks.append(node.orelse)
    for block in blocks:
        if isinstance(node, LoopNode) and not loops_around(source, node) and _jumps_out(block):
            continue
        text = _unwrapped(source, block, _indent(source, node))
        if text is not None:
            size = 0.1 * (last_line(node) - node.lineno)
            yield (Edit(*source.line_span(*lines), text),), base + size + (0.4 if len(blocks) > 1 else 0.0)


def _jumps_out(block: list[Statement]) -> bool:
    return any(isinstance(part, ast.Break | ast.Continue) for member in block for part in parts_of(member))


def _unwrapped(source: Source, block: list[Statement], indent: str) -> str | None:
    if run_lines(source, block) is None:
        start, end = source.span(block[0])[0], source.span(block[-1])[1]
        if "\n" in source.text[start:end] or lines_of(source, block[0]) is not None:
            return None
        rest = source.text[end : source.line_span(1, last_line(block[-1]))[1]]
        return indent + source.text[start:end] + rest
    shifted = _shift_run(source, block, _indent(source, block[0]), indent)
    return None if shifted is None else shifted[2]


@operator("swap_loops", ast.For, ast.AsyncFor, family="statement", prior=-4.8)
def swap_loops(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """`for a in x:` directly around `for b in y:` -> the other way round."""
    assert isinstance(node, ast.For | ast.AsyncFor)
    inner = node.body[0]
    if len(node.body) == 1 and isinstance(inner, ast.For | ast.AsyncFor) and type(inner) is type(node):
        yield from _exchange_headers(source, node, inner)


def _exchange_headers(source: Source, one: _Header, two: _Header) -> Iterator[Change]:
    first = (source.span(one.target)[0], source.span(one.iter)[1])
    second = (source.span(two.target)[0], source.span(two.iter)[1])
    texts = source.text[slice(*first)], source.text[slice(*second)]
    if all(text.count("(") == text.count(")") for text in texts):
        yield (Edit(*first, texts[1]), Edit(*second, texts[0])), 0.0


@operator("swap_clauses", ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, family="statement", prior=-4.4)
def swap_clauses(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """`[e for a in x for b in y]` -> `[e for b in y for a in x]`."""
    assert isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp)
    for first, second in pairwise(node.generators):
        if first.is_async == second.is_async:
            yield from _exchange_headers(source, first, second)
