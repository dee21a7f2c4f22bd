"""Operators that take expressions of a fitting shape from elsewhere.

The nearer and the more alike a piece is, the cheaper; the function comes first, then its class, its file and the
project. Names that are not visible at the site are renamed consistently to ones that are.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from math import log1p

from quantatissu.rewriting.edits import Edit
from quantatissu.rewriting.facts import Scope, names_at, scope_facts
from quantatissu.rewriting.operators import Change, operator
from quantatissu.rewriting.pieces import (
    ACCESS,
    ARITHMETIC,
    CALL,
    DISPLAY,
    OTHER,
    TEST,
    Piece,
    group_of,
    identifiers,
    likeness,
    pool_of,
    project_pool,
    renamed,
    tokens_of,
)
from quantatissu.rewriting.project import Project
from quantatissu.rewriting.source import BUILTIN_NAMES, FunctionNode, Source
from quantatissu.rewriting.statements import plausible_results

MAX_CONDITIONS = 16
MAX_VALUES = 14
MAX_ARGUMENTS = 8
_CONSTANTS = frozenset({"None", "True", "False"})
Ranked = list[tuple[str, float]]


# -- expressions ----------------------------------------------------------------------------------------------------


def donors(source: Source, site: ast.expr, project: Project, groups: Iterable[str], limit: int) -> Ranked:
    """Texts that could stand in place of an expression: (text, cost), best first, at most `limit`."""
    own = source.segment(site)
    tokens = tokens_of(site)
    scope_node = scope_node_of(source, site)
    owner = source.class_of(site)
    usable = usable_names(source, site)
    ranked: list[tuple[float, int, Piece]] = []
    for group in groups:
        foreign = 0.0 if group == group_of(site) else 1.0
        for piece in _candidates(source, project, scope_node, group, tokens):
            alike = likeness(tokens, piece.tokens)
            if (foreign and piece.scope is not scope_node) or (foreign and not alike):
                continue
            cost = foreign + 2.2 * (1.0 - alike) + _distance(piece, source, scope_node, owner, site)
            ranked.append((cost, len(ranked), piece))
    ranked.sort()
    scope = scope_facts(source, site)
    found: dict[str, float] = {}
    for cost, _, piece in ranked:
        if len(found) >= limit + 4:  # renaming adds to the cost, so a few more than asked are looked at
            break
        for text, more in fitted(piece, usable, scope, site):
            if text != own:
                found[text] = min(cost + more, found.get(text, 99.0))
    return sorted(found.items(), key=lambda item: (item[1], item[0]))[:limit]


def scope_node_of(source: Source, node: ast.AST) -> ast.AST:
    for up in source.ancestors(node):
        if isinstance(up, FunctionNode | ast.ClassDef | ast.Module):
            return up
    return source.tree


def _candidates(
    source: Source, project: Project, scope: ast.AST, group: str, tokens: frozenset[str]
) -> Iterator[Piece]:
    pool = pool_of(source)
    yield from pool.by_scope.get((scope, group), ())
    for piece in pool.like(group, tokens):
        if piece.scope is not scope:
            yield piece
    if len(project.sources) > 1:
        for piece in project_pool(project).like(group, tokens):
            if piece.source is not source:
                yield piece


def _distance(piece: Piece, source: Source, scope: ast.AST, owner: ast.AST | None, site: ast.AST) -> float:
    line: int = site.lineno  # type: ignore[attr-defined]
    if piece.scope is scope:
        return min(1.0, 0.15 * log1p(abs(piece.line - line)))
    if piece.source is source:
        return 1.2 if owner is not None and piece.owner is owner else 1.6
    return 2.2


def usable_names(source: Source, site: ast.AST) -> frozenset[str]:
    """Names whose value is there: variables of this scope count from the line that binds them on."""
    line: int = site.lineno  # type: ignore[attr-defined]
    table: dict[tuple[ast.AST, int], frozenset[str]] = source.__dict__.setdefault("usable", {})
    scope = scope_facts(source, site)
    usable = table.get((scope.node, line))
    if usable is None:
        late = frozenset(name for name, bound in scope.bound.items() if bound > line and name not in scope.parameters)
        # Names that the function reads are visible even where only a star import can have bound them.
        visible = frozenset(names_at(source, site)) | scope.names_used
        usable = (visible - late) | BUILTIN_NAMES | _CONSTANTS
        table.clear()  # the sites of one line are asked for in a row
        table[scope.node, line] = usable
    return usable


def fitted(piece: Piece, usable: frozenset[str], scope: Scope, site: ast.AST) -> Iterator[tuple[str, float]]:
    """The piece's text with every name visible at the site: as it is, or with up to two names renamed."""
    missing = [name for name in dict.fromkeys(identifiers(piece)) if name in piece.names and name not in usable]
    if not missing:
        yield piece.text, 0.0
        return
    bindings = piece.source.bindings(piece.scope)
    if len(missing) > 2 or any(bindings.get(name) not in ("local", "parameter") for name in missing):
        return
    line: int = site.lineno  # type: ignore[attr-defined]
    near = [name for name, _ in scope.near(line) if name in usable and name not in piece.names]
    if len(missing) == 1:
        for index, name in enumerate(near[:2]):
            yield renamed(piece, {missing[0]: name}), 0.4 + 0.3 * index
    elif len(near) >= 2:
        yield renamed(piece, dict(zip(missing, near, strict=False))), 0.9


