"""Names: ambiguous ones and those that hide a builtin, renamed throughout the scope that owns them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from quantatissu.repair.lint.ruff import Finding
from quantatissu.repair.lint.rules.table import Edits, fixer, free_name, node_at
from quantatissu.rewriting import Edit, Source
from quantatissu.rewriting.source import FunctionNode

Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
_LOOKS_AT_NAMES = re.compile(r"\b(locals|vars|eval|exec|globals)\s*\(")
_NONE = ast.arguments(posonlyargs=[], args=[], kwonlyargs=[], kw_defaults=[], defaults=[])
_CLEARER = {
    "l": ("item", "items", "left", "value", "line", "entry"),
    "O": ("obj", "other", "outcome"),
    "I": ("index", "item", "identity"),
}


@fixer("E741")
def ambiguous(source: Source, finding: Finding) -> Iterator[Edits]:
    """``l``, ``O`` and ``I`` under a name that cannot be taken for a digit."""
    for scope, old in _owners(source, finding):
        wanted = _CLEARER.get(old, ())
        if old == "l" and scope is not None and _holds_many(scope, old):
            wanted = ("items", *wanted)
        for new in dict.fromkeys(wanted):
            if _free_inside(scope, source, new) and (edits := renamed(source, scope, old, new)):
                yield edits
                return


@fixer("A001")
def hides_builtin(source: Source, finding: Finding) -> Iterator[Edits]:
    """A local variable that hides a builtin, with an underscore behind (PEP 8)."""
    for scope, old in _owners(source, finding):
        if _free_inside(scope, source, f"{old}_") and (edits := renamed(source, scope, old, f"{old}_")):
            yield edits
            return


@fixer("A002")
def argument_hides_builtin(source: Source, finding: Finding) -> Iterator[Edits]:
    """A parameter that hides a builtin, with an underscore behind, where nobody outside the file passes it by name."""
    argument = node_at(source, finding, ast.arg)
    function = source.parents.get(source.parents[argument]) if argument is not None else None
    if argument is None or not isinstance(function, FunctionNode) or not _is_internal(source, function):
        return
    passed = {word.arg for node in source.nodes if isinstance(node, ast.Call) for word in node.keywords}
    new = f"{argument.arg}_"
    if argument.arg in passed or not _free_inside(function, source, new):
        return
    if edits := renamed(source, function, argument.arg, new):
        yield edits


def _is_internal(source: Source, function: FunctionNode) -> bool:
    """Whether a function is called by this file alone, or by Python itself."""
    private = function.name.startswith("_")  # special methods too: Python passes what they get by position
    return (private and function.name != "__init__") or source.function_of(function) is not None


def _owners(source: Source, finding: Finding) -> Iterator[tuple[ast.AST, str]]:
    """The scope that owns the name a finding is about, where renaming it there concerns nobody else."""
    argument = node_at(source, finding, ast.arg)
    if argument is not None:
        owner = next((up for up in source.ancestors(argument) if isinstance(up, ast.Lambda | FunctionNode)), None)
        if isinstance(owner, ast.Lambda):  # a function's parameter is part of its interface
            yield owner, argument.arg
        return
    node = node_at(source, finding, ast.Name)
    if node is None:
        return
    for up in source.ancestors(node):
        if isinstance(up, Comprehension):
            stored = {n.id for g in up.generators for n in ast.walk(g.target) if isinstance(n, ast.Name)}
            if node.id in stored:
                yield up, node.id
                return
    function = source.function_of(node)
    if function is not None and source.scope_of(node) is function and source.bindings(function).get(node.id) == "local":
        yield function, node.id


def _holds_many(scope: ast.AST, name: str) -> bool:
    for node in ast.walk(scope):
        match node:
            case ast.Assign(targets=[ast.Name(id=target)], value=value) if target == name:
                many = isinstance(value, ast.List | ast.ListComp | ast.Tuple)
                made = isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "list"
                return many or made
            case _:
                continue
    return False


def _free_inside(scope: ast.AST, source: Source, name: str) -> bool:
    mentioned = any(
        (isinstance(part, ast.Name) and part.id == name) or (isinstance(part, ast.arg) and part.arg == name)
        for part in ast.walk(scope)
    )
    if mentioned:
        return False
    return name.endswith("_") or name not in source.names_at(scope) or free_name(source, scope, name)


def renamed(source: Source, scope: ast.AST, old: str, new: str) -> Edits | None:
    """Edits that rename every use of a scope's own name; None where one of them cannot be renamed."""
    if _LOOKS_AT_NAMES.search(source.segment(scope)):
        return None
    found: set[tuple[int, int]] = set()
    for node in _reach(scope, old):
        match node:
            case ast.Global(names=names) | ast.Nonlocal(names=names) if old in names:
                return None
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name) if (
                name == old and node is not scope
            ):
                return None
            case ast.ExceptHandler(name=name) | ast.MatchAs(name=name) | ast.MatchStar(name=name) if name == old:
                return None
            case ast.alias(name=name, asname=asname) if (asname or name) == old:
                return None
            case ast.Name(id=name) if name == old:
                found.add(source.span(node))
            case ast.arg(arg=name) if name == old:
                if not isinstance(scope, ast.Lambda) and node not in _parameters(getattr(scope, "args", _NONE)):
                    return None
                start = source.span(node)[0]
                found.add((start, start + len(old)))
            case _:
                continue
    if any(source.text[start:end] != old for start, end in found):
        return None  # inside an f-string whose positions are not known
    return tuple(Edit(start, end, new) for start, end in sorted(found)) or None


def _reach(scope: ast.AST, name: str) -> Iterator[ast.AST]:
    """The nodes in which a scope's own name means the same: without inner functions that have it as a parameter."""
    yield scope
    stack = list(_inside(scope))
    while stack:
        node = stack.pop()
        yield node
        if isinstance(node, FunctionNode | ast.Lambda) and name in {arg.arg for arg in _parameters(node.args)}:
            stack += [*node.args.defaults, *filter(None, node.args.kw_defaults), *getattr(node, "decorator_list", ())]
        else:
            stack += ast.iter_child_nodes(node)


def _inside(scope: ast.AST) -> list[ast.AST]:
    if isinstance(scope, FunctionNode):
        return list(scope.body) + list(_parameters(scope.args))
    if isinstance(scope, ast.Lambda):
        return [scope.body, *_parameters(scope.args)]
    return list(ast.iter_child_nodes(scope))


def _parameters(arguments: ast.arguments) -> list[ast.arg]:
    some = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return [*some, *filter(None, (arguments.vararg, arguments.kwarg))]
