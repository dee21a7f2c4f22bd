"""Operators on displays, comprehensions, conditional expressions, lambdas and yields."""

from __future__ import annotations

import ast
import re
from itertools import pairwise

from quantatissu.rewriting.context import Changes, Context, expression
from quantatissu.rewriting.edits import Edit
from quantatissu.rewriting.kinds import kind, kind_of_name
from quantatissu.rewriting.precedence import Level
from quantatissu.rewriting.ranking import ranked_names

_MAX_ADDED = 4
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.GeneratorExp)


@expression("swap_elements", ast.Tuple, ast.List, family="operator", prior=-2.8)
def swap_elements(node: ast.Tuple | ast.List, here: Context) -> Changes:
    """``a, b`` -> ``b, a``: neighbours; targets and values of an assignment belong to `swap_targets`, `swap_values`."""
    elements = node.elts
    if len(elements) > 6 or not isinstance(node.ctx, ast.Load):
        return
    parent = here.parents.get(node)
    if isinstance(parent, ast.Assign) and isinstance(parent.targets[0], ast.Tuple):
        return
    for left, right in pairwise(elements):
        if not isinstance(left, ast.Starred) and not isinstance(right, ast.Starred):
            constants = isinstance(left, ast.Constant) and isinstance(right, ast.Constant)
            yield here.swap(left, right), (0.0 if len(elements) == 2 else 0.5) + (1.5 if constants else 0.0)


@expression("drop_element", ast.Tuple, ast.List, ast.Set, family="operator", prior=-2.4, inverse="add_element")
def drop_element(node: ast.Tuple | ast.List | ast.Set, here: Context) -> Changes:
    """``(a, b)`` -> ``(a,)`` is rare; ``a, b`` -> ``a`` and ``[a, b]`` -> ``[a]`` are not."""
    elements = node.elts
    if not 1 < len(elements) <= 6:
        return
    stored = not isinstance(getattr(node, "ctx", ast.Load()), ast.Load)
    if isinstance(node, ast.Tuple) and len(elements) == 2:
        if not stored and not any(isinstance(element, ast.Starred) for element in elements):
            for index, kept in enumerate(elements):
                yield (here.replace_outer(node, here.code(kept), here.level(kept)),), 0.3 * index
        return
    for index, element in enumerate(elements):
        if index:
            yield (here.put(here.outer(elements[index - 1])[1], here.outer(element)[1], ""),), 0.5
        else:
            yield (here.put(here.outer(element)[0], here.outer(elements[1])[0], ""),), 0.7


@expression("add_element", ast.Tuple, ast.List, ast.Set, family="operator", prior=-3.5, inverse="drop_element")
def add_element(node: ast.Tuple | ast.List | ast.Set, here: Context) -> Changes:
    """``a, b`` -> ``a, b, c`` with names in scope."""
    if not node.elts or len(node.elts) > 6 or not isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
        return
    at = here.outer(node.elts[-1])[1]
    parent = here.parents.get(node)
    assigned = {target.id for target in getattr(parent, "targets", ()) if isinstance(target, ast.Name)}
    names = [(name, cost) for name, cost in ranked_names(node, here, ("parameter", "local")) if name not in assigned]
    for name, cost in names[:_MAX_ADDED]:
        if name not in ("self", "cls"):
            yield (Edit(at, at, f", {name}"),), cost


