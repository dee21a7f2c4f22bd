"""Operators on function and class definitions: parameters, decorators, initialisers, scopes of names, coroutines."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from quantatissu.rewriting.blocks import (
    code_start,
    insert_before,
    is_docstring,
    line_end,
    lines_of,
)
from quantatissu.rewriting.edits import Edit
from quantatissu.rewriting.facts import names_at, own_code, scope_facts
from quantatissu.rewriting.modules import undefined_names
from quantatissu.rewriting.operators import Change, operator
from quantatissu.rewriting.project import Project, dotted
from quantatissu.rewriting.source import FunctionNode, Source

Ranked = list[tuple[str, float]]
_MUTABLE_CALLS = frozenset({"list", "dict", "set", "deque", "defaultdict", "OrderedDict", "Counter"})


def _function_parts(node: ast.AST, source: Source) -> tuple[ast.FunctionDef | ast.AsyncFunctionDef, bool]:
    assert isinstance(node, FunctionNode)
    return node, isinstance(source.parents.get(node), ast.ClassDef)


def _parameter_list(source: Source, node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """The offset just behind the parenthesis that opens the parameters."""
    start = source.span(node)[0]
    return source.text.index("(", source.text.index(node.name, source.text.index("def", start) + 3)) + 1


# -- parameters -----------------------------------------------------------------------------------------------------


@operator("mutable_default", ast.FunctionDef, ast.AsyncFunctionDef, family="statement", prior=-1.5,
          inverse="literal_default")  # fmt: skip
def mutable_default(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """`def f(x=[])` -> `def f(x=None)` and `if x is None: x = []` at its start."""
    function, _ = _function_parts(node, source)
    start = code_start(function.body)
    for argument, default in _defaults(function):
        if _is_mutable(default):
            value = source.segment(default)
            if "\n" not in value and not is_docstring(source, start):
                guard = insert_before(source, start, f"if {argument} is None:", f"\t{argument} = {value}")
                if guard:
                    yield (Edit(*source.span(default), "None"), *guard), 0.0


@operator("literal_default", ast.FunctionDef, ast.AsyncFunctionDef, family="statement", prior=-7.0,
          inverse="mutable_default")  # fmt: skip
def literal_default(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """`def f(x=None)` with `if x is None: x = []` at its start -> `def f(x=[])`."""
    function, _ = _function_parts(node, source)
    start = code_start(function.body)
    lines = lines_of(source, start)
    if not isinstance(start, ast.If) or lines is None or start.orelse or len(start.body) != 1:
        return
    assignment = start.body[0]
    if not isinstance(assignment, ast.Assign) or len(function.body) < 2 or "\n" in source.segment(assignment.value):
        return
    for argument, default in _defaults(function):
        if not _is_mutable(assignment.value):
            continue
        own = source.segment(start.test) == f"{argument} is None" and dotted(assignment.targets[0]) == argument
        if own and source.segment(default) == "None":
            value = source.segment(assignment.value)
            yield (Edit(*source.span(default), value), Edit(*source.line_span(*lines), "")), 0.0


def _is_mutable(node: ast.expr) -> bool:
    name = dotted(node.func) if isinstance(node, ast.Call) else None
    return isinstance(node, ast.List | ast.Dict | ast.Set) or name in _MUTABLE_CALLS


def _defaults(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[tuple[str, ast.expr]]:
    positional = [*function.args.posonlyargs, *function.args.args]
    pairs = zip(reversed(positional), reversed(function.args.defaults), strict=False)
    for argument, default in (*pairs, *zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True)):
        if default is not None:
            yield argument.arg, default


@operator("add_self", ast.FunctionDef, ast.AsyncFunctionDef, family="statement", prior=-2.0, inverse="drop_self")
def add_self(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """`def m(x)` in a class -> `def m(self, x)`, or `cls` for a class method."""
    function, method = _function_parts(node, source)
    decorators = {(dotted(item) or "").rpartition(".")[2] for item in function.decorator_list}
    positional = [*function.args.posonlyargs, *function.args.args]
    if not method or "staticmethod" in decorators or (positional and positional[0].arg in ("self", "cls", "mcs")):
        return
    if positional and positional[0].arg.startswith("_"):
        return
    at = _parameter_list(source, function)
    others = positional or function.args.vararg or function.args.kwonlyargs or function.args.kwarg
    name = "cls" if "classmethod" in decorators or function.name in ("__new__", "__init_subclass__") else "self"
    uses_self = any(isinstance(part, ast.Name) and part.id == name for part in own_code(function))
    yield (Edit(at, at, f"{name}, " if others else name),), 0.0 if uses_self else 0.8


@operator("drop_self", ast.FunctionDef, ast.AsyncFunctionDef, family="statement", prior=-4.0, inverse="add_self")
def drop_self(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """`def m(self, x)` -> `def m(x)`: for plain functions and static methods, else only as the way back."""
    function, method = _function_parts(node, source)
    decorators = {dotted(item) for item in function.decorator_list}
    positional = [*function.args.posonlyargs, *function.args.args]
    if not positional or positional[0].arg not in ("self", "cls"):
        return
    needed = any(isinstance(part, ast.Name) and part.id == positional[0].arg for part in own_code(function))
    cost = 0.0 if not method or "staticmethod" in decorators else 3.0 if needed else 1.0
    start, end = source.span(positional[0])
    text = source.text[end : end + 2]
    if source.text[start - 1] == "(" and (text == ", " or text.startswith(")")):
        yield (Edit(start, end + 2 * (text == ", "), ""),), cost


@operator("add_parameter", ast.FunctionDef, ast.AsyncFunctionDef, family="statement", prior=-1.5,
          inverse="drop_parameter")  # fmt: skip
def add_parameter(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """Add a name that the function reads but nothing binds to its parameters; or `**kwargs`, `*args`."""
    function, _ = _function_parts(node, source)
    arguments = function.args
    undefined = undefined_names(source)
    missing = [] if not undefined else list(dict.fromkeys(
        part.id for part in own_code(function)
        if isinstance(part, ast.Name) and part.id in undefined
    ))  # fmt: skip
    positional = [*arguments.posonlyargs, *arguments.args]
    last: ast.AST | None = positional[-1] if positional else None
    if arguments.defaults:
        last = arguments.defaults[-1]
    elif positional and positional[-1].annotation is not None:
        last = positional[-1]
    at = source.span(last)[1] if last is not None else _parameter_list(source, function)
    if last is not None and source.text[at : at + 1] == ")" and arguments.defaults and not _closes_list(source, at):
        return
    lead = ", " if last is not None else ""
    tail = ", " if last is None and (arguments.vararg or arguments.kwonlyargs or arguments.kwarg) else ""
    for index, name in enumerate(missing[:3]):
        plain = 0.0 if not arguments.defaults else 9.0
        for text, cost in ((name, plain), (f"{name}=None", 0.6), (f"{name}=0", 1.4), (f"{name}=False", 1.5)):
            if cost < 9.0:
                yield (Edit(at, at, f"{lead}{text}{tail}"),), cost + 0.3 * index
    simple = not (arguments.vararg or arguments.kwonlyargs or arguments.kwarg)
    if simple and source.function_of(function) is not None:  # wrappers pass on what they are given
        taken = set(scope_facts(source, function.body[0]).bound)
        for index, star in enumerate(("*args, **kwargs", "**kwargs", "*args")):
            if not taken & {"args", "kwargs"}:
                yield (Edit(at, at, f"{lead}{star}"),), 1.5 + 0.3 * index


def _closes_list(source: Source, at: int) -> bool:
    """Whether the parenthesis at an offset is followed by the end of a definition's header."""
    rest = source.text[at + 1 : at + 200].lstrip()
    return rest.startswith((":", "->"))


