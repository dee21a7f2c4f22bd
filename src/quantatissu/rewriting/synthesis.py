"""Expressions made from what is in scope, for places where one was lost: ``x = None`` -> ``x = parse(text)``.

Pieces of the function come first, then calls of the project's functions and classes with arguments filled in by name,
methods seen on an object, the usual builtins, and subscripts. Those that use a name nothing else uses are preferred.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Iterator
from math import log1p

from quantatissu.rewriting.context import Changes, Context, expression
from quantatissu.rewriting.donors import fitted, usable_names
from quantatissu.rewriting.facts import DICT, LIST, SEQUENCE, scope_facts
from quantatissu.rewriting.pieces import ACCESS, ARITHMETIC, CALL, DISPLAY, TEST, pool_of
from quantatissu.rewriting.project import Signature
from quantatissu.rewriting.ranking import ranked_names
from quantatissu.rewriting.unused import unused_names, words
from quantatissu.rewriting.vocabulary import MEMBER_PARTNERS

MAX_MADE = 60
_MAX_FILLERS = 4
_UNUSED = 1.5  # nats by which a name that nothing uses makes an expression likelier
_BUILTINS = ("len", "list", "str", "int", "sorted", "tuple", "set", "dict", "iter", "reversed", "enumerate", "range",
             "repr", "type", "sum", "min", "max", "bool", "float", "next")  # fmt: skip
_PATTERN_METHODS = ("match", "search", "sub", "split", "findall", "finditer", "fullmatch")
Made = Iterator[tuple[str, float]]


@expression(
    "placeholder_to_expression",
    ast.Constant,
    ast.List,
    ast.Dict,
    ast.Tuple,
    family="donor",
    prior=-4.2,
    inverse="expression_to_placeholder",
)
def placeholder_to_expression(node: ast.expr, here: Context) -> Changes:
    """``x = None``, ``f("")``, ``for x in []`` or ``lambda m: None`` with an expression made for the place."""
    if not _is_placeholder(node) or not _is_site(node, here):
        return
    statement = here.source.statement_of(node)
    unused = unused_names(here.source, statement)
    best: dict[str, float] = {}
    for text, cost in _made(node, here):
        if text == here.source.segment(node):
            continue
        bonus = max((unused.get(word, 0.0) for word in words(text)), default=0.0)
        best[text] = min(round(cost - _UNUSED * bonus, 3), best.get(text, 99.0))
    for text, cost in sorted(best.items(), key=lambda item: (item[1], item[0]))[:MAX_MADE]:
        yield (here.replace(node, text),), max(0.0, cost)


@expression("expression_to_placeholder", ast.expr, family="donor", prior=-7.0, inverse="placeholder_to_expression")
def expression_to_placeholder(node: ast.expr, here: Context) -> Changes:
    """``x = parse(text)`` -> ``x = None``, ``for x in items()`` -> ``for x in []``."""
    made = ast.Call | ast.Subscript | ast.BinOp | ast.Attribute
    if isinstance(node, made) and isinstance(getattr(node, "ctx", ast.Load()), ast.Load) and _is_site(node, here):
        iterated = isinstance(here.parents.get(node), ast.For | ast.comprehension)
        yield (here.replace(node, "[]" if iterated else "None"),), 0.0


def _is_placeholder(node: ast.expr) -> bool:
    match node:
        case ast.Constant(value=value):
            return value is None or value == "" or (value == 0 and not isinstance(value, bool))
        case ast.Dict(keys=keys):
            return not keys
        case ast.List(elts=members) | ast.Tuple(elts=members):
            return not members
    return False


def _is_site(node: ast.expr, here: Context) -> bool:
    match here.parents.get(node):
        case ast.Assign(value=value) | ast.AnnAssign(value=value) | ast.AugAssign(value=value):
            return value is node
        case ast.Return() | ast.keyword() | ast.Lambda():
            return True
        case ast.Call(func=func):
            return func is not node
        case ast.For(iter=iterable) | ast.comprehension(iter=iterable):
            return iterable is node
        case ast.IfExp(test=test):
            return test is not node
        case _:
            return False


def _made(node: ast.expr, here: Context) -> Made:
    names = dict(ranked_names(node, here, ("parameter", "local", "enclosing"))[:12])
    yield from _pieces(node, here)
    yield from _lambda_bodies(node, here)
    yield from _calls(node, here, names)
    yield from _members(node, here, names)
    yield from _builtin_calls(node, here, names)
    yield from _subscripts(node, here, names)


def _pieces(node: ast.expr, here: Context) -> Made:
    """Expressions of the same function, then of the file, and those with a method changed for its partner."""
    source = here.source
    usable, scope = usable_names(source, node), scope_facts(source, node)
    pool, line = pool_of(source), node.lineno
    for group in (CALL, ACCESS, ARITHMETIC, DISPLAY, TEST):
        for piece in pool.by_scope.get((scope.node, group), ()):
            cost = 0.9 + 0.15 * log1p(abs(piece.line - line)) + (0.8 if group in (TEST, DISPLAY) else 0.0)
            for text, more in fitted(piece, usable, scope, node):
                yield text, cost + more
                for other, extra in _with_partner(text):
                    yield other, cost + more + extra


def _with_partner(text: str) -> Made:
    """The same call of the method that pairs with this one."""
    head, dot, rest = text.rpartition(".")
    method, bracket, arguments = rest.partition("(")
    if dot and bracket:
        for index, partner in enumerate(MEMBER_PARTNERS.get(method, ())[:2]):
            yield f"{head}.{partner}({arguments}", 1.0 + 0.2 * index


def _lambda_bodies(node: ast.expr, here: Context) -> Made:
    """For the body of a lambda: what other lambdas of as many parameters give, in this one's names."""
    owner = here.parents.get(node)
    if not isinstance(owner, ast.Lambda) or owner.body is not node:
        return
    own = [argument.arg for argument in owner.args.args]
    for source in here.project.sources or [here.source]:
        for other in source.nodes:
            if not isinstance(other, ast.Lambda) or other is owner or len(other.args.args) != len(own):
                continue
            text = source.segment(other.body)
            if len(text) > 60 or "\n" in text:
                continue
            theirs = [argument.arg for argument in other.args.args]
            if theirs == own or not own:
                cost = 0.3 if source is here.source else 1.0
                yield text, cost
                for partner, extra in _with_partner(text):
                    yield partner, cost + extra


