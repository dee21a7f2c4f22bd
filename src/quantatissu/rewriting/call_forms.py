"""Operators that turn one form of a call into another: joined text, methods that work in place, lost results."""

from __future__ import annotations

import ast

from quantatissu.rewriting.calls import called_name
from quantatissu.rewriting.context import Changes, Context, expression
from quantatissu.rewriting.edits import Edit
from quantatissu.rewriting.facts import DICT, LIST, NUMBER, SET, TEXT, facts_of, scope_facts
from quantatissu.rewriting.kinds import kind
from quantatissu.rewriting.precedence import Level
from quantatissu.rewriting.project import dotted
from quantatissu.rewriting.ranking import ranked_names
from quantatissu.rewriting.source import FunctionNode
from quantatissu.rewriting.wrapping import called_name_of


@expression("join_as_text", ast.Call, family="call", prior=-1.4, inverse="join_as_is")
def join_as_text(node: ast.Call, here: Context) -> Changes:
    """``s.join(x)`` -> ``s.join(map(str, x))``."""
    match node:
        case ast.Call(func=ast.Attribute(attr="join"), args=[arg], keywords=[]) if not isinstance(arg, ast.Starred):
            if called_name_of(arg) == "map":
                return
            if isinstance(arg, ast.GeneratorExp | ast.ListComp):
                yield here.wrap(arg.elt, "str("), 0.0
            else:
                yield here.wrap(arg, "map(str, "), 0.0
        case _:
            return


@expression("join_as_is", ast.Call, family="call", prior=-4.0, inverse="join_as_text")
def join_as_is(node: ast.Call, here: Context) -> Changes:
    """``s.join(map(str, x))`` -> ``s.join(x)``."""
    match node:
        case ast.Call(
            func=ast.Attribute(attr="join"), args=[ast.Call(func=ast.Name(id="map"), args=[_, arg]) as inner]
        ):
            yield (here.replace_with(inner, arg),), 0.0
        case ast.Call(
            func=ast.Attribute(attr="join"),
            args=[
                ast.GeneratorExp(elt=ast.Call(func=ast.Name(id="str"), args=[value]) as inner)
                | ast.ListComp(elt=ast.Call(func=ast.Name(id="str"), args=[value]) as inner)
            ],
        ):
            yield (here.replace_with(inner, value),), 0.0
        case _:
            return


@expression("inplace_to_value", ast.Call, family="call", prior=-0.9, inverse="value_to_inplace")
def inplace_to_value(node: ast.Call, here: Context) -> Changes:
    """``y = x.sort()`` -> ``y = sorted(x)``, and the like for methods that give None."""
    if not isinstance(node.func, ast.Attribute) or not here.is_used(node):
        return
    value, attr = node.func.value, node.func.attr
    start, end = here.span(node)
    inside = here.text[here.text.index("(", here.span(node.func)[1]) + 1 : end - 1]
    receiver = here.code(value, Level.TEST)
    if attr == "sort":
        yield (here.put(start, end, f"sorted({receiver}{', ' + inside if inside.strip() else ''})"),), 0.0
    elif attr == "reverse" and not node.args:
        yield (here.put(start, end, f"list(reversed({receiver}))"),), 0.3
        yield (here.replace(node, f"{here.code(value, Level.PRIMARY)}[::-1]"),), 0.0
    elif attr == "append" and len(node.args) == 1:
        code = f"{here.code(value, Level.SUM)} + [{here.code(node.args[0], Level.TEST)}]"
        yield (here.replace(node, code, Level.SUM),), 0.0
    elif attr in ("extend", "update", "add") and len(node.args) == 1:
        other = here.code(node.args[0], Level.PRODUCT)
        codes = {
            "extend": f"{here.code(value, Level.SUM)} + {other}",
            "update": f"{{**{here.code(value, Level.BIT_OR)}, **{other}}}",
            "add": f"{here.code(value, Level.BIT_OR)} | {{{other}}}",
        }
        yield (here.replace(node, codes[attr], Level.BIT_OR),), 0.0


