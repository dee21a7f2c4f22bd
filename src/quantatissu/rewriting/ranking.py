"""Which names and members may have been meant: candidates in scope, the likeliest first, each with its cost in nats.

The cost of a candidate grows with how differently it is used, where it comes from and how little it resembles the
name it replaces; a name that cannot be meant at all (unbound there, never callable where a call stands) is left out.
"""

from __future__ import annotations

import ast
import builtins
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache

from quantatissu.rewriting.context import Context
from quantatissu.rewriting.kinds import kind, kinds_of_names
from quantatissu.rewriting.project import members_of
from quantatissu.rewriting.source import BUILTIN_NAMES
from quantatissu.rewriting.vocabulary import FUNCTION_PARTNERS, MEMBER_PARTNERS, WORD_PARTNERS

_ORIGIN_COST = {"parameter": 0.0, "local": 0.0, "enclosing": 0.7, "global": 1.6, "definition": 1.6, "import": 2.2}
_COMPREHENSIONS = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
_CLOSE = 0.62
_FOREIGN = 2.0  # nats for a member of ``self`` that the class does not define


def ranked_names(
    node: ast.expr, here: Context, origins: Iterable[str] = tuple(_ORIGIN_COST), *, old: str = ""
) -> list[tuple[str, float]]:
    """Names in scope at `node` that may stand there instead of `old`, cheapest first, the first at cost 0."""
    allowed = frozenset(origins)
    # An expression is seldom joined with a part of itself.
    inside = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
    uses, last_bound = _uses(here), _bound_lines(here, node)
    kinds = kinds_of_names(node, here)
    wanted, held, line = _use_of(node, here), kind(node, here), node.lineno
    unresolved = bool(old) and old not in here.names(node) and old not in BUILTIN_NAMES
    elsewhere = _bound_elsewhere(node, here)
    found: list[tuple[str, float]] = []
    for name, origin in here.names(node).items():
        if name == old or name in inside or origin not in allowed or name.startswith("__"):
            continue
        if name in elsewhere:
            continue
        cost = _ORIGIN_COST[origin]
        seen = uses.get(name, _NOTHING)
        if "called" in wanted and "called" not in seen and "defined" not in seen:
            cost += 3.0
        elif "called" not in wanted and "defined" in seen:
            cost += 2.2
        if "." in wanted and "." not in seen:
            cost += 1.5
        cost -= 0.4 * min(2, len((wanted & seen) - {"called"}))
        other = kinds.get(name)
        if held and other:
            cost += -0.4 if held == other else 1.5
        if old:
            alike = similarity(old, name)
            cost += (-2.0 if unresolved else -0.8) * alike if alike >= _CLOSE else 0.5 if not unresolved else 2.0
            if are_partners(old, name):
                cost -= 1.2
        bound = last_bound.get(name)
        if bound is not None:
            cost += 0.8 if bound > line and origin == "local" else -0.3 if line - bound <= 4 else 0.0
        if name in ("self", "cls"):
            cost += 2.0
        found.append((name, cost))
    found.sort(key=lambda pair: (pair[1], pair[0]))
    lowest = found[0][1] if found else 0.0
    return [(name, round(cost - lowest, 3)) for name, cost in found]


_NOTHING: frozenset[str] = frozenset()


def builtin_partners(name: str, here: Context, node: ast.AST) -> list[tuple[str, float]]:
    """Functions of the role of `name` (``min`` for ``max``) that exist there, and close spellings of an unknown one."""
    visible = here.names(node)
    found = {
        other: 0.2 * index
        for index, other in enumerate(FUNCTION_PARTNERS.get(name, ()))
        if other in visible or hasattr(builtins, other)
    }
    if name not in visible and name not in BUILTIN_NAMES and not hasattr(builtins, name):
        for other in BUILTIN_NAMES:
            alike = similarity(name, other)
            if alike >= _CLOSE:
                found[other] = min(found.get(other, 9.0), 2.0 * (1.0 - alike))
    return sorted(found.items(), key=lambda pair: (pair[1], pair[0]))


