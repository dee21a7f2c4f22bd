"""Operators on conditions: comparisons, and/or/not, clauses, and the tests that ask for truth or for None."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import islice

from quantatissu.rewriting.context import Changes, Context, expression
from quantatissu.rewriting.edits import Edit
from quantatissu.rewriting.kinds import kind
from quantatissu.rewriting.precedence import Level
from quantatissu.rewriting.source import FunctionNode
from quantatissu.rewriting.vocabulary import swap_costs

SYMBOLS: dict[type[ast.cmpop], str] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Is: "is",
    ast.IsNot: "is not",
    ast.In: "in",
    ast.NotIn: "not in",
}
_COMPARISON = re.compile(r"<=|>=|==|!=|<>|<|>|not[\s\\]+in\b|is[\s\\]+not\b|is\b|in\b")
_CONNECTIVE = re.compile(r"and\b|or\b")

# Cost (nats) of undoing one slip between two operators; a pair costs the same both ways, other pairs cost _FAR.
_SLIPS = {
    ("<", "<="): 0.0,
    (">", ">="): 0.0,
    ("==", "!="): 0.2,
    ("is", "is not"): 0.2,
    ("in", "not in"): 0.2,
    ("<", ">"): 0.7,
    ("<=", ">="): 0.9,
    ("<", ">="): 0.7,
    (">", "<="): 0.7,
    ("==", "is"): 1.2,
    ("!=", "is not"): 1.2,
    ("==", "in"): 1.6,
    ("!=", "not in"): 1.6,
    ("==", "<="): 1.4,
    ("==", ">="): 1.4,
    ("==", "<"): 1.8,
    ("==", ">"): 1.8,
    ("!=", "<"): 1.6,
    ("!=", ">"): 1.6,
    ("!=", "<="): 2.4,
    ("!=", ">="): 2.4,
    ("is", "in"): 2.4,
    ("is not", "not in"): 2.4,
}
_RARE = 3.0  # any other comparison
_SWAPS = swap_costs(_SLIPS, SYMBOLS.values(), _RARE)

_MAX_CLAUSES = 12
# How a new clause joins a condition: word, level of the result, whether the clause comes first, cost (nats).
_JOINS = (("and", Level.AND, True, 0.0), ("and", Level.AND, False, 0.3), ("or", Level.OR, False, 0.5))


def _operands(node: ast.Compare) -> list[ast.expr]:
    return [node.left, *node.comparators]


@expression("swap_comparison", ast.Compare, family="condition", prior=-1.0)
def swap_comparison(node: ast.Compare, here: Context) -> Changes:
    """``a < b`` -> ``a <= b`` and every other likely pair, one operator of a chain at a time."""
    sides = _operands(node)
    for index, op in enumerate(node.ops):
        span = here.token(sides[index], sides[index + 1], _COMPARISON)
        if span is None:
            continue
        right = sides[index + 1]
        contained = kind(right, here) in ("int", "float", "none", "bool")
        against_none = isinstance(right, ast.Constant) and right.value is None
        for symbol, cost in _SWAPS[SYMBOLS[type(op)]]:
            if symbol in ("in", "not in") and contained:
                continue
            if against_none and symbol[0] in "<>":
                continue
            yield (here.put_token(span, symbol),), cost


@expression("flip_comparison", ast.Compare, family="condition", prior=-4.0)
def flip_comparison(node: ast.Compare, here: Context) -> Changes:
    """``a < b`` -> ``b < a``; symmetric comparisons stay."""
    if len(node.ops) == 1 and not isinstance(node.ops[0], ast.Eq | ast.NotEq | ast.Is | ast.IsNot):
        yield here.swap(node.left, node.comparators[0]), 0.0 if isinstance(node.ops[0], ast.In | ast.NotIn) else 0.7


@expression("drop_chain", ast.Compare, family="condition", prior=-3.0, inverse="add_chain")
def drop_chain(node: ast.Compare, here: Context) -> Changes:
    """``a < b < c`` -> ``a < b`` or ``b < c``."""
    if len(node.ops) > 1:
        sides = _operands(node)
        yield (Edit(here.outer(sides[-2])[1], here.outer(sides[-1])[1], ""),), 0.0
        yield (here.put(here.outer(sides[0])[0], here.outer(sides[1])[0], ""),), 0.0


@expression("add_chain", ast.Compare, family="condition", prior=-5.0, inverse="drop_chain")
def add_chain(node: ast.Compare, here: Context) -> Changes:
    """``a < b`` -> ``0 <= a < b``: the lower bound that is forgotten most."""
    if len(node.ops) != 1 or not isinstance(node.ops[0], ast.Lt | ast.LtE | ast.Gt | ast.GtE):
        return
    left, right = here.outer(node.left)[0], here.outer(node.comparators[0])[1]
    rising = isinstance(node.ops[0], ast.Lt | ast.LtE)
    for bound, cost in (("0", 0.0), ("1", 1.0), ("-1", 2.0)):
        for symbol, extra in (("<=", 0.0), ("<", 0.7)):
            if rising:
                yield (here.put(left, left, f"{bound} {symbol} "),), cost + extra
            else:
                yield (here.put(right, right, f" {'>' + symbol[1:]} {bound}"),), cost + extra


@expression("spread_comparison", ast.BoolOp, family="condition", prior=-1.5, inverse="merge_comparison")
def spread_comparison(node: ast.BoolOp, here: Context) -> Changes:
    """``x == 1 or 2`` -> ``x == 1 or x == 2`` and ``x in (1, 2)``."""
    first = node.values[0]
    if not (isinstance(first, ast.Compare) and len(first.ops) == 1 and isinstance(first.ops[0], ast.Eq | ast.NotEq)):
        return
    rest = node.values[1:]
    if any(isinstance(value, ast.Compare | ast.BoolOp | ast.UnaryOp | ast.Call) for value in rest):
        return
    head = here.text[here.outer(first)[0] : here.outer(first.comparators[0])[0]]
    yield tuple(here.put(*here.outer(value), head + here.code(value, Level.BIT_OR)) for value in rest), 0.0
    values = ", ".join(here.code(value, Level.TEST) for value in (first.comparators[0], *rest))
    word = "in" if isinstance(first.ops[0], ast.Eq) else "not in"
    code = f"{here.code(first.left, Level.BIT_OR)} {word} ({values})"
    yield (here.replace(node, code, Level.COMPARE),), 0.5


@expression("merge_comparison", ast.BoolOp, family="condition", prior=-6.0, inverse="spread_comparison")
def merge_comparison(node: ast.BoolOp, here: Context) -> Changes:
    """``x == 1 or x == 2`` -> ``x == 1 or 2``."""
    heads, values = [], []
    for value in node.values:
        if not (isinstance(value, ast.Compare) and len(value.ops) == 1 and not here.is_grouped(value)):
            return
        heads.append(here.text[here.outer(value)[0] : here.outer(value.comparators[0])[0]])
        values.append(value)
    if len(set(heads)) == 1 and isinstance(values[0].ops[0], ast.Eq | ast.NotEq):
        yield tuple(Edit(here.span(v)[0], here.outer(v.comparators[0])[0], "") for v in values[1:]), 0.0


@expression("comparison_to_truth", ast.Compare, family="condition", prior=-4.5, inverse="truth_to_comparison")
def comparison_to_truth(node: ast.Compare, here: Context) -> Changes:
    """``x is not None`` -> ``x``, ``x is None`` -> ``not x``, ``x > 0`` -> ``x``."""
    if len(node.ops) != 1:
        return
    op, right = node.ops[0], node.comparators[0]
    empty = isinstance(right, ast.Constant) and right.value in (None, 0, "", b"", False)
    cost = 0.0 if isinstance(right, ast.Constant) and right.value is None else 0.7 if empty else 2.0
    left = here.code(node.left)
    if isinstance(op, ast.Eq | ast.Is) and empty:
        yield (here.replace(node, f"not {here.code(node.left, Level.NOT)}", Level.NOT),), cost
    else:
        yield (here.replace(node, left, here.level(node.left)),), cost


@expression(
    "truth_to_comparison",
    ast.Name,
    ast.Attribute,
    ast.Subscript,
    ast.Call,
    ast.BinOp,
    ast.UnaryOp,
    family="condition",
    prior=-1.8,
    inverse="comparison_to_truth",
)
def truth_to_comparison(node: ast.expr, here: Context) -> Changes:
    """``x`` -> ``x is not None``, ``not x`` -> ``x is None``, ``x`` -> ``x > 0``, where truth is asked for."""
    parent = here.parents.get(node)
    if not here.is_condition(node) or (isinstance(parent, ast.UnaryOp) and isinstance(parent.op, ast.Not)):
        return
    if isinstance(node, ast.UnaryOp):
        if not isinstance(node.op, ast.Not) or isinstance(node.operand, ast.Compare | ast.BoolOp):
            return
        inner = here.code(node.operand, Level.BIT_OR)
        for tail, cost in (("is None", 0.0), ("== 0", 1.5)):
            yield (here.replace(node, f"{inner} {tail}", Level.COMPARE),), cost
        return
    inner = here.code(node, Level.BIT_OR)
    held = kind(node, here)
    if held == "bool":
        return
    tails = [("is not None", 0.0), ("> 0", 1.2), (">= 0", 2.0), ("== 0", 2.2), ("!= 0", 2.5), ("> 1", 1.8)]
    if held is None:
        tails.append(("is None", 2.0))
    for tail, cost in tails:
        if (held in ("int", "float") and "None" in tail) or (held not in (None, "int", "float") and "0" in tail):
            continue
        yield (here.replace(node, f"{inner} {tail}", Level.COMPARE),), cost


@expression("swap_connective", ast.BoolOp, family="condition", prior=-0.4)
def swap_connective(node: ast.BoolOp, here: Context) -> Changes:
    """``a and b`` -> ``a or b``; of several connectives one at a time, then all."""
    word = "or" if isinstance(node.op, ast.And) else "and"
    edits = []
    for left, right in zip(node.values, node.values[1:], strict=False):
        span = here.token(left, right, _CONNECTIVE)
        if span is not None:
            edits.append(here.put_token(span, word))
    empty = _says_nothing(node)
    for edit in edits:
        yield (edit,), (0.0 if empty else 0.4) + (0.0 if len(edits) == 1 else 0.5)
    if len(edits) > 1:
        yield tuple(edits), 1.0
        yield (edits[0], *_grouped(node.values[1:], here)), 1.2
        yield (*_grouped(node.values[:-1], here), edits[-1]), 1.2


def _grouped(values: list[ast.expr], here: Context) -> tuple[Edit, Edit]:
    """The edits that put clauses into parentheses of their own."""
    start, end = here.outer(values[0])[0], here.outer(values[-1])[1]
    return Edit(start, start, "("), Edit(end, end, ")")


def _says_nothing(node: ast.BoolOp) -> bool:
    """Whether a condition always holds or never does: ``x != a or x != b``, ``x == a and x == b``."""
    wanted = ast.NotEq if isinstance(node.op, ast.Or) else ast.Eq
    sides = [
        ast.dump(value.left)
        for value in node.values
        if isinstance(value, ast.Compare) and len(value.ops) == 1 and isinstance(value.ops[0], wanted)
    ]
    return len(sides) > len(set(sides))


@expression("add_not", ast.expr, family="condition", prior=-2.4, inverse="drop_not")
def add_not(node: ast.expr, here: Context) -> Changes:
    """``x`` -> ``not x`` in conditions, operands, returned and passed values."""
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        return  # the opposite operator says the same
    cost = _truth_cost(node, here)
    if cost is None:
        return
    yield (here.replace(node, f"not {here.code(node, Level.NOT)}", Level.NOT),), cost


def _truth_cost(node: ast.expr, here: Context) -> float | None:
    """How unlikely a missing ``not`` is at this place, None where it makes no sense."""
    if isinstance(node, ast.Constant | ast.Starred | ast.Slice | ast.JoinedStr | ast.Lambda | ast.List | ast.Dict):
        return None
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return None
    if here.is_condition(node):
        return 0.0 if not isinstance(node, ast.BoolOp) else 0.5
    held, parent = kind(node, here), here.parents.get(node)
    if isinstance(parent, ast.BoolOp):
        return 0.7 if held in (None, "bool") else None
    likely = 0.7 if held == "bool" else 2.2
    if held not in (None, "bool") or isinstance(node, ast.BinOp | ast.Tuple | ast.Subscript):
        return None
    if isinstance(parent, ast.Return):
        return likely
    if isinstance(parent, ast.Assign | ast.keyword) and getattr(parent, "value", None) is node:
        return likely + 0.5
    if isinstance(parent, ast.Lambda | ast.GeneratorExp) and node is not getattr(parent, "generators", None):
        return likely
    return None


@expression("drop_not", ast.UnaryOp, family="condition", prior=-0.8, inverse="add_not")
def drop_not(node: ast.UnaryOp, here: Context) -> Changes:
    """``not x`` -> ``x``."""
    if isinstance(node.op, ast.Not):
        yield (here.replace_with(node, node.operand),), 0.0


@expression("drop_clause", ast.BoolOp, family="condition", prior=-1.0, inverse="add_clause")
def drop_clause(node: ast.BoolOp, here: Context) -> Changes:
    """``a and b`` -> ``a`` or ``b``; of three clauses any one goes."""
    if len(node.values) == 2:
        for kept in reversed(node.values):
            yield (here.replace_with(node, kept),), 0.0
        return
    for index, value in enumerate(node.values):
        if index:
            yield (here.put(here.outer(node.values[index - 1])[1], here.outer(value)[1], ""),), 0.5
        else:
            yield (here.put(here.outer(value)[0], here.outer(node.values[1])[0], ""),), 0.5


@expression("add_clause", ast.expr, family="condition", prior=-4.3, inverse="drop_clause")
def add_clause(node: ast.expr, here: Context) -> Changes:
    """``c`` -> ``x and c``, ``c or not x``, and with clauses of other conditions of the function."""
    parent = here.parents.get(node)
    # The whole condition takes the clause; its parts would only repeat that.
    tested = here.is_condition(node) and not isinstance(parent, ast.BoolOp | ast.UnaryOp)
    returned = isinstance(parent, ast.Return) and isinstance(node, ast.Compare | ast.BoolOp | ast.UnaryOp)
    if not (tested or returned) or isinstance(node, ast.Constant):
        return
    own = here.code(node)
    for clause, cost, binds in islice(_clauses(node, here), _MAX_CLAUSES):
        for word, joined, leads, extra in _JOINS:
            wanted = Level(joined + 1)
            ours = own if here.level(node) >= joined else f"({own})"
            theirs = clause if binds >= wanted else f"({clause})"
            code = f"{theirs} {word} {ours}" if leads else f"{ours} {word} {theirs}"
            yield (here.replace(node, code, joined),), cost + extra


def _clauses(node: ast.expr, here: Context) -> Iterator[tuple[str, float, Level]]:
    """Clauses that may be missing beside a condition, with cost and level: its own parts first, then its neighbours."""
    seen = {here.code(part) for part in ast.walk(node) if isinstance(part, ast.expr)}
    for text, level in _neighbour_clauses(node, here):
        if text not in seen:
            seen.add(text)
            yield text, 0.7, level
    parts = [
        here.code(part)
        for part in ast.walk(node)
        if isinstance(part, ast.Name | ast.Attribute)
        and isinstance(part.ctx, ast.Load)
        and not isinstance(here.parents.get(part), ast.Call)
        and kind(part, here) in (None, "str", "list", "dict", "tuple")
    ]
    tails = ((" is not None", 0.0, Level.COMPARE), ("", 0.3, Level.ATOM), (" is None", 1.5, Level.COMPARE))
    for part in dict.fromkeys(parts):
        for tail, cost, level in tails:
            if tail or part != here.code(node):
                yield part + tail, cost, level
        yield f"not {part}", 1.0, Level.NOT
    for name, origin in here.names(node).items():
        if origin in ("parameter", "local") and name not in seen and name not in ("self", "cls", "_"):
            yield name, 1.5, Level.ATOM
            yield f"not {name}", 1.8, Level.NOT


def _neighbour_clauses(node: ast.expr, here: Context) -> list[tuple[str, Level]]:
    """Clauses of the other conditions in the same function whose text is short."""
    scope = here.source.function_of(node) or here.source.tree
    found: list[tuple[str, Level]] | None = here.memory.get(("clauses", scope))
    if found is None:
        found = []
        for part in ast.walk(scope) if isinstance(scope, FunctionNode) else ():
            if isinstance(part, ast.Compare | ast.Call | ast.UnaryOp) and here.is_condition(part):
                text = here.code(part)
                if len(text) <= 40 and text.isprintable() and (text, here.level(part)) not in found:
                    found.append((text, here.level(part)))
        here.memory["clauses", scope] = found
    return found[:4]


@expression("type_to_isinstance", ast.Compare, family="condition", prior=-4.5, inverse="isinstance_to_type")
def type_to_isinstance(node: ast.Compare, here: Context) -> Changes:
    """``x == a`` -> ``x in (a,)``'s kin: ``type(x) == T`` -> ``isinstance(x, T)``."""
    match node:
        case ast.Compare(
            left=ast.Call(func=ast.Name(id="type"), args=[value]),
            ops=[ast.Eq() | ast.Is() | ast.In()],
            comparators=[of],
        ):
            yield (here.replace(node, f"isinstance({here.code(value)}, {here.code(of, Level.TEST)})"),), 0.0
        case _:
            return


@expression("isinstance_to_type", ast.Call, family="condition", prior=-5.5, inverse="type_to_isinstance")
def isinstance_to_type(node: ast.Call, here: Context) -> Changes:
    """``isinstance(x, T)`` -> ``type(x) is T``."""
    match node:
        case ast.Call(func=ast.Name(id="isinstance"), args=[value, of]) if not isinstance(of, ast.Tuple):
            for word, cost in (("is", 0.0), ("==", 0.3)):
                code = f"type({here.code(value)}) {word} {here.code(of, Level.BIT_OR)}"
                yield (here.replace(node, code, Level.COMPARE),), cost
        case _:
            return