@expression("wrap_element", ast.expr, family="operator", prior=-4.2, inverse="unwrap_element")
def wrap_element(node: ast.expr, here: Context) -> Changes:
    """``x`` -> ``[x]``, ``(x,)``, ``{x}`` in returned, assigned, added and passed values."""
    if not isinstance(node, ast.Name | ast.Attribute | ast.Call | ast.Subscript | ast.Constant | ast.BinOp | ast.Tuple):
        return
    if not isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
        return
    parent = here.parents.get(node)
    match parent:
        case ast.Return() | ast.Yield():
            cost = 0.3
        case ast.BinOp(op=ast.Add()):
            cost = 0.5
        case ast.AugAssign(value=value) if value is node:
            cost = 0.3
        case ast.Call(func=func) if func is not node:
            cost = 0.7
        case ast.Assign(value=value) if value is node:
            cost = 1.5
        case ast.Dict() | ast.ListComp() | ast.GeneratorExp() | ast.DictComp() | ast.IfExp():
            cost = 1.7
        case ast.Compare(ops=[*_, ast.In() | ast.NotIn()], comparators=[*_, last]) if last is node:
            cost = 0.5
        case _:
            return
    if isinstance(node, ast.Constant) and cost < 1.5 and not isinstance(node.value, str):
        cost += 0.7
    text = here.code(node, Level.TEST)
    if not isinstance(node, ast.Tuple):
        yield (here.replace(node, f"[{text}]"),), cost
    elif isinstance(parent, ast.Call):
        return
    yield (here.replace(node, f"({text},)"),), cost + 0.7
    if isinstance(parent, ast.BinOp | ast.AugAssign | ast.Call | ast.Compare) and not isinstance(node, ast.Tuple):
        yield (here.replace(node, f"{{{text}}}"),), cost + 1.5


@expression("unwrap_element", ast.List, ast.Tuple, ast.Set, family="operator", prior=-2.1, inverse="wrap_element")
def unwrap_element(node: ast.List | ast.Tuple | ast.Set, here: Context) -> Changes:
    """``[x]`` -> ``x``, ``(x,)`` -> ``x``."""
    looped = isinstance(here.parents.get(node), ast.For | ast.comprehension)
    if len(node.elts) == 1 and not isinstance(node.elts[0], ast.Starred) and not looped:
        yield (here.replace_with(node, node.elts[0]),), 0.0


@expression("swap_brackets", ast.List, ast.Tuple, ast.Set, family="operator", prior=-3.5)
def swap_brackets(node: ast.List | ast.Tuple | ast.Set, here: Context) -> Changes:
    """``[a, b]`` -> ``(a, b)``, ``{a, b}``."""
    if not node.elts or not isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
        return
    if isinstance(here.parents.get(node), ast.Subscript | ast.For | ast.comprehension):
        return
    start, end = here.span(node)
    bare = isinstance(node, ast.Tuple) and here.level(node) is Level.TUPLE
    inner = here.text[start:end] if bare else here.text[start + 1 : end - 1]
    if bare and not isinstance(here.parents.get(node), ast.Return | ast.Assign | ast.Yield):
        return
    comma = ""
    if len(node.elts) == 1:
        inner, comma = inner.rstrip().removesuffix(","), ","
    forms = {ast.List: f"[{inner}]", ast.Tuple: f"({inner}{comma})", ast.Set: f"{{{inner}}}"}
    for index, (form, code) in enumerate(forms.items()):
        if not isinstance(node, form):
            yield (here.replace(node, code),), 0.4 * index


@expression("star_element", ast.List, ast.Tuple, ast.Set, family="operator", prior=-3.5)
def star_element(node: ast.List | ast.Tuple | ast.Set, here: Context) -> Changes:
    """``[x, y]`` <-> ``[*x, y]``."""
    if not isinstance(getattr(node, "ctx", ast.Load()), ast.Load) or len(node.elts) > 4:
        return
    for element in node.elts:
        if isinstance(element, ast.Starred):
            yield (Edit(here.span(element)[0], here.outer(element.value)[0], ""),), 0.0
        elif isinstance(element, ast.Name | ast.Call | ast.Attribute | ast.Subscript):
            if isinstance(node, ast.Tuple) and here.level(node) is Level.TUPLE:
                continue  # a bare tuple may stand where no star may
            if kind(element, here) in (None, "list", "tuple", "set", "iter"):
                start = here.outer(element)[0]
                yield (Edit(start, start, "*"),), 0.5