def _calls(node: ast.expr, here: Context, names: dict[str, float]) -> Made:
    """Calls of functions and classes of the project, their parameters filled from the names in scope."""
    visible = here.names(node)
    own = here.source.function_of(node)
    for name, signatures in here.project.signatures.items():
        if name in visible and (own is None or own.name != name):
            base = 0.8 if visible[name] in ("local", "enclosing") else 1.3
            for signature in signatures[:2]:
                if not signature.is_method or name[:1].isupper():
                    yield from _filled(name, signature, names, base)
    owner = here.source.class_of(node)
    if owner is not None and "self" in visible:
        for member in owner.body:
            if isinstance(member, ast.FunctionDef) and not member.name.startswith("__") and member is not own:
                for signature in here.project.signatures.get(member.name, ())[:1]:
                    yield from _filled(f"self.{member.name}", signature, names, 1.2)


def _filled(function: str, signature: Signature, names: dict[str, float], base: float) -> Made:
    """A call with every required parameter given: the variable of its name where there is one, else the likeliest."""
    required = signature.parameters[: signature.required]
    others = list(names)
    arguments: list[str] = []
    cost = base
    unnamed = 0
    for parameter in required:
        if parameter in names:
            arguments.append(parameter)
        else:
            unnamed += 1
            arguments.append("")
    if unnamed > 2 or (unnamed and not others):
        return
    free = [name for name in others if name not in arguments] or others
    if not unnamed:
        yield f"{function}({', '.join(arguments)})", cost - 0.3 * bool(arguments)
        if not arguments and signature.parameters:
            for name in free[:_MAX_FILLERS]:
                yield f"{function}({name})", cost + 0.5 + names[name]
        return
    for index, name in enumerate(free[:_MAX_FILLERS]):
        rest = iter([name, *(other for other in free if other != name)])
        yield f"{function}({', '.join(a or next(rest, name) for a in arguments)})", cost + 0.3 * index * unnamed