def ranked_members(
    base: str | None, old: str, here: Context, *, store: bool = False, owner: ast.ClassDef | None = None
) -> list[tuple[str, float]]:
    """Attribute names that may have been meant on ``base`` instead of `old`, cheapest first.

    ``owner`` is the class around where ``base`` is ``self``: what it does not define is unlikely, unless inherited.
    """
    found: dict[str, float] = {}
    seen: Counter[str] = here.project.members.get(base, Counter()) if base else Counter()
    everywhere = here.project.attributes

    def offer(name: str, cost: float) -> None:
        if name != old and name.isidentifier():
            found[name] = min(cost, found.get(name, 99.0))

    if not store:
        for index, name in enumerate(MEMBER_PARTNERS.get(old, ())):
            offer(name, (0.2 if base is None or name in seen or name not in everywhere else 0.3) + 0.15 * index)
    for name in seen:
        alike = similarity(old, name)
        offer(name, 1.2 - 0.9 * alike - (0.9 if are_partners(old, name) else 0.0) - min(0.3, 0.1 * seen[name]))
    for name in close_spellings(old, here):
        alike = similarity(old, name)
        offer(name, 1.8 - alike - (0.6 if are_partners(old, name) else 0.0))
    own = _own_members(owner, here)
    for name in own if own else here.project.siblings.get(old, ()):
        alike = similarity(old, name)
        offer(name, 1.4 - 0.9 * alike - (0.9 if are_partners(old, name) else 0.0))
    if own and owner is not None and not owner.bases:
        found = {name: cost + (0.0 if name in own else _FOREIGN) for name, cost in found.items()}
    ranked = sorted(found.items(), key=lambda pair: (pair[1], pair[0]))
    return [(name, round(max(0.0, cost), 3)) for name, cost in ranked]


def _own_members(owner: ast.ClassDef | None, here: Context) -> frozenset[str]:
    """What a class defines, worked out once."""
    table: dict[ast.ClassDef | None, frozenset[str]] = here.memory.setdefault("own members", {None: frozenset()})
    if owner is not None and owner not in table:
        table[owner] = members_of(owner)
    return table[owner]


def close_spellings(word: str, here: Context) -> list[str]:
    """Attribute names of the project that look like `word` or pair with it."""
    table: dict[str, list[str]] = here.memory.setdefault("spellings", {})
    found = table.get(word)
    if found is None:
        found = table[word] = [
            name
            for name in here.project.attributes
            if name != word and (similarity(word, name) >= _CLOSE or are_partners(word, name))
        ]
    return found


@lru_cache(maxsize=65536)
def similarity(one: str, two: str) -> float:
    """How alike two names look, 0 to 1: one minus the edit distance (with transpositions) over the longer length."""
    longest = max(len(one), len(two))
    if longest == 0 or abs(len(one) - len(two)) > max(2, longest // 2):
        return 0.0
    a, b = one.lower().strip("_"), two.lower().strip("_")
    if a == b:
        return 0.95
    shared = set(a.split("_")) & set(b.split("_")) if "_" in a or "_" in b else set()
    most = sum(letter in b for letter in a) / max(len(a), len(b), 1)
    if most < _CLOSE and not shared:
        return 0.0  # too few letters in common to be close, whatever their order
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, left in enumerate(a, 1):
        older, before, row = before, row, [i]
        for j, right in enumerate(b, 1):
            best = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (left != right))
            if i > 1 and j > 1 and left == b[j - 2] and a[i - 2] == right:
                best = min(best, older[j - 2] + 1)
            row.append(best)
    alike = 1.0 - row[-1] / max(len(a), len(b), 1)
    return max(alike, 0.65) if any(len(word) > 1 for word in shared) else alike


