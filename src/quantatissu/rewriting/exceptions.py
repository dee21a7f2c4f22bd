"""Operators on `raise`, `except` and `try`."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from quantatissu.rewriting.blocks import (
    blocks_of,
    insert_after,
    is_docstring,
    line_end,
    lines_of,
    loops_around,
    reindent,
    run_lines,
    text_of,
)
from quantatissu.rewriting.edits import Edit
from quantatissu.rewriting.facts import names_at, scope_facts
from quantatissu.rewriting.operators import Change, operator
from quantatissu.rewriting.project import Project, dotted
from quantatissu.rewriting.source import BUILTIN_NAMES, FunctionNode, Source, Statement

# Classes that are mistaken for one another, most likely first.
CONFUSED: dict[str, tuple[str, ...]] = {
    "ValueError": ("TypeError", "KeyError", "IndexError", "AttributeError", "RuntimeError"),
    "TypeError": ("ValueError", "AttributeError", "NotImplementedError"),
    "KeyError": ("IndexError", "ValueError", "AttributeError", "LookupError", "TypeError"),
    "IndexError": ("KeyError", "ValueError", "StopIteration", "LookupError", "TypeError"),
    "AttributeError": ("KeyError", "TypeError", "NameError", "ImportError", "ValueError"),
    "LookupError": ("KeyError", "IndexError", "ValueError"),
    "OSError": ("FileNotFoundError", "ValueError", "PermissionError"),
    "IOError": ("OSError", "FileNotFoundError", "ValueError"),
    "FileNotFoundError": ("OSError", "FileExistsError", "NotADirectoryError", "PermissionError"),
    "ImportError": ("ModuleNotFoundError", "AttributeError"),
    "ModuleNotFoundError": ("ImportError",),
    "RuntimeError": ("ValueError", "TypeError", "RecursionError", "NotImplementedError"),
    "NotImplementedError": ("TypeError", "ValueError", "RuntimeError", "AttributeError"),
    "StopIteration": ("IndexError", "ValueError", "StopAsyncIteration", "RuntimeError"),
    "ZeroDivisionError": ("ArithmeticError", "ValueError", "OverflowError"),
    "OverflowError": ("ValueError", "ArithmeticError"),
    "UnicodeDecodeError": ("UnicodeError", "UnicodeEncodeError", "ValueError"),
    "UnicodeEncodeError": ("UnicodeError", "UnicodeDecodeError", "ValueError"),
    "AssertionError": ("ValueError", "TypeError"),
    "Exception": ("BaseException", "ValueError", "TypeError"),
    "BaseException": ("Exception",),
    "NameError": ("AttributeError", "KeyError"),
    "TimeoutError": ("OSError", "ConnectionError"),
}
GENERAL = ("ValueError", "TypeError", "KeyError", "IndexError", "AttributeError", "Exception")
MAX_CLASSES = 10
Ranked = list[tuple[str, float]]


def project_exceptions(project: Project) -> Counter[str]:
    """Exception classes as written in the project's `raise` and `except` -> how often."""
    cached: Counter[str] | None = project.__dict__.get("_exceptions")
    if cached is None or project.__dict__.get("_exceptions_of") != len(project.sources):
        cached = Counter()
        for source in project.sources:
            for node in source.nodes:
                if isinstance(node, ast.Raise) and node.exc is not None:
                    cached.update(_class_names(node.exc))
                elif isinstance(node, ast.ExceptHandler) and node.type is not None:
                    cached.update(_class_names(node.type))
        project.__dict__["_exceptions"] = cached
        project.__dict__["_exceptions_of"] = len(project.sources)
    return cached


def _class_names(node: ast.expr) -> list[str]:
    parts = node.elts if isinstance(node, ast.Tuple) else [node]
    names = [dotted(part.func if isinstance(part, ast.Call) else part) for part in parts]
    return [name for name in names if name and name.rpartition(".")[2][:1].isupper()]


def exception_choices(source: Source, node: ast.AST, project: Project, current: str | None) -> Ranked:
    """Exception classes that could stand at `node`: those it is confused with, then the project's, then the usual."""
    found: dict[str, float] = {}

    def offer(text: str, cost: float) -> None:
        if text != current:
            found[text] = min(cost, found.get(text, 99.0))

    for index, name in enumerate(CONFUSED.get(current or "", ())):
        offer(name, 0.3 * index)
    visible = names_at(source, node)
    for index, (name, _) in enumerate(project_exceptions(project).most_common(12)):
        root = name.partition(".")[0]
        if root in visible or root in BUILTIN_NAMES or root in CONFUSED:
            offer(name, 0.5 + 0.15 * index)
    for index, name in enumerate(GENERAL):
        offer(name, 1.5 + 0.2 * index)
    return sorted(found.items(), key=lambda item: (item[1], item[0]))[:MAX_CLASSES]


