"""Operators on the form of assignments: plain and augmented, exchanged, joined and split."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import pairwise

from quantatissu.rewriting.blocks import Edits, delete, insert_after, loops_around, replace
from quantatissu.rewriting.edits import Edit
from quantatissu.rewriting.facts import DICT, FLAG, SET, names_in, scope_facts
from quantatissu.rewriting.operators import Change, operator
from quantatissu.rewriting.project import Project, dotted
from quantatissu.rewriting.source import Source, Statement


@operator("augment_assignment", ast.Assign, family="statement", prior=-2.0, inverse="plain_assignment")
def augment_assignment(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """`x = e` -> `x += e` (`-=`, `*=`, `|=`), where x has a value before."""
    assert isinstance(node, ast.Assign)
    target = node.targets[0]
    if len(node.targets) > 1 or not isinstance(target, ast.Name | ast.Attribute | ast.Subscript):
        return
    if isinstance(node.value, ast.Starred | ast.Tuple):
        return
    scope = scope_facts(source, node)
    cost = 0.0
    if isinstance(target, ast.Name) and scope.bound.get(target.id, 0) >= node.lineno:
        return
    if not loops_around(source, node):
        cost += 0.4
    end = source.span(target)[1]
    at = source.text.index("=", end)
    kind = scope.kind(dotted(target) or "")
    for symbol, extra in (("+", 0.0), ("-", 1.0), ("*", 1.6), ("|", 1.2 if kind in (SET, DICT, FLAG) else 2.2)):
        yield (Edit(at, at, symbol),), cost + extra


@operator("plain_assignment", ast.AugAssign, family="statement", prior=-3.2, inverse="augment_assignment")
def plain_assignment(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """`x += e` -> `x = e`."""
    assert isinstance(node, ast.AugAssign)
    end = source.span(node.target)[1]
    at = source.text.index("=", end)
    sign = len(source.text[end:at]) - len(source.text[end:at].rstrip("+-*/%&|^@<>"))
    yield (Edit(at - sign, at, ""),), 0.0


@operator("swap_values", ast.Assign, family="statement", prior=-4.0)
def swap_values(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """`a, b = x, y` -> `a, b = y, x`; of longer ones, each two neighbours."""
    assert isinstance(node, ast.Assign)
    parts = node.value.elts if isinstance(node.value, ast.Tuple) else ()
    if not isinstance(node.targets[0], ast.Tuple):
        return
    for first, second in pairwise(parts):
        yield _exchange(source, first, second), 0.0 if len(parts) == 2 else 0.7


@operator("swap_targets", ast.Assign, ast.For, ast.AsyncFor, ast.comprehension, family="statement", prior=-4.2)
def swap_targets(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """`a, b = f()` -> `b, a = f()`, and the same for loop targets."""
    if isinstance(node, ast.Assign):
        if isinstance(node.value, ast.Tuple) and len(node.value.elts) == 2:
            return  # the same as exchanging the values
        target = node.targets[0]
    else:
        assert isinstance(node, ast.For | ast.AsyncFor | ast.comprehension)
        target = node.target
    if isinstance(target, ast.Tuple):
        for first, second in pairwise(target.elts):
            yield _exchange(source, first, second), 0.0 if len(target.elts) == 2 else 0.7


def _exchange(source: Source, first: ast.expr, second: ast.expr) -> Edits:
    return Edit(*source.span(first), source.segment(second)), Edit(*source.span(second), source.segment(first))


@operator("complete_swap", ast.Assign, family="statement", prior=-2.0, inverse="halve_swap")
def complete_swap(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """`a = b` -> `a, b = b, a`."""
    assert isinstance(node, ast.Assign)
    target, value = node.targets[0], node.value
    if len(node.targets) == 1 and _is_place(target) and _is_place(value):
        left, right = source.segment(target), source.segment(value)
        if left != right and "\n" not in left + right:
            follows = _next(source, node)
            back = (
                isinstance(follows, ast.Assign)
                and source.segment(follows.targets[0]) == right
                and source.segment(follows.value) == left
            )
            after_target, after_value = source.span(target)[1], source.span(value)[1]
            pair = (Edit(after_target, after_target, f", {right}"), Edit(after_value, after_value, f", {left}"))
            yield pair, 3.6
            if back and follows is not None and (gone := delete(source, follows)):
                yield (*pair, *gone), 0.0


@operator("halve_swap", ast.Assign, family="statement", prior=-7.0, inverse="complete_swap")
def halve_swap(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """`a, b = b, a` -> `a = b`."""
    assert isinstance(node, ast.Assign)
    target, value = node.targets[0], node.value
    if not (isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(node.targets) == 1):
        return
    if len(target.elts) == len(value.elts) == 2 and source.segment(target.elts[0]) == source.segment(value.elts[1]):
        for side in (target, value):
            if source.text[source.span(side)[0]] == "(":
                return
        yield tuple(Edit(source.span(side.elts[0])[1], source.span(side.elts[1])[1], "") for side in (target, value)), 0


@operator("join_assignments", ast.Assign, family="statement", prior=-3.4, inverse="split_assignment")
def join_assignments(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """`a = x` and `b = y` on the next line -> `a, b = x, y`, where y uses what a was before."""
    assert isinstance(node, ast.Assign)
    follows = _next(source, node)
    if not isinstance(follows, ast.Assign) or len(node.targets) + len(follows.targets) != 2:
        return
    parts = (node.targets[0], follows.targets[0], node.value, follows.value)
    if any(isinstance(part, ast.Tuple | ast.Starred | ast.Yield | ast.Lambda) for part in parts):
        return
    texts = [source.segment(part) for part in parts]
    if any("\n" in text for text in texts) or not (names_in(parts[0]) & names_in(parts[3])):
        return
    if gone := delete(source, follows):
        crossed = bool(names_in(parts[1]) & names_in(parts[2]))
        yield (Edit(*source.span(node), "{}, {} = {}, {}".format(*texts)), *gone), 0.0 if crossed else 1.6


@operator("split_assignment", ast.Assign, family="statement", prior=-5.8, inverse="join_assignments")
def split_assignment(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """`a, b = x, y` -> `a = x` and `b = y`, in either order."""
    assert isinstance(node, ast.Assign)
    target, value = node.targets[0], node.value
    if not (isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(node.targets) == 1):
        return
    parts = [*target.elts, *value.elts]
    texts = [source.segment(part) for part in parts]
    if len(target.elts) != 2 or len(value.elts) != 2 or any(isinstance(part, ast.Starred) for part in parts):
        return
    if any("\n" in text for text in texts):
        return
    first, second = f"{texts[0]} = {texts[2]}", f"{texts[1]} = {texts[3]}"
    for one, two, cost in ((first, second, 0.0), (second, first, 0.5)):
        if added := insert_after(source, node, two):
            yield (Edit(*source.span(node), one), *added), cost


def _is_place(node: ast.expr) -> bool:
    return isinstance(node, ast.Name | ast.Attribute | ast.Subscript)


def _next(source: Source, node: Statement) -> Statement | None:
    block = source.block_of(node)
    index = next(i for i, member in enumerate(block) if member is node)
    return block[index + 1] if index + 1 < len(block) else None


# -- entries --------------------------------------------------------------------------------------------------------


_NOTHING = ("None", "0", "[]", "False", '""', "{}")


@operator("store_to_drop", ast.Assign, family="statement", prior=-2.8, inverse="drop_to_store")
def store_to_drop(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """`table[key] = None` -> `table.pop(key, None)`, `del table[key]`."""
    assert isinstance(node, ast.Assign)
    match node:
        case ast.Assign(targets=[ast.Subscript(value=table, slice=key)], value=value):
            if not isinstance(key, ast.Slice) and source.segment(value) in _NOTHING:
                text, at = source.segment(table), source.segment(key)
                cost = 0.0 if isinstance(value, ast.Constant) and value.value is None else 1.0
                yield replace(source, node, f"{text}.pop({at}, None)"), cost
                yield replace(source, node, f"del {text}[{at}]"), cost + 0.3
        case _:
            return


@operator("drop_to_store", ast.Delete, ast.Expr, family="statement", prior=-4.2, inverse="store_to_drop")
def drop_to_store(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """`del table[key]`, `table.pop(key)` -> `table[key] = None`, `table[key] = 0`."""
    assert isinstance(node, ast.Delete | ast.Expr)
    match node:
        case ast.Delete(targets=[ast.Subscript(value=table, slice=key)]) if not isinstance(key, ast.Slice):
            pass
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=table, attr="pop"), args=[key, *_])):
            pass
        case _:
            return
    for place, value in enumerate(_NOTHING):
        yield replace(source, node, f"{source.segment(table)}[{source.segment(key)}] = {value}"), 0.3 * place
