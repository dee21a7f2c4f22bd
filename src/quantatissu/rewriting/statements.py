"""Operators on single statements: deletion, insertion of jumps, updates and bookkeeping, `return`, assignment forms."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from quantatissu.rewriting.blocks import (
    DefinitionNode,
    Edits,
    JumpNode,
    LoopNode,
    PlainCompound,
    delete,
    insert_after,
    insert_before,
    is_docstring,
    last_line,
    loops_around,
)
from quantatissu.rewriting.edits import Edit
from quantatissu.rewriting.facts import (
    DEQUE,
    DICT,
    FLAG,
    LIST,
    NUMBER,
    SELF_NAMES,
    SET,
    TEXT,
    Scope,
    names_in,
    scope_facts,
)
from quantatissu.rewriting.operators import Change, operator
from quantatissu.rewriting.project import Project
from quantatissu.rewriting.source import FunctionNode, Source, Statement

MAX_UPDATES = 4
MAX_BOOKKEEPING = 8
Ranked = list[tuple[str, float]]


# -- deletion -------------------------------------------------------------------------------------------------------


@operator("delete_statement", ast.stmt, family="statement", prior=-3.3, inverse="copy_statement")
def delete_statement(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """Take a statement out; larger ones cost more."""
    assert isinstance(node, ast.stmt)
    if isinstance(node, ast.Pass) or is_docstring(source, node):
        return
    if isinstance(node, DefinitionNode | ast.Import | ast.ImportFrom):
        cost = 3.5
    elif isinstance(node, PlainCompound | ast.Match):
        cost = 0.6 + 0.25 * (last_line(node) - node.lineno - 1)
    elif isinstance(node, ast.Return) and isinstance(source.parents[node], FunctionNode):
        cost = 3.0
    else:
        cost = 0.3 if isinstance(node, ast.Assign) else 0.0
    if edits := delete(source, node):
        yield edits, cost


# -- jumps ----------------------------------------------------------------------------------------------------------


def plausible_results(scope: Scope, line: int) -> Ranked:
    """Expressions a missing `return` at a line may return: (text, cost), best first."""
    if scope.generator:
        return [("", 0.0)]
    found: dict[str, float] = {}

    def offer(text: str, cost: float) -> None:
        found[text] = min(cost, found.get(text, 99.0))

    for name, distance in scope.near(line):
        if name in scope.updated:
            offer(name, 0.1 + 0.2 * distance)
        elif scope.bound[name] <= line and name not in scope.parameters:
            offer(name, 0.5 + 0.4 * distance)
        elif scope.bound[name] <= line:
            offer(name, 1.6 + 0.4 * distance)
    for index, text in enumerate(reversed(scope.return_texts)):
        offer(text, 0.4 + 0.4 * index)
    for index, text in enumerate(scope.identities):
        offer(text, 1.2 + 0.4 * index)
    if scope.is_method and scope.parameters[0] == "self":
        offer("self", 0.9 if "self" in scope.return_texts else 2.2)
    if scope.bare_return or not scope.returns:
        offer("", 1.2)
    if FLAG in scope.return_kinds:
        offer("True", 0.8)
        offer("False", 0.8)
    return sorted(found.items(), key=lambda item: (item[1], item[0]))


def return_of(value: str) -> str:
    return f"return {value}" if value else "return"


@operator("insert_jump", ast.stmt, family="statement", prior=-2.7, inverse="delete_statement")
def insert_jump(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """End a block with `return`, `continue`, `break` or `raise`.

    The prior is that of a function that builds something and returns nothing; elsewhere the cost says how much rarer.
    """
    assert isinstance(node, ast.stmt)
    scope = scope_facts(source, node)
    if scope.function is None or isinstance(node, JumpNode | ast.Pass) or source.block_of(node)[-1] is not node:
        return
    parent = source.parents[node]
    loops = loops_around(source, node)
    loop_body = isinstance(parent, LoopNode) and bool(loops) and loops[0] is parent
    if loops:
        if not loop_body:
            yield insert_after(source, node, "continue"), 3.0
        yield insert_after(source, node, "break"), 4.7 if loop_body else 2.7
    if isinstance(parent, ast.ExceptHandler):
        yield insert_after(source, node, "raise"), 2.6
    at_end = isinstance(parent, FunctionNode)
    base = 2.2 if at_end else 4.4 if loop_body else 3.2
    builds = any(name in scope.updated for name in scope.bound.keys() - set(scope.parameters))
    if at_end and not scope.generator and not scope.function.name.startswith("__"):
        base = 0.0 if builds and not scope.returns else 1.0 if scope.returns else 2.2
    for value, cost in plausible_results(scope, last_line(node))[: 8 if at_end else 5]:
        if value or not at_end:
            yield insert_after(source, node, return_of(value)), base + cost


@operator("replace_jump", ast.Return, ast.Continue, ast.Break, ast.Pass, family="statement", prior=-3.2)
def replace_jump(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """`break`, `continue`, `return`, `pass` and `raise` for one another."""
    assert isinstance(node, ast.stmt)
    scope = scope_facts(source, node)
    if scope.function is None and not loops_around(source, node):
        return
    edit = source.span(node)
    in_loop = bool(loops_around(source, node))
    texts: dict[str, float] = {}
    if in_loop:
        texts |= {"break": 0.3, "continue": 0.2}
    if isinstance(node, ast.Pass) and isinstance(source.parents[node], ast.ExceptHandler):
        texts["raise"] = 0.2
    if not isinstance(node, ast.Pass):
        texts["pass"] = 1.8
    if scope.function is not None and not isinstance(node, ast.Return):
        for value, cost in plausible_results(scope, node.lineno)[:5]:
            texts[return_of(value)] = 0.8 + cost
    if scope.function is not None and isinstance(node, ast.Return) and not isinstance(source.parents[node], ast.Try):
        texts.pop("pass")
    own = type(node).__name__.lower()
    for text, cost in texts.items():
        if text != own:
            yield (Edit(*edit, text),), cost


# -- return and plain expression ------------------------------------------------------------------------------------


@operator("add_return", ast.Expr, family="statement", prior=-1.8, inverse="drop_return")
def add_return(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """`f(x)` -> `return f(x)`."""
    assert isinstance(node, ast.Expr)
    scope = scope_facts(source, node)
    function = scope.function
    if function is None or isinstance(node.value, ast.Constant | ast.Yield | ast.YieldFrom):
        return
    start = source.span(node)[0]
    last = source.block_of(node)[-1] is node
    calls_itself = function.name in names_in(node) or any(
        isinstance(part, ast.Attribute) and part.attr == function.name for part in ast.walk(node)
    )
    cost = (0.0 if calls_itself else 2.0) + (0.0 if last else 2.0) + (0.0 if scope.returns else 0.8)
    yield (Edit(start, start, "return "),), cost


@operator("drop_return", ast.Return, family="statement", prior=-4.4, inverse="add_return")
def drop_return(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """`return f(x)` -> `f(x)`, where the value is a call or an await."""
    assert isinstance(node, ast.Return)
    if isinstance(node.value, ast.Call | ast.Await):
        start, value = source.span(node)[0], source.span(node.value)[0]
        if source.text[start:value] == "return ":
            yield (Edit(start, value, ""),), 0.0


@operator("return_to_assignment", ast.Return, family="statement", prior=-6.0, inverse="assignment_to_return")
def return_to_assignment(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """`return e` -> `name = e`, for the names returned elsewhere or used nearby."""
    assert isinstance(node, ast.Return)
    if node.value is None or isinstance(node.value, ast.Tuple):
        return
    scope = scope_facts(source, node)
    start, value = source.span(node)[0], source.span(node.value)[0]
    keyword = re.match(r"return[ \t]*", source.text[start:value])
    if keyword is None or "\\" in source.text[start:value]:
        return
    near = sorted(scope.near(node.lineno), key=lambda item: (item[0] not in scope.return_texts, item[1]))
    for name, cost in near[:3]:
        yield (Edit(start, start + keyword.end(), f"{name} = "),), cost


@operator("assignment_to_return", ast.Assign, family="statement", prior=-4.5, inverse="return_to_assignment")
def assignment_to_return(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """`name = e` -> `return e`, at the end of a block."""
    assert isinstance(node, ast.Assign)
    target = node.targets[0]
    if len(node.targets) > 1 or not isinstance(target, ast.Name) or scope_facts(source, node).function is None:
        return
    start, end = source.span(target)
    equals = re.match(r"[ \t]*=[ \t]*", source.text[end:])
    if equals is not None:
        yield (Edit(start, end + equals.end(), "return "),), 0.0 if source.block_of(node)[-1] is node else 1.5


def _changed_in(loop: ast.While) -> set[str]:
    """Names that a loop's body binds or calls methods of."""
    changed: set[str] = set()
    for statement in loop.body:
        for part in ast.walk(statement):
            if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
                changed.add(part.id)
            elif isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute):
                changed |= names_in(part.func.value)
    return changed