@expression("value_to_inplace", ast.Call, family="call", prior=-3.5, inverse="inplace_to_value")
def value_to_inplace(node: ast.Call, here: Context) -> Changes:
    """``sorted(x)`` -> ``x.sort()``."""
    match node:
        case ast.Call(func=ast.Name(id="sorted"), args=[arg]) if not isinstance(arg, ast.Starred):
            if here.is_bare_generator(arg):
                return
            start = here.span(node)[0]
            rest = here.source.span(node.keywords[0])[0] if node.keywords else here.outer(arg)[1]
            cost = 0.0 if isinstance(here.parents.get(node), ast.Expr) else 1.0
            yield (here.put(start, rest, f"{here.code(arg, Level.PRIMARY)}.sort("),), cost
        case _:
            return


_METHODS = """
    replace strip lstrip rstrip lower upper title capitalize casefold removeprefix removesuffix zfill ljust rjust center
    expandtabs translate union intersection difference symmetric_difference copy astimezone normalize quantize
"""
_FUNCTIONS = """
    sorted reversed list set tuple dict filter map abs round min max sum
"""
_PURE_METHODS, _PURE_FUNCTIONS = frozenset(_METHODS.split()), frozenset(_FUNCTIONS.split())


@expression("keep_result", ast.Call, family="statement", prior=-0.5, inverse="lose_result")
def keep_result(node: ast.Call, here: Context) -> Changes:
    """``x.replace(a, b)`` as a statement -> ``x = x.replace(a, b)``, ``sorted(x)`` -> ``x = sorted(x)``."""
    if here.is_used(node):
        return
    match node.func:
        case ast.Attribute(value=value, attr=attr) if attr in _PURE_METHODS and dotted(value):
            pass
        case ast.Name(id=name) if name in _PURE_FUNCTIONS and node.args and dotted(node.args[-1]):
            value = node.args[-1]
        case _:
            return
    start = here.span(node)[0]
    yield (Edit(start, start, f"{here.code(value)} = "),), 0.0


@expression("use_result", ast.Call, family="statement", prior=-1.8, inverse="lose_use")
def use_result(node: ast.Call, here: Context) -> Changes:
    """``walk(child)`` as a statement, where ``walk`` gives something back -> ``found.extend(walk(child))``,
    ``total += walk(child)``, ``return walk(child)``.
    """
    name = called_name(node)
    if here.is_used(node) or name is None or not _gives_back(name, here):
        return
    facts = scope_facts(here.source, node)
    if facts.function is None:
        return
    own = here.code(node)
    for place, (other, _) in enumerate(facts.near(node.lineno)[:6]):
        held, cost = facts.kind(other), 0.3 * place
        if held == LIST:
            yield (here.replace(node, f"{other}.extend({own})"),), cost
            yield (here.replace(node, f"{other}.append({own})"),), cost + 0.3
        elif held in (NUMBER, TEXT):
            yield (here.put(*here.span(node), f"{other} += {own}"),), cost
        elif held in (SET, DICT):
            yield (here.replace(node, f"{other}.update({own})"),), cost
    yield (here.put(*here.span(node), f"return {own}"),), 0.5


@expression("lose_use", ast.Call, family="statement", prior=-6.0, inverse="use_result")
def lose_use(node: ast.Call, here: Context) -> Changes:
    """``found.extend(walk(child))`` -> ``walk(child)``, ``return walk(child)``, and so on."""
    parent = here.parents.get(node)
    name = called_name(node)
    if name is None or not _gives_back(name, here):
        return
    match parent:
        case ast.Return() | ast.AugAssign():
            yield (here.put(*here.source.span(parent), here.code(node)),), 0.0
        case ast.Call(func=ast.Attribute(attr="extend" | "append" | "update"), args=[_]) if not here.is_used(parent):
            yield (here.replace_with(parent, node),), 0.0
        case _:
            return


def _gives_back(name: str, here: Context) -> bool:
    """Whether a function of this file has a result."""
    table: set[str] | None = here.memory.get("functions with results")
    if table is None:
        table = here.memory["functions with results"] = {
            function.name
            for function in here.source.nodes
            if isinstance(function, FunctionNode) and facts_of(here.source, function).returns
        }
    return name in table


@expression("lose_result", ast.Call, family="statement", prior=-6.0, inverse="keep_result")
def lose_result(node: ast.Call, here: Context) -> Changes:
    """``x = x.replace(a, b)`` -> ``x.replace(a, b)``."""
    parent = here.parents.get(node)
    if isinstance(parent, ast.Assign) and len(parent.targets) == 1:
        target = here.code(parent.targets[0])
        if isinstance(node.func, ast.Attribute) and here.code(node.func.value) == target:
            yield (Edit(here.span(parent)[0], here.outer(node)[0], ""),), 0.0
        elif node.args and here.code(node.args[-1]) == target:
            yield (Edit(here.span(parent)[0], here.outer(node)[0], ""),), 0.5