@lru_cache(maxsize=65536)
def are_partners(one: str, two: str) -> bool:
    """Whether two names differ in one word that comes in pairs (``left_edge`` and ``right_edge``)."""
    first, second = one.strip("_").split("_"), two.strip("_").split("_")
    if len(first) != len(second):
        return False
    apart = [(a, b) for a, b in zip(first, second, strict=True) if a != b]
    return len(apart) == 1 and apart[0][1].lower() in WORD_PARTNERS.get(apart[0][0].lower(), ())


# -- how names are used in a file -------------------------------------------------------------------------------------


def _uses(here: Context) -> dict[str, set[str]]:
    """Name -> the ways the file uses it: ``called``, ``defined``, ``indexed``, ``looped``, ``added``, ``.member``."""
    table: dict[str, set[str]] | None = here.memory.get("uses")
    if table is None:
        table = here.memory["uses"] = {}
        for node in here.source.nodes:
            if isinstance(node, ast.Name):
                table.setdefault(node.id, set()).update(_use_of(node, here))
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                table.setdefault(node.name, set()).add("defined")
            elif isinstance(node, ast.alias):
                table.setdefault((node.asname or node.name).split(".")[0], set()).add("defined")
    return table


def _use_of(node: ast.expr, here: Context) -> frozenset[str]:
    match here.parents.get(node):
        case ast.Call(func=func) if func is node:
            return frozenset(("called",))
        case ast.Call(func=func):
            name = func.id if isinstance(func, ast.Name) else getattr(func, "attr", "?")
            return frozenset((f"({name})",))
        case ast.Attribute(attr=attr):
            return frozenset(("." + attr, "."))
        case ast.Subscript(slice=place):
            return frozenset(("index",)) if place is node else frozenset(("indexed",))
        case ast.For(iter=iterable) | ast.comprehension(iter=iterable) if iterable is node:
            return frozenset(("looped",))
        case ast.BinOp() | ast.AugAssign():
            return frozenset(("added",))
        case ast.Compare():
            return frozenset(("compared",))
        case ast.Return():
            return frozenset(("returned",))
        case _:
            return _NOTHING


def _bound_lines(here: Context, node: ast.AST) -> dict[str, int]:
    """Name -> the last line at or before which the function binds it (its first binding when all come later)."""
    scope = here.scope(node)
    table: dict[str, list[int]] | None = here.memory.get(("lines", scope))
    if table is None:
        table = here.memory["lines", scope] = {}
        for part in ast.walk(scope):
            if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
                table.setdefault(part.id, []).append(part.lineno)
            elif isinstance(part, ast.arg):
                table.setdefault(part.arg, []).append(part.lineno)
    line: int = node.lineno  # type: ignore[attr-defined]
    return {name: max((at for at in lines if at <= line), default=min(lines)) for name, lines in table.items()}


def _bound_elsewhere(node: ast.AST, here: Context) -> set[str]:
    """Names that only comprehensions bind, none of which holds `node`."""
    scope = here.scope(node)
    owners: dict[str, set[ast.AST | None]] | None = here.memory.get(("owners", scope))
    if owners is None:
        owners = here.memory["owners", scope] = {}
        for part in ast.walk(scope):
            if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
                owners.setdefault(part.id, set()).add(_comprehension_of(part, here))
            elif isinstance(part, ast.arg):
                owners.setdefault(part.arg, set()).add(None)
        here.memory["owners", scope] = owners = {name: held for name, held in owners.items() if None not in held}
    around = set(here.source.ancestors(node)) if owners else set()
    return {name for name, holders in owners.items() if not holders & around}


def _comprehension_of(target: ast.AST, here: Context) -> ast.AST | None:
    for up in here.source.ancestors(target):
        if isinstance(up, _COMPREHENSIONS):
            return up
        if isinstance(up, ast.NamedExpr | ast.stmt):
            return None
    return None