# -- updates and bookkeeping ----------------------------------------------------------------------------------------


def _places(source: Source, node: Statement) -> Iterator[tuple[bool, float]]:
    """Where new statements go around `node`: (behind it, extra cost). Behind only at the end of a block."""
    extra = 0.0 if loops_around(source, node) else 1.0
    if source.block_of(node)[-1] is node and not isinstance(node, JumpNode):
        yield True, extra
    yield False, extra + 0.4


def _insert(source: Source, node: Statement, behind: bool, code: str) -> Edits:
    return insert_after(source, node, code) if behind else insert_before(source, node, code)


def can_insert(source: Source, node: Statement) -> bool:
    """Whether other code may stand beside a statement of a function."""
    if isinstance(node, ast.Global | ast.Nonlocal) or is_docstring(source, node):
        return False
    return scope_facts(source, node).function is not None


@operator("insert_update", ast.stmt, family="statement", prior=-1.7, inverse="delete_statement")
def insert_update(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """Insert a missing `i += 1` or its like, for the numbers of the function.

    The prior is that of a `while` whose body changes nothing that its condition reads.
    """
    assert isinstance(node, ast.stmt)
    if not can_insert(source, node):
        return
    scope = scope_facts(source, node)
    in_condition: set[str] = set()
    stuck: set[str] = set()
    for loop in loops_around(source, node):
        if isinstance(loop, ast.While):
            read = names_in(loop.test)
            in_condition |= read
            changes = any(isinstance(part, ast.Call) for part in ast.walk(loop.test)) or read & _changed_in(loop)
            stuck |= set() if changes else read
    found: Ranked = []
    for name, distance in scope.near(node.lineno):
        if name in scope.parameters and name not in in_condition:
            continue
        if scope.kind(name) != NUMBER and name not in in_condition:
            continue
        cost = distance + (0.0 if name in stuck else 3.0 if name in in_condition else 3.8)
        found += [(f"{name} += 1", cost), (f"{name} -= 1", cost + 0.7)]
    if scope.is_method:
        found += [
            (f"{name} += 1", 4.5)
            for name in scope.uses
            if name.startswith("self.") and scope.kind(name) == NUMBER and name not in scope.updated
        ]
    found.sort(key=lambda item: item[1])
    for behind, extra in _places(source, node):
        for text, cost in found[:MAX_UPDATES]:
            yield _insert(source, node, behind, text), cost + extra


@operator("insert_bookkeeping", ast.stmt, family="statement", prior=-2.5, inverse="delete_statement")
def insert_bookkeeping(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """Insert a missing `seen.add(x)`, `result.append(x)`, `cache[key] = value` or its like.

    The prior is that of a local container that is read but never filled.
    """
    assert isinstance(node, ast.stmt)
    if not can_insert(source, node):
        return
    found = bookkeeping(scope_facts(source, node), node)
    for behind, extra in _places(source, node):
        for text, cost in found:
            yield _insert(source, node, behind, text), cost + extra


def bookkeeping(scope: Scope, node: Statement) -> Ranked:
    """Calls on the containers of a scope with names in reach of a statement: (text, cost), best first."""
    near = [item for item in scope.near(node.lineno) if scope.bound[item[0]] <= last_line(node)][:4]
    found: dict[str, float] = {}

    def offer(text: str, cost: float) -> None:
        found[text] = min(cost, found.get(text, 99.0))

    for container in dict.fromkeys([*scope.members_tested, *scope.kinds]):
        kind = scope.kind(container)
        root = container.partition(".")[0]
        if (root not in scope.bound and root not in SELF_NAMES) or scope.bound.get(root, 0) > node.lineno:
            continue
        tested = list(dict.fromkeys(scope.members_tested.get(container, ())))[:2]
        if kind not in (LIST, SET, DICT, DEQUE) and not tested:
            continue
        own = container in scope.bound and container not in scope.parameters
        empty = own and container not in scope.filled and container in scope.created_empty
        base = 0.9 if empty else 3.9 if container not in scope.filled else 4.9
        base += 0.0 if container in scope.bound else 0.7
        elements = [(text, -0.9) for text in tested if "\n" not in text]
        elements += [item for item in near if item[0] != container and item[0] not in tested]
        _offer_calls(offer, container, kind or SET, elements, base)
    ranked = sorted(found.items(), key=lambda item: (item[1], item[0]))
    return [(text, max(0.0, cost)) for text, cost in ranked[:MAX_BOOKKEEPING]]


def _offer_calls(offer: object, container: str, kind: str, elements: Ranked, base: float) -> None:
    assert callable(offer)
    for index, (element, cost) in enumerate(elements[:4]):
        if kind in (LIST, DEQUE):
            offer(f"{container}.append({element})", base + cost)
        if kind == DEQUE:
            offer(f"{container}.appendleft({element})", base + cost + 0.7)
        if kind == SET:
            offer(f"{container}.add({element})", base + cost)
            offer(f"{container}.discard({element})", base + cost + 1.6)
        if kind == DICT:
            for other, more in elements:
                if other != element:
                    offer(f"{container}[{element}] = {other}", base + cost + more + (0.3 if index else 0.0))
            offer(f"{container}.pop({element}, None)", base + cost + 2.0)
    if kind == LIST:
        offer(f"{container}.pop()", base + 1.8)
    if kind == DEQUE:
        offer(f"{container}.popleft()", base + 1.2)


@operator("store_result", ast.Return, family="statement", prior=-2.6, inverse="inline_result")
def store_result(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """`return e` -> `cache[key] = e` and `return cache[key]`, where the function looks `key` up in `cache`."""
    assert isinstance(node, ast.Return)
    scope = scope_facts(source, node)
    if node.value is None or is_shared_line(source, node):
        return
    value = source.segment(node.value)
    if "\n" in value:
        return
    for container, keys in scope.members_tested.items():
        if scope.kind(container) in (LIST, SET, DEQUE, TEXT):
            continue
        for key in dict.fromkeys(keys):
            place = f"{container}[{key}]"
            if value != place and "\n" not in key:
                inserted = insert_before(source, node, f"{place} = {value}")
                yield (*inserted, Edit(*source.span(node.value), place)), 0.0 if container not in scope.filled else 4.0


@operator("inline_result", ast.Return, family="statement", prior=-7.5, inverse="store_result")
def inline_result(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """`place = e` followed by `return place` -> `return e`."""
    assert isinstance(node, ast.Return)
    block = source.block_of(node)
    index = next(i for i, member in enumerate(block) if member is node)
    before = block[index - 1] if index else None
    if node.value is None or not isinstance(before, ast.Assign) or is_shared_line(source, before):
        return
    value = source.segment(before.value)
    if source.segment(before.targets[0]) == source.segment(node.value) and "\n" not in value:
        yield (*delete(source, before), Edit(*source.span(node.value), value)), 0.0


def is_shared_line(source: Source, node: Statement) -> bool:
    """Whether nothing can be inserted in front of a statement."""
    return not insert_before(source, node, "pass")