def _members(node: ast.expr, here: Context, names: dict[str, float]) -> Made:
    """Attributes and methods seen on the names in scope, and methods of compiled patterns."""
    called = _methods_called(here)
    for name in [*names, *(["self"] if "self" in here.names(node) else [])]:
        for place, (member, _) in enumerate(here.project.members.get(name, Counter()).most_common(8)):
            cost = 1.4 + 0.1 * place + 0.3 * names.get(name, 0.5)
            if member in called:
                if 0 in called[member]:
                    yield f"{name}.{member}()", cost
                if 1 in called[member]:
                    for other in list(names)[:_MAX_FILLERS]:
                        if other != name:
                            yield f"{name}.{member}({other})", cost + 0.4 + 0.3 * names[other]
            else:
                yield f"{name}.{member}", cost - 0.3
    arguments = [*list(names)[:_MAX_FILLERS], *_own_attributes(node, here)]
    for pattern in _compiled_patterns(here):
        for index, method in enumerate(_PATTERN_METHODS):
            if method != "sub":
                for place, other in enumerate(arguments):
                    yield f"{pattern}.{method}({other})", 1.8 + 0.15 * index + 0.2 * place


def _builtin_calls(node: ast.expr, here: Context, names: dict[str, float]) -> Made:
    operands = [*list(names.items())[:6], *((text, 0.6) for text in _own_attributes(node, here)[:_MAX_FILLERS])]
    parent = here.parents.get(node)
    if isinstance(parent, ast.For | ast.comprehension):
        yield from _iterables(parent.target, operands, here)
        return
    for index, function in enumerate(_BUILTINS):
        for name, cost in operands:
            yield f"{function}({name})", 1.8 + 0.15 * index + 0.5 * cost


def _iterables(target: ast.expr, operands: list[tuple[str, float]], here: Context) -> Made:
    """What a loop may run over; one with two variables over pairs."""
    pairs = isinstance(target, ast.Tuple) and len(target.elts) == 2
    for name, cost in operands:
        yield f"{name}.items()", (0.6 if pairs else 2.0) + 0.5 * cost
        yield f"enumerate({name})", (0.8 if pairs else 2.4) + 0.5 * cost
        for member, _ in here.project.members.get(name, Counter()).most_common(6):
            yield f"{name}.{member}.items()", (1.6 if pairs else 3.0) + 0.5 * cost
        if not pairs:
            yield f"range({name})", 1.0 + 0.5 * cost
            yield f"range(len({name}))", 1.2 + 0.5 * cost
            for index, function in enumerate(("reversed", "sorted", "list", "iter")):
                yield f"{function}({name})", 1.2 + 0.2 * index + 0.5 * cost
    for one, cost in operands[:_MAX_FILLERS]:
        for two, more in operands[:_MAX_FILLERS]:
            if one != two:
                yield f"zip({one}, {two})", (1.2 if pairs else 2.6) + 0.3 * (cost + more)


def _subscripts(node: ast.expr, here: Context, names: dict[str, float]) -> Made:
    """``table[key]`` for names that seem to hold something with keys or places."""
    facts = scope_facts(here.source, node)
    for name, cost in names.items():
        if facts.kind(name) in (DICT, LIST, SEQUENCE):
            for key, more in list(names.items())[:_MAX_FILLERS]:
                if key != name:
                    yield f"{name}[{key}]", 1.6 + 0.4 * (cost + more)


def _own_attributes(node: ast.expr, here: Context) -> list[str]:
    """``self.x`` for what is seen on ``self`` and is not a method, most frequent first."""
    if "self" not in here.names(node):
        return []
    seen = here.project.members.get("self")
    called = _methods_called(here)
    return [f"self.{name}" for name, _ in seen.most_common(12) if name not in called] if seen else []


def _methods_called(here: Context) -> dict[str, set[int]]:
    """Method name -> the numbers of arguments it is called with in the project."""
    found: dict[str, set[int]] | None = here.memory.get("methods called")
    if found is None:
        found = here.memory["methods called"] = {}
        for source in here.project.sources:
            for call in _calls_in(source.tree):
                if isinstance(call.func, ast.Attribute):
                    found.setdefault(call.func.attr, set()).add(len(call.args) + len(call.keywords))
    return found


def _calls_in(tree: ast.AST) -> Iterable[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def _compiled_patterns(here: Context) -> list[str]:
    """Module-level names bound to ``re.compile(...)``."""
    found: list[str] | None = here.memory.get("patterns")
    if found is None:
        found = here.memory["patterns"] = [
            target.id
            for statement in here.source.tree.body
            if isinstance(statement, ast.Assign)
            and isinstance(statement.value, ast.Call)
            and isinstance(statement.value.func, ast.Attribute)
            and statement.value.func.attr == "compile"
            for target in statement.targets
            if isinstance(target, ast.Name)
        ]
    return found