@operator("drop_parameter", ast.FunctionDef, ast.AsyncFunctionDef, family="statement", prior=-5.5,
          inverse="add_parameter")  # fmt: skip
def drop_parameter(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """Take out a parameter that the function does not use."""
    function, method = _function_parts(node, source)
    positional = [*function.args.posonlyargs, *function.args.args]
    used = {part.id for part in own_code(function) if isinstance(part, ast.Name)}
    inner = any(isinstance(part, FunctionNode | ast.Lambda) for part in own_code(function))
    required = len(positional) - len(function.args.defaults)
    for index in range(1 if method else 0, required):
        argument = positional[index]
        if argument.arg in used or inner:
            continue
        start, end = source.span(argument)
        if index and source.text[start - 2 : start] == ", ":
            yield (Edit(start - 2, end, ""),), 0.0
        elif not index and source.text[end : end + 2] == ", ":
            yield (Edit(start, end + 2, ""),), 0.0


# -- decorators -----------------------------------------------------------------------------------------------------


@operator("add_decorator", ast.FunctionDef, ast.AsyncFunctionDef, family="statement", prior=-1.4,
          inverse="drop_decorator")  # fmt: skip
def add_decorator(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """Add `@property`, `@staticmethod`, `@classmethod`, `@functools.wraps(f)`, `@lru_cache` or one used nearby."""
    function, _ = _function_parts(node, source)
    line = function.decorator_list[0].lineno if function.decorator_list else function.lineno
    text = source.lines[line - 1]
    indent = text[: len(text) - len(text.lstrip(" \t"))]
    if len(indent) != function.col_offset or source.text.startswith("class", source.span(function)[0]):
        return
    at = source.line_starts[line - 1]
    newline = line_end(source, line)
    present = {source.segment(item) for item in function.decorator_list}
    for name, cost in _decorators(source, function):
        if name not in present:
            yield (Edit(at, at, f"{indent}@{name}{newline}"),), cost


def _decorators(source: Source, function: ast.FunctionDef | ast.AsyncFunctionDef) -> Ranked:
    found: dict[str, float] = {}
    owner = source.parents.get(function)
    names = names_at(source, function)
    positional = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
    if isinstance(owner, ast.ClassDef):
        first = positional[0] if positional else None
        if first == "cls":
            found["classmethod"] = 0.0
        elif first == "self" and len(positional) == 1 and not function.name.startswith("__"):
            found["property"] = 2.3
        if first not in ("self", "cls"):
            found["staticmethod"] = 0.0
        for member in owner.body:
            if isinstance(member, FunctionNode) and member is not function and member.name == function.name:
                found[f"{function.name}.setter"] = 0.0
    outer = source.function_of(function)
    if outer is not None and any(isinstance(item, ast.Return) and dotted(item.value or item) == function.name
                                 for item in own_code(outer)):  # fmt: skip
        called = [argument.arg for argument in outer.args.args]
        for wrapper in ("functools.wraps", "wraps"):
            if wrapper.partition(".")[0] in names and called:
                found[f"{wrapper}({called[0]})"] = 1.8
    used = source.__dict__.get("_decorators")
    if used is None:
        used = source.__dict__["_decorators"] = list(dict.fromkeys(
            source.segment(item) for part in source.statements for item in getattr(part, "decorator_list", ())
        ))  # fmt: skip
    for index, name in enumerate(used[:6]):
        if "\n" not in name and not name.endswith((".setter", ".deleter")):
            found.setdefault(name, 3.5 + 0.3 * index)
    for cache in ("functools.lru_cache(maxsize=None)", "lru_cache(maxsize=None)", "cache", "functools.cache"):
        if names.get(cache.partition(".")[0].partition("(")[0]) == "import":
            found.setdefault(cache, 4.5)
    return sorted(found.items(), key=lambda item: (item[1], item[0]))[:8]


@operator("drop_decorator", ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, family="statement", prior=-5.0,
          inverse="add_decorator")  # fmt: skip
def drop_decorator(node: ast.AST, source: Source, project: Project) -> Iterator[Change]:
    """Take out one decorator."""
    assert isinstance(node, FunctionNode | ast.ClassDef)
    for item in node.decorator_list:
        start, end = item.lineno, item.end_lineno or item.lineno
        if source.lines[start - 1].lstrip().startswith("@"):
            yield (Edit(*source.line_span(start, end), ""),), 0.0
