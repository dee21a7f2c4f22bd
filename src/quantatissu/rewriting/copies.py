"""Operators that copy statements from elsewhere, with names exchanged: partners, parallel functions, neighbours."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from math import log1p

from quantatissu.rewriting.blocks import (
    JumpNode,
    LoopNode,
    insert_after,
    insert_before,
    is_docstring,
    lines_of,
    loops_around,
)
from quantatissu.rewriting.donors import fitted, scope_node_of, usable_names
from quantatissu.rewriting.edits import Edit
from quantatissu.rewriting.facts import SELF_NAMES, scope_facts
from quantatissu.rewriting.operators import Change, operator
from quantatissu.rewriting.pieces import (
    Piece,
    Pool,
    identifiers,
    likeness,
    pool_of,
    project_pool,
    renamed,
    tokens_of,
)
from quantatissu.rewriting.project import Project
from quantatissu.rewriting.ranking import are_partners
from quantatissu.rewriting.source import Source, Statement

MAX_COPIES = 14
MAX_REPLACEMENTS = 8


def rename_maps(source: Source, scope_node: ast.AST) -> list[dict[str, str]]:
    """Renamings that one half of a function suggests for the other, e.g. ``{lo: hi}`` or ``{left: right, a: b}``.

    From partner words among its identifiers, and from pairs of its statements that differ only in names.
    """
    table: dict[ast.AST, list[dict[str, str]]] = source.__dict__.setdefault("_rename_maps", {})
    if scope_node not in table:
        table[scope_node] = _rename_maps(pool_of(source).statements.get(scope_node, []))
    return table[scope_node]


def _rename_maps(statements: list[Piece]) -> list[dict[str, str]]:
    words = list(dict.fromkeys(word for piece in statements for word in identifiers(piece)))[:60]
    maps: dict[tuple[tuple[str, str], ...], None] = {}
    pairs = [(one, two) for i, one in enumerate(words) for two in words[i + 1 :] if are_partners(one, two)]
    whole: dict[str, str] = {}
    for one, two in pairs:
        whole.setdefault(one, two)
        whole.setdefault(two, one)
    if len(pairs) > 1:
        maps[tuple(sorted(whole.items()))] = None
    for one, two in pairs:
        maps[((one, two), (two, one))] = None
        maps[((one, two),)] = None
        maps[((two, one),)] = None
    for index, first in enumerate(statements[:40]):
        for second in statements[index + 1 : 40]:
            if first.form == second.form and len(maps) < 24:
                unified = unify(first, second)
                if unified and len(unified) <= 3:
                    maps[tuple(sorted(unified.items()))] = None
                    maps[tuple(sorted((new, old) for old, new in unified.items()))] = None
    return [dict(items) for items in maps]


def unify(first: Piece, second: Piece) -> dict[str, str] | None:
    """The renaming that turns one piece's identifiers into the other's (anti-unification); None when there is none."""
    names: dict[str, str] = {}
    ones, twos = identifiers(first), identifiers(second)
    if len(ones) != len(twos):
        return None
    for one, two in zip(ones, twos, strict=True):
        if names.setdefault(one, two) != two:
            return None
    return {old: new for old, new in names.items() if old != new}


def statement_donors(source: Source, node: Statement, project: Project) -> list[tuple[Piece, str, float]]:
    """(piece, text, cost) of statements that could stand at `node`: its function's, class's and file's, renamed."""
    cached: tuple[ast.AST, list[tuple[Piece, str, float]]] | None = source.__dict__.get("_statement_donors")
    if cached is None or cached[0] is not node:
        cached = (node, list(_statement_donors(source, node, project)))
        source.__dict__["_statement_donors"] = cached  # two rows of the table ask for the same statement in turn
    return cached[1]


def _statement_donors(source: Source, node: Statement, project: Project) -> Iterator[tuple[Piece, str, float]]:
    scope_node = scope_node_of(source, node)
    scope = scope_facts(source, node)
    usable = usable_names(source, node)
    pool = pool_of(source)
    mine = pool.statements.get(scope_node, [])
    present = {piece.text for piece in mine}
    maps = rename_maps(source, scope_node)
    seen: set[str] = set()
    near = [name for name, _ in scope.near(node.lineno)[:5] if name not in SELF_NAMES]
    for piece in mine:
        far = 0.25 * log1p(abs(piece.line - node.lineno))
        words = set(identifiers(piece))
        for names in maps:
            if words & names.keys() and scope.declared.isdisjoint(names.values()):
                text = renamed(piece, names)
                if text not in seen and text != piece.text:
                    seen.add(text)
                    yield piece, text, far + (0.2 if text not in present else 2.2) + 0.1 * len(names)
        if piece.text not in seen:
            seen.add(piece.text)
            yield piece, piece.text, far + 1.8
        if piece.line == node.lineno:
            for old in sorted(piece.names & set(scope.bound)):
                for new in near:
                    text = renamed(piece, {old: new})
                    if new not in piece.names and scope.kind(old) == scope.kind(new) and text not in seen | present:
                        seen.add(text)
                        yield piece, text, 2.2
    tokens = tokens_of(node)
    for group in ("Expr", "Assign", "AugAssign", "If", "Return"):
        extra = 0.0 if group == type(node).__name__ else 0.6
        for files, base in zip(_pools(source, project), (2.0, 2.6), strict=False):
            others = [piece for piece in files.like(group, tokens) if piece.scope is not scope_node]
            others.sort(key=lambda piece: -likeness(tokens, piece.tokens))
            for piece in others[:6]:
                alike = likeness(tokens, piece.tokens)
                if alike < 0.2 or piece.text in seen:
                    continue
                for text, more in fitted(piece, usable, scope, node):
                    if text not in seen:
                        seen.add(text)
                        yield piece, text, base + extra + 2.0 * (1.0 - alike) + more