# -- comprehensions ---------------------------------------------------------------------------------------------------


@expression("swap_comprehension", *_COMPREHENSIONS, family="call", prior=-2.2)
def swap_comprehension(node: ast.ListComp | ast.SetComp | ast.GeneratorExp, here: Context) -> Changes:
    """``[x for ...]`` -> ``(x for ...)``, ``{x for ...}``."""
    start, end = here.span(node)
    bare = here.is_bare_generator(node)
    inner = here.text[start:end] if bare else here.text[start + 1 : end - 1]
    parent = here.parents.get(node)
    sole = isinstance(parent, ast.Call) and node in parent.args and len(parent.args) + len(parent.keywords) == 1
    generator = inner if sole and here.text[start - 1] + here.text[end] == "()" else f"({inner})"
    forms = {ast.ListComp: f"[{inner}]", ast.GeneratorExp: generator, ast.SetComp: f"{{{inner}}}"}
    for index, (form, code) in enumerate(forms.items()):
        if not isinstance(node, form):
            yield (Edit(start, end, code),), 0.3 * index


@expression("drop_filter", ast.comprehension, family="condition", prior=-2.5, inverse="add_filter")
def drop_filter(node: ast.comprehension, here: Context) -> Changes:
    """``[x for x in y if c]`` -> ``[x for x in y]``."""
    for index, test in enumerate(node.ifs):
        before = node.ifs[index - 1] if index else node.iter
        yield (here.put(here.outer(before)[1], here.outer(test)[1], ""),), 0.0


@expression("add_filter", ast.comprehension, family="condition", prior=-3.5, inverse="drop_filter")
def add_filter(node: ast.comprehension, here: Context) -> Changes:
    """``[x for x in y]`` -> ``[x for x in y if x]``, ``if x is not None``, ``if not x``."""
    if node.ifs:
        return
    at = here.outer(node.iter)[1]
    names = [part.id for part in ast.walk(node.target) if isinstance(part, ast.Name) and part.id != "_"]
    for index, name in enumerate(names[:2]):
        stripped = ((f"{name}.strip()", 0.5),) if kind_of_name(name, node, here) in ("str", None) else ()
        for test, cost in (
            (name, 0.0),
            (f"{name} is not None", 0.3),
            (f"not {name}", 1.5),
            (f"{name} > 0", 1.5),
            *stripped,
        ):
            yield (here.put(at, at, f" if {test}"),), cost + 0.5 * index


@expression("swap_generators", ast.expr, family="operator", prior=-3.0)
def swap_generators(node: ast.expr, here: Context) -> Changes:
    """``[... for a in x for b in a]`` -> the two ``for`` clauses exchanged."""
    generators = getattr(node, "generators", ())
    for one, two in pairwise(generators):
        ends = [here.outer(clause.ifs[-1] if clause.ifs else clause.iter)[1] for clause in (one, two)]
        starts = [here.outer(clause.target)[0] for clause in (one, two)]
        first, second = here.text[starts[0] : ends[0]], here.text[starts[1] : ends[1]]
        yield (Edit(starts[0], ends[0], second), Edit(starts[1], ends[1], first)), 0.0


@expression("swap_entry", ast.DictComp, family="operator", prior=-2.2)
def swap_entry(node: ast.DictComp, here: Context) -> Changes:
    """``{k: v for ...}`` -> ``{v: k for ...}``."""
    if isinstance(node.key, ast.expr) and isinstance(node.value, ast.expr):
        yield here.swap(node.key, node.value), 0.0


# -- conditional expressions ------------------------------------------------------------------------------------------


@expression("swap_ternary", ast.IfExp, family="condition", prior=-2.1)
def swap_ternary(node: ast.IfExp, here: Context) -> Changes:
    """``a if c else b`` -> ``b if c else a``."""
    yield here.swap(node.body, node.orelse), 0.0