@operator("exception_class", ast.Raise, ast.ExceptHandler, family="statement", prior=-2.9)
def exception_class(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """Another class in `raise X(...)` or `except X`."""
    if isinstance(node, ast.Raise):
        site = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        sites = [site] if site is not None else []
    else:
        assert isinstance(node, ast.ExceptHandler)
        sites = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type] if node.type else []
    for site in sites:
        current = dotted(site)
        if current is not None and current.rpartition(".")[2][:1].isupper():
            for name, cost in exception_choices(source, node, project, current):
                yield (Edit(*source.span(site), name),), cost + 0.5 * (len(sites) > 1)


@operator("widen_handler", ast.ExceptHandler, family="statement", prior=-3.4, inverse="narrow_handler")
def widen_handler(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """`except A` -> `except (A, B)`."""
    assert isinstance(node, ast.ExceptHandler)
    if node.type is None:
        return
    caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
    present = {dotted(part) for part in caught}
    if not caught or None in present:
        return
    first = dotted(caught[-1])
    for name, cost in exception_choices(source, node, project, first):
        if name in present:
            continue
        if isinstance(node.type, ast.Tuple):
            end = source.span(caught[-1])[1]
            yield (Edit(end, end, f", {name}"),), cost
        else:
            start, end = source.span(node.type)
            if source.text[start - 1] != "(":
                yield (Edit(start, start, "("), Edit(end, end, f", {name})")), cost


@operator("narrow_handler", ast.ExceptHandler, family="statement", prior=-4.6, inverse="widen_handler")
def narrow_handler(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """`except (A, B)` -> `except A`; of longer tuples, one class less."""
    assert isinstance(node, ast.ExceptHandler)
    if not isinstance(node.type, ast.Tuple) or len(node.type.elts) < 2:
        return
    parts = node.type.elts
    if len(parts) == 2:
        for part in parts:
            yield (Edit(*source.span(node.type), source.segment(part)),), 0.0
        return
    for index in range(len(parts)):
        if index:
            start, end = source.span(parts[index - 1])[1], source.span(parts[index])[1]
        else:
            start, end = source.span(parts[0])[0], source.span(parts[1])[0]
        yield (Edit(start, end, ""),), 0.3


@operator("raise_from", ast.Raise, family="statement", prior=-4.2, inverse="drop_from")
def raise_from(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """`raise X` in a handler -> `raise X from e` or `raise X from None`."""
    assert isinstance(node, ast.Raise)
    handler = next((up for up in source.ancestors(node) if isinstance(up, ast.ExceptHandler | FunctionNode)), None)
    if node.exc is None or node.cause is not None or not isinstance(handler, ast.ExceptHandler):
        return
    end = source.span(node)[1]
    if handler.name and not (isinstance(node.exc, ast.Name) and node.exc.id == handler.name):
        yield (Edit(end, end, f" from {handler.name}"),), 0.0
    yield (Edit(end, end, " from None"),), 0.4


@operator("drop_from", ast.Raise, family="statement", prior=-5.5, inverse="raise_from")
def drop_from(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """`raise X from e` -> `raise X`."""
    assert isinstance(node, ast.Raise)
    if node.exc is not None and node.cause is not None:
        start, end = source.span(node.exc)[1], source.span(node)[1]
        if source.text[start:end].startswith(" from "):
            yield (Edit(start, end, ""),), 0.0


@operator("raise_or_return", ast.Raise, ast.Return, ast.Expr, family="statement", prior=-1.0)
def raise_or_return(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """`raise` in front of an exception that is returned or dropped; `NotImplemented` for `NotImplementedError`."""
    assert isinstance(node, ast.Raise | ast.Return | ast.Expr)
    start = source.span(node)[0]
    value = node.exc if isinstance(node, ast.Raise) else node.value
    name = dotted(value.func if isinstance(value, ast.Call) else value) if value is not None else None
    if name is None or value is None:
        return
    if isinstance(node, ast.Raise):
        if scope_facts(source, node).function is not None and node.cause is None:
            if name == "NotImplementedError":
                yield (Edit(*source.span(node), "return NotImplemented"),), 3.0
            elif isinstance(value, ast.Call):
                yield (Edit(start, start + 5, "return"),), 5.5
    elif isinstance(node, ast.Return) and name == "NotImplemented":
        yield (Edit(*source.span(node), "raise NotImplementedError"),), 3.3
    elif name.endswith(("Error", "Exception", "StopIteration")):
        if isinstance(node, ast.Return):
            yield (Edit(start, start + 6, "raise"),), 0.0
        else:
            yield (Edit(start, start, "raise "),), 0.0


@operator("raise_again", ast.Raise, family="statement", prior=-5.0)
def raise_again(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """In a handler: `raise X(...)` -> `raise`, `raise` -> `raise e`, and any of them -> `pass` or an early exit."""
    assert isinstance(node, ast.Raise)
    handler = next((up for up in source.ancestors(node) if isinstance(up, ast.ExceptHandler | FunctionNode)), None)
    span = source.span(node)
    if isinstance(handler, ast.ExceptHandler):
        if node.exc is not None:
            yield (Edit(*span, "raise"),), 0.0
        yield (Edit(*span, "pass"),), 0.6
    if loops_around(source, node):
        yield (Edit(*span, "continue"),), 0.8
        yield (Edit(*span, "break"),), 1.4
    scope = scope_facts(source, node)
    if scope.function is not None:
        for index, text in enumerate([*scope.identities[:3], *scope.return_texts[:2]]):
            yield (Edit(*span, f"return {text}"),), 0.7 + 0.3 * index


@operator("swap_handlers", ast.Try, family="statement", prior=-1.5)
def swap_handlers(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """Exchange two neighbouring `except` clauses (the specific one must come first)."""
    assert isinstance(node, ast.Try)
    for first, second in pairwise(node.handlers):
        one, two = run_lines(source, first.body), run_lines(source, second.body)
        if one is None or two is None or second.type is None or not text_of(source, *two).endswith("\n"):
            continue
        upper, lower = (first.lineno, one[1]), (second.lineno, two[1])
        gap = text_of(source, upper[1] + 1, lower[0] - 1) if lower[0] > upper[1] + 1 else ""
        span = source.line_span(upper[0], lower[1])
        general = dotted(first.type) in ("Exception", "BaseException") if first.type is not None else True
        yield (Edit(*span, text_of(source, *lower) + gap + text_of(source, *upper)),), 0.0 if general else 3.0


@operator("wrap_try", ast.Assign, ast.Return, ast.Expr, ast.AugAssign, ast.For, family="guard", prior=-5.0,
          inverse="unwrap_block")  # fmt: skip
def wrap_try(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """Put a statement that may fail into `try`, with a handler that goes on, skips or gives up."""
    assert isinstance(node, ast.stmt)
    scope = scope_facts(source, node)
    lines = lines_of(source, node)
    if scope.function is None or lines is None or is_docstring(source, node) or lines[1] - lines[0] > 10:
        return
    failures = likely_failures(source, node)
    indent = source.lines[lines[0] - 1][: node.col_offset]
    unit = source.indent_unit
    text = reindent(source, *lines, indent, indent + unit)
    if text is None or not failures:
        return
    newline = line_end(source, lines[0])
    at = source.line_span(*lines)
    text = text if text.endswith(("\n", "\r")) else text + newline
    trailing = newline if source.text[at[0] : at[1]].endswith(("\n", "\r")) else ""
    actions = ["continue"] if loops_around(source, node) else []
    actions += [f"return {value}" for value in scope.identities[:2]]
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        actions.insert(0, f"{node.targets[0].id} = None")
    if isinstance(node, ast.Expr | ast.AugAssign):
        actions.insert(0, "pass")
    for index, failure in enumerate(failures[:3]):
        for place, action in enumerate(actions[:3]):
            body = f"{indent}try:{newline}{text}{indent}except {failure}:{newline}{indent}{unit}{action}{trailing}"
            yield (Edit(*at, body),), 0.5 * index + 0.5 * place


def likely_failures(source: Source, node: Statement) -> list[str]:
    """The builtin errors that the operations of a statement raise, most telling first."""
    found: dict[str, None] = {}
    for part in source.own_nodes(node):
        if isinstance(part, ast.Call):
            name = dotted(part.func) or ""
            if name in ("int", "float", "complex"):
                found["ValueError"] = None
            elif name == "next":
                found["StopIteration"] = None
            elif name == "open":
                found["OSError"] = None
            elif name.endswith((".index", ".remove")):
                found["ValueError"] = None
            elif name == "getattr":
                found["AttributeError"] = None
            elif name.endswith((".pop", ".popleft")):
                found["KeyError"] = found["IndexError"] = None
            elif name in ("len", "iter", "hash", "sum", "sorted", "max", "min", "isinstance", "issubclass"):
                found["TypeError"] = None
        elif isinstance(part, ast.Subscript) and not isinstance(part.slice, ast.Slice):
            fixed = isinstance(part.slice, ast.Constant) and isinstance(part.slice.value, str)
            found["KeyError"] = None
            if not fixed:
                found["IndexError"] = None
        elif isinstance(part, ast.BinOp) and isinstance(part.op, ast.Div | ast.FloorDiv | ast.Mod):
            found["ZeroDivisionError"] = None
    return list(found)


@operator("move_to_try_else", ast.Try, family="statement", prior=-5.5, inverse="move_in")
def move_to_try_else(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """Take the last statements of a `try` body out of its protection, into a new `else` clause."""
    assert isinstance(node, ast.Try)
    if node.orelse or len(node.body) < 2 or not node.handlers:
        return
    tail = node.body[-1]
    lines = lines_of(source, tail)
    handlers = run_lines(source, blocks_of(node)[len(node.handlers)])
    if lines is None or handlers is None or not text_of(source, *lines).endswith("\n"):
        return
    header = source.lines[node.handlers[0].lineno - 1]
    indent = header[: len(header) - len(header.lstrip(" \t"))]
    newline = line_end(source, lines[0])
    moved = f"{newline}{indent}else:{newline}{text_of(source, *lines).rstrip()}"
    last = insert_after(source, node.handlers[-1].body[-1], "pass")
    if last:
        at = last[0].start
        yield (Edit(*source.line_span(*lines), ""), Edit(at, at, moved)), 0.0