@expression("group_arguments", ast.Call, family="call", prior=-2.4, inverse="spread_arguments")
def group_arguments(node: ast.Call, here: Context) -> Changes:
    """``x.append(a, b)`` -> ``x.append((a, b))``, for what takes one argument."""
    name = called_name_of(node)
    if name in ("append", "add", "appendleft", "remove", "discard", "put", "push", "len", "tuple", "list", "set") and (
        len(node.args) > 1 and not node.keywords
    ):
        start, end = here.outer(node.args[0])[0], here.outer(node.args[-1])[1]
        yield (Edit(start, start, "("), Edit(end, end, ")")), 0.0


@expression("spread_arguments", ast.Call, family="call", prior=-4.5, inverse="group_arguments")
def spread_arguments(node: ast.Call, here: Context) -> Changes:
    """``f((a, b))`` -> ``f(a, b)``."""
    match node:
        case ast.Call(args=[ast.Tuple(elts=[_, _, *_]) as pair], keywords=[]):
            inner = ", ".join(here.code(part, Level.TEST) for part in pair.elts)
            yield (Edit(*here.span(pair), inner),), 0.0
        case _:
            return


@expression("unique_in_order", ast.Call, ast.Name, ast.ListComp, family="call", prior=-3.6, inverse="keep_duplicates")
def unique_in_order(node: ast.expr, here: Context) -> Changes:
    """``list(set(x))``, ``set(x)``, ``x`` -> ``list(dict.fromkeys(x))`` where it is returned, stored or looped over."""
    parent = here.parents.get(node)
    if not isinstance(parent, ast.Return | ast.Assign | ast.For) or getattr(parent, "value", node) is not node:
        return
    if isinstance(getattr(node, "ctx", None), ast.Store) or kind(node, here) not in (
        None,
        "list",
        "set",
        "iter",
        "tuple",
    ):
        return
    match node:
        case ast.Call(func=ast.Name(id="list" | "sorted"), args=[ast.Call(func=ast.Name(id="set"), args=[inner])]):
            cost = 0.0
        case ast.Call(func=ast.Name(id="set" | "list"), args=[inner]):
            cost = 0.4
        case ast.Name() | ast.ListComp():
            inner, cost = node, 1.2
        case _:
            return
    yield (here.replace(node, f"list(dict.fromkeys({here.code(inner, Level.TEST)}))"),), cost


@expression("keep_duplicates", ast.Call, family="call", prior=-4.5, inverse="unique_in_order")
def keep_duplicates(node: ast.Call, here: Context) -> Changes:
    """``list(dict.fromkeys(x))`` -> ``x``, ``set(x)``, ``list(set(x))``."""
    match node:
        case ast.Call(func=ast.Name(id="list"), args=[ast.Call(func=ast.Attribute(attr="fromkeys"), args=[inner])]):
            text = here.code(inner, Level.TEST)
            for place, code in enumerate(
                (f"set({text})", f"list(set({text}))", f"sorted(set({text}))", f"list({text})")
            ):
                yield (here.replace(node, code),), 0.2 + 0.2 * place
            yield (here.replace_with(node, inner),), 0.0
        case _:
            return


@expression("strip_parts", ast.Call, family="call", prior=-3.0, inverse="keep_parts")
def strip_parts(node: ast.Call, here: Context) -> Changes:
    """``text.split(',')`` -> ``[part.strip() for part in text.split(',')]``, also without what is empty."""
    match node:
        case ast.Call(func=ast.Attribute(attr="split" | "splitlines" | "rsplit")):
            name = "part" if "part" not in here.names(node) else "piece"
            code = here.code(node)
            yield (here.replace(node, f"[{name}.strip() for {name} in {code}]"),), 0.0
            yield (here.replace(node, f"[{name} for {name} in {code} if {name}]"),), 0.4
            yield (here.replace(node, f"[{name}.strip() for {name} in {code} if {name}.strip()]"),), 0.6
        case _:
            return