@expression("drop_ternary", ast.IfExp, family="condition", prior=-2.8, inverse="add_ternary")
def drop_ternary(node: ast.IfExp, here: Context) -> Changes:
    """``a if c else b`` -> ``a`` or ``b``."""
    yield (here.replace_with(node, node.body),), 0.0
    yield (here.replace_with(node, node.orelse),), 0.3


@expression(
    "add_ternary",
    ast.Attribute,
    ast.Call,
    ast.Subscript,
    family="condition",
    prior=-4.3,
    inverse="drop_ternary",
)
def add_ternary(node: ast.expr, here: Context) -> Changes:
    """``x.a`` -> ``x.a if x else None`` in returned, assigned and keyword values."""
    parent = here.parents.get(node)
    if not isinstance(parent, ast.Return | ast.Assign | ast.keyword) or getattr(parent, "value", None) is not node:
        return
    text = here.code(node, Level.OR)
    base = node.func.value if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else None
    base = node.value if isinstance(node, ast.Attribute | ast.Subscript) else base
    tests = [here.code(base, Level.OR)] if isinstance(base, ast.Name | ast.Attribute) else []
    if isinstance(node, ast.Call):
        tests += [here.code(arg, Level.OR) for arg in node.args[:2] if isinstance(arg, ast.Name | ast.Attribute)]
    for index, test in enumerate(dict.fromkeys(test for test in tests if test not in ("self", "cls"))):
        for default, cost in (("None", 0.0), ("0", 0.6), ("''", 0.9), ("[]", 0.9)):
            yield (here.replace(node, f"{text} if {test} else {default}", Level.CONDITIONAL),), cost + 0.4 * index


@expression("add_fallback", ast.Name, ast.Attribute, ast.Call, family="condition", prior=-5.0, inverse="drop_clause")
def add_fallback(node: ast.expr, here: Context) -> Changes:
    """``x`` -> ``x or []`` in returned, assigned and looped values."""
    parent = here.parents.get(node)
    others: tuple[str, ...]
    if isinstance(parent, ast.Return | ast.Assign | ast.keyword) and getattr(parent, "value", None) is node:
        others = ("[]", "''", "0", "{}", "None")
    elif isinstance(parent, ast.For) and node is parent.iter:
        others = ("[]", "()")
    else:
        return
    if kind(node, here) is None:
        for index, other in enumerate(others):
            yield (here.replace(node, f"{here.code(node, Level.OR)} or {other}", Level.OR),), 0.3 * index


@expression("or_to_none_test", ast.BoolOp, family="condition", prior=-1.7, inverse="none_test_to_or")
def or_to_none_test(node: ast.BoolOp, here: Context) -> Changes:
    """``x or d`` -> ``x if x is not None else d``: 0 and '' are values too."""
    if isinstance(node.op, ast.Or) and len(node.values) == 2 and not here.is_condition(node):
        left, right = node.values
        if isinstance(left, ast.Name | ast.Attribute | ast.Subscript | ast.Call):
            text = here.code(left)
            code = f"{text} if {text} is not None else {here.code(right, Level.CONDITIONAL)}"
            yield (here.replace(node, code, Level.CONDITIONAL),), 0.0


@expression("none_test_to_or", ast.IfExp, family="condition", prior=-4.0, inverse="or_to_none_test")
def none_test_to_or(node: ast.IfExp, here: Context) -> Changes:
    """``x if x is not None else d`` -> ``x or d``."""
    match node.test:
        case ast.Compare(left=left, ops=[ast.IsNot()]) if here.code(left) == here.code(node.body):
            yield (here.replace(node, f"{here.code(left)} or {here.code(node.orelse, Level.AND)}", Level.OR),), 0.0
        case _:
            return


# -- lambdas and yields -----------------------------------------------------------------------------------------------