@operator("copy_statement", ast.stmt, family="donor", prior=-4.3, inverse="delete_statement")
def copy_statement(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """Insert a statement like one nearby, with names exchanged: `hi = mid` next to `lo = mid`."""
    assert isinstance(node, ast.stmt)
    if not _is_site(source, node):
        return
    block = source.block_of(node)
    last = block[-1] is node and not isinstance(node, JumpNode)
    index = next(i for i, member in enumerate(block) if member is node)
    around = {source.segment(member) for member in block[max(0, index - 1) : index + 1]}
    before = block[index - 1] if index else None
    ranked = sorted(
        (
            (cost, text, piece)
            for piece, text, cost in (
                *statement_donors(source, node, project),
                *context_donors(source, node, before, project),
                *(context_donors(source, node, node, project) if last else ()),
            )
        ),
        key=lambda item: (item[0], item[1]),
    )
    seen: set[str] = set()
    count, looped = 0, bool(loops_around(source, node))
    for cost, text, piece in ranked:
        if text in around or text in seen:
            continue
        seen.add(text)
        ends = piece.group in ("Return", "Raise")
        lines = _as_lines(text)
        if lines is None or (not looped and lines[-1].strip() in ("continue", "break")):
            continue
        if count >= MAX_COPIES:
            break
        count += 1
        if last:
            yield insert_after(source, node, *lines), _flushed(cost, node, piece)
        if not ends:
            yield insert_before(source, node, *lines), _flushed(cost, before, piece) + (0.3 if last else 0.0)


def _flushed(cost: float, before: Statement | None, piece: Piece) -> float:
    """The cost of copying a piece to behind a statement: less behind the loop that does it, for what the loop kept."""
    if isinstance(before, LoopNode) and before.lineno < piece.line <= (before.end_lineno or 0):
        return max(0.0, cost - 1.2)
    return cost


@operator("replace_statement", ast.stmt, family="donor", prior=-3.8)
def replace_statement(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """Put another statement of the same kind, with names exchanged, in place of this one."""
    assert isinstance(node, ast.stmt)
    if not isinstance(node, ast.Assign | ast.AugAssign | ast.Expr | ast.Return) or not _is_site(source, node):
        return
    own = source.segment(node)
    kind = type(node).__name__
    tokens = tokens_of(node)
    kinds = {kind, "Assign", "AugAssign"} if kind in ("Assign", "AugAssign") else {kind, "Expr", "Return"}
    ranked = sorted(
        (cost + 1.5 * (1.0 - likeness(tokens, piece.tokens)) + (0.0 if piece.group == kind else 0.8), text)
        for piece, text, cost in statement_donors(source, node, project)
        if piece.group in kinds and text != own and "\n" not in text
    )
    for cost, text in ranked[:MAX_REPLACEMENTS]:
        yield (Edit(*source.span(node), text),), cost


def context_donors(
    source: Source, node: Statement, before: Statement | None, project: Project
) -> Iterator[tuple[Piece, str, float]]:
    """Statements that stand elsewhere next to one like `node` (in front of it) or like the one `before` it (behind it).

    Their names are exchanged as those of the like statements are, so a step that a parallel function takes between
    two others is found again.
    """
    scope_node, scope = scope_node_of(source, node), scope_facts(source, node)
    usable = usable_names(source, node)
    for site, step in ((node, -1), (before, 1)):
        piece = _piece_of(source, site, scope_node) if site is not None else None
        if piece is None:
            continue
        for pool, base in zip(_pools(source, project), (0.6, 1.2), strict=False):
            groups = dict.fromkeys((piece.group, "Assign", "Expr"))
            near = [other for group in groups for other in pool.like(group, piece.tokens)]
            others = [other for other in near if other.scope is not scope_node]
            others.sort(key=lambda other: -likeness(piece.tokens, other.tokens))
            for other in others[:5]:
                alike = likeness(piece.tokens, other.tokens)
                lent = pool.beside(other, step) if alike >= 0.3 else None
                if lent is None:
                    continue
                names = (unify(other, piece) if other.form == piece.form else None) or {}
                text = renamed(lent, names)
                if names and (lent.names - names.keys()) <= usable and set(names.values()) <= usable | scope.names_used:
                    yield lent, text, base + 1.5 * (1.0 - alike)
                for plain, more in fitted(lent, usable, scope, node):
                    yield lent, plain, base + 1.5 * (1.0 - alike) + more + 0.2


def _pools(source: Source, project: Project) -> list[Pool]:
    """The pieces of the file, and of the project where it has other files."""
    return [pool_of(source), project_pool(project)] if len(project.sources) > 1 else [pool_of(source)]


def _piece_of(source: Source, node: Statement, scope: ast.AST) -> Piece | None:
    return next((piece for piece in pool_of(source).statements.get(scope, ()) if piece.line == node.lineno), None)


def _is_site(source: Source, node: Statement) -> bool:
    if scope_facts(source, node).function is None or lines_of(source, node) is None:
        return False
    return not is_docstring(source, node) and not isinstance(node, ast.Global | ast.Nonlocal)


def _as_lines(text: str) -> tuple[str, ...] | None:
    """A piece's text as code lines for `insert_before`; None when a continuation cannot be placed."""
    if "\n" not in text:
        return (text,)
    lines = text.splitlines()
    return (lines[0], "\t" + lines[1].strip()) if len(lines) == 2 else None