def _fits(text: str, group: str) -> bool:
    """Whether a piece can stand without parentheses where commas and colons end an expression."""
    return group != DISPLAY or text[0] in "([{"


@operator("donor_condition", ast.If, ast.While, ast.IfExp, ast.Assert, family="donor", prior=-3.0)
def donor_condition(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """Another condition of the function, the class, the file or the project in place of a condition."""
    assert isinstance(node, ast.If | ast.While | ast.IfExp | ast.Assert)
    if isinstance(node.test, ast.NamedExpr) or _in_string(source, node):
        return
    spaced = source.text[source.span(node.test)[0] - 1] in " \t("
    for text, cost in donors(source, node.test, project, (TEST, CALL), MAX_CONDITIONS):
        if spaced:
            yield (Edit(*source.span(node.test), text),), cost


@operator("donor_value", ast.Assign, ast.AugAssign, ast.AnnAssign, family="donor", prior=-3.5)
def donor_value(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """Another expression of the same shape in place of an assigned value."""
    assert isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign)
    if node.value is not None and not isinstance(node.value, ast.Yield | ast.YieldFrom | ast.Await | ast.Starred):
        for text, cost in donors(source, node.value, project, _groups_for(node.value), MAX_VALUES):
            if _fits(text, group_of(node.value)):
                yield (Edit(*source.span(node.value), text),), cost


@operator("donor_return", ast.Return, family="donor", prior=-3.0)
def donor_return(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """Another expression of the same shape, or another plausible result, in place of a returned value."""
    assert isinstance(node, ast.Return)
    scope = scope_facts(source, node)
    if scope.function is None:
        return
    if node.value is None:
        if not scope.generator:
            for text, cost in plausible_results(scope, node.lineno)[:8]:
                if text:
                    end = source.span(node)[1]
                    yield (Edit(end, end, f" {text}"),), cost
        return
    start, end = source.span(node.value)
    blank = "" if source.text[start - 1] in " \t(" else " "
    own = source.segment(node.value)
    for text, cost in plausible_results(scope, node.lineno)[:10]:
        if text and text != own:
            yield (Edit(start, end, blank + text),), 0.6 + cost
    for text, cost in donors(source, node.value, project, _groups_for(node.value), MAX_VALUES):
        yield (Edit(start, end, blank + text),), cost


@operator("donor_iterable", ast.For, ast.AsyncFor, family="donor", prior=-4.8)
def donor_iterable(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """What another loop runs over, in place of what this one does."""
    assert isinstance(node, ast.For | ast.AsyncFor)
    start, end = source.span(node.iter)
    if source.text[start - 1] not in " \t(" or isinstance(node.iter, ast.Tuple):
        return
    groups = _groups_for(node.iter)
    for text, cost in donors(source, node.iter, project, [group for group in groups if group != TEST], 8):
        if group_of(node.iter) != DISPLAY or text[0] in "([{":
            yield (Edit(start, end, text),), cost


@operator("donor_argument", ast.Call, family="donor", prior=-3.6)
def donor_argument(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """Another expression of the same shape in place of an argument."""
    assert isinstance(node, ast.Call)
    if _in_string(source, node):
        return
    sites = [*node.args, *(keyword.value for keyword in node.keywords if keyword.arg)]
    for site in sites[:4]:
        if isinstance(site, ast.GeneratorExp | ast.Starred | ast.Lambda | ast.NamedExpr | ast.Constant):
            continue
        for text, cost in donors(source, site, project, _groups_for(site), MAX_ARGUMENTS):
            if text[0] in "([{" or "," not in text or group_of(site) != DISPLAY:
                yield (Edit(*source.span(site), text),), cost + 0.2 * (len(sites) - 1)


def _groups_for(node: ast.expr) -> tuple[str, ...]:
    """The shape classes that may stand in place of an expression, its own first."""
    group = group_of(node)
    if group == OTHER:
        return (ACCESS, CALL, ARITHMETIC) if isinstance(node, ast.Name) else ()
    if group in (ACCESS, ARITHMETIC):
        return (group, CALL, *({ACCESS, ARITHMETIC} - {group}))
    return (group, ACCESS) if group == CALL else (group,)


def _in_string(source: Source, node: ast.AST) -> bool:
    """Whether a node stands in an f-string, where positions cannot be relied on."""
    for up in source.ancestors(node):
        if isinstance(up, ast.JoinedStr):
            return True
        if isinstance(up, ast.stmt):
            return False
    return False