@expression("swap_parameters", ast.arguments, family="name", prior=-4.4)
def swap_parameters(node: ast.arguments, here: Context) -> Changes:
    """``def f(a, b)`` -> ``def f(b, a)`` and the same in lambdas; defaults stay where they are."""
    plain = [arg for arg in node.args if arg.arg not in ("self", "cls")]
    for left, right in list(pairwise(plain))[:3]:
        one, two = here.source.span(left), here.source.span(right)
        yield (Edit(*one, here.text[slice(*two)]), Edit(*two, here.text[slice(*one)])), 0.0


@expression("bind_lambda", ast.Lambda, family="call", prior=-1.5, inverse="unbind_lambda")
def bind_lambda(node: ast.Lambda, here: Context) -> Changes:
    """``lambda: i`` -> ``lambda i=i: i``: the loop variable as it is now, not as it will be."""
    taken = {arg.arg for arg in ast.walk(node.args) if isinstance(arg, ast.arg)}
    used = {part.id for part in ast.walk(node.body) if isinstance(part, ast.Name)} - taken
    if node.args.vararg or node.args.kwarg or node.args.kwonlyargs:
        return
    looped: dict[str, None] = {}
    for up in here.source.ancestors(node):
        targets = (
            [up.target]
            if isinstance(up, ast.For | ast.AsyncFor)
            else [generator.target for generator in getattr(up, "generators", ())]
        )
        for target in targets:
            looped.update((part.id, None) for part in ast.walk(target) if isinstance(part, ast.Name))
    start = here.span(node)[0] + len("lambda")
    colon = here.text.index(":", _end_of(node.args, here) or start)
    for name in (name for name in looped if name in used):
        rest = here.text[start:colon].strip()
        yield (Edit(start, colon, f" {rest}, {name}={name}" if rest else f" {name}={name}"),), 0.0


def _end_of(args: ast.arguments, here: Context) -> int | None:
    ends = [here.source.span(part)[1] for part in (*args.posonlyargs, *args.args, *args.kwonlyargs)]
    ends += [here.outer(value)[1] for value in (*args.defaults, *args.kw_defaults) if value is not None]
    return max(ends, default=None)


@expression("unbind_lambda", ast.Lambda, family="call", prior=-5.0, inverse="bind_lambda")
def unbind_lambda(node: ast.Lambda, here: Context) -> Changes:
    """``lambda i=i: i`` -> ``lambda: i``."""
    args = node.args.args
    if not node.args.defaults or not isinstance(node.args.defaults[-1], ast.Name) or node.args.kwonlyargs:
        return
    if args and node.args.defaults[-1].id == args[-1].arg and not node.args.vararg and not node.args.kwarg:
        end = here.outer(node.args.defaults[-1])[1]
        start = _before(args, node, here)
        yield (Edit(start, end, ""),), 0.0


def _before(args: list[ast.arg], node: ast.Lambda, here: Context) -> int:
    if len(args) == 1:
        return here.span(node)[0] + len("lambda")
    earlier = [here.source.span(args[-2])[1]]
    earlier += [here.outer(value)[1] for value in node.args.defaults[:-1]]
    return max(earlier)


@expression("yield_from", ast.Yield, family="call", prior=-1.5, inverse="yield_plain")
def yield_from(node: ast.Yield, here: Context) -> Changes:
    """``yield x`` -> ``yield from x``."""
    if node.value is None or isinstance(node.value, ast.Constant | ast.Tuple | ast.Compare | ast.JoinedStr):
        return
    if not isinstance(here.source.function_of(node), ast.AsyncFunctionDef):
        at = here.outer(node.value)[0]
        yield (here.put(at, at, "from "),), 0.0


@expression("yield_plain", ast.YieldFrom, family="call", prior=-2.2, inverse="yield_from")
def yield_plain(node: ast.YieldFrom, here: Context) -> Changes:
    """``yield from x`` -> ``yield x``."""
    start = here.span(node)[0]
    found = re.match(r"yield\s+from\s*", here.text[start : here.outer(node.value)[0]])
    if found:
        yield (Edit(start, start + found.end(), "yield "),), 0.0