@expression("keep_parts", ast.ListComp, family="call", prior=-4.5, inverse="strip_parts")
def keep_parts(node: ast.ListComp, here: Context) -> Changes:
    """``[part.strip() for part in text.split(',')]`` -> ``text.split(',')``."""
    match node.generators:
        case [ast.comprehension(target=ast.Name(), iter=ast.Call(func=ast.Attribute(attr=attr)) as of)] if (
            "split" in attr
        ):
            yield (here.replace_with(node, of),), 0.0
        case _:
            return


# -- order ----------------------------------------------------------------------------------------------------------


@expression("reverse_to_sort", ast.Call, family="call", prior=-2.6, inverse="sort_to_reverse")
def reverse_to_sort(node: ast.Call, here: Context) -> Changes:
    """``x.reverse()`` -> ``x.sort(reverse=True)``, ``reversed(x)`` -> ``sorted(x, reverse=True)``."""
    match node:
        case ast.Call(func=ast.Attribute(value=value, attr="reverse"), args=[], keywords=[]):
            yield (here.replace(node, f"{here.code(value, Level.ATOM)}.sort(reverse=True)"),), 0.0
        case ast.Call(func=ast.Name(id="reversed"), args=[value], keywords=[]):
            yield (here.replace(node, f"sorted({here.code(value, Level.TEST)}, reverse=True)"),), 0.3
        case _:
            return


@expression("sort_to_reverse", ast.Call, family="call", prior=-4.0, inverse="reverse_to_sort")
def sort_to_reverse(node: ast.Call, here: Context) -> Changes:
    """``x.sort(reverse=True)`` -> ``x.reverse()``, ``sorted(x, reverse=True)`` -> ``reversed(x)``."""
    if [keyword.arg for keyword in node.keywords] != ["reverse"]:
        return
    match node:
        case ast.Call(func=ast.Attribute(value=value, attr="sort"), args=[]):
            yield (here.replace(node, f"{here.code(value, Level.ATOM)}.reverse()"),), 0.0
        case ast.Call(func=ast.Name(id="sorted"), args=[value]):
            yield (here.replace(node, f"reversed({here.code(value, Level.TEST)})"),), 0.0
        case _:
            return


@expression("append_to_insert", ast.Call, family="call", prior=-3.6, inverse="insert_to_append")
def append_to_insert(node: ast.Call, here: Context) -> Changes:
    """``x.append(y)`` -> ``x.insert(0, y)``: at the other end."""
    match node:
        case ast.Call(func=ast.Attribute(value=value, attr="append"), args=[what], keywords=[]):
            yield (here.replace(node, f"{here.code(value, Level.ATOM)}.insert(0, {here.code(what, Level.TEST)})"),), 0.0
        case _:
            return


@expression("insert_to_append", ast.Call, family="call", prior=-3.0, inverse="append_to_insert")
def insert_to_append(node: ast.Call, here: Context) -> Changes:
    """``x.insert(0, y)`` -> ``x.append(y)``."""
    match node:
        case ast.Call(func=ast.Attribute(value=value, attr="insert"), args=[ast.Constant(value=0), what], keywords=[]):
            yield (here.replace(node, f"{here.code(value, Level.ATOM)}.append({here.code(what, Level.TEST)})"),), 0.0
        case _:
            return


@expression("pop_to_remove", ast.Call, family="call", prior=-3.2, inverse="remove_to_pop")
def pop_to_remove(node: ast.Call, here: Context) -> Changes:
    """``x.pop()`` as a statement -> ``x.remove(y)``, ``x.discard(y)`` with a name in scope."""
    if here.is_used(node):
        return
    match node:
        case ast.Call(func=ast.Attribute(value=value, attr="pop" | "popleft" | "popitem"), keywords=[]):
            for name, cost in ranked_names(node, here, ("parameter", "local"))[:3]:
                for method, more in (("remove", 0.0), ("discard", 0.8)):
                    yield (here.replace(node, f"{here.code(value, Level.ATOM)}.{method}({name})"),), cost + more
        case _:
            return


@expression("remove_to_pop", ast.Call, family="call", prior=-4.6, inverse="pop_to_remove")
def remove_to_pop(node: ast.Call, here: Context) -> Changes:
    """``x.remove(y)`` -> ``x.pop()``."""
    match node:
        case ast.Call(func=ast.Attribute(value=value, attr="remove" | "discard"), args=[_]) if not here.is_used(node):
            yield (here.replace(node, f"{here.code(value, Level.ATOM)}.pop()"),), 0.0
        case _:
            return
