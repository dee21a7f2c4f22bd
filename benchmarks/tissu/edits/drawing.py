"""Which fault is put where: rows of the operator table run backwards, weighted as real bugs distribute.

The shares are those of the repairs that SelfAPR's perturbation classes led to (Ye et al., "SelfAPR: Self-supervised
Program Repair with Test Execution Diagnostics", 2022). Within a share a row is as likely as the repair that undoes it.
"""

from __future__ import annotations

import ast
import math
import random
import warnings
from collections.abc import Iterator, Sequence
from functools import lru_cache

from quantatissu.corpus.synthetic.functions import Function, inside
from quantatissu.corpus.synthetic.mutants import backward_priors
from quantatissu.rewriting import OPERATORS, Edit, Project, Rewrite, Source, rewrites

SHARES = {
    "condition": 17,
    "literal": 16,
    "variable": 14,
    "operator": 12,
    "donor": 11,
    "compound": 10,
    "invocation": 7,
    "type": 5,
    "insert statement": 5,
    "insert block": 5,
    "remove block": 5,
    "moved": 2,
    "similar line": 5,
}
"""Kind of repair -> its share; the last two are corruptions that no row makes."""

_FAMILIES = {
    "condition": ("condition", "guard"),
    "literal": ("literal", "string"),
    "variable": ("name",),
    "operator": ("operator", "subscript"),
    "donor": ("donor",),
    "invocation": ("call",),
    "type": ("syntax", "import", "statement"),
}
_DELETIONS = frozenset(
    ("delete_statement", "copy_statement", "unwrap_block", "move_statement", "make_async", "make_sync")
)
_TYPES = frozenset(
    (
        "type_to_isinstance",
        "isinstance_to_type",
        "exception_class",
        "widen_handler",
        "narrow_handler",
        "raise_or_return",
        "replace_base",
        "wrap_call",
        "unwrap_call",
        "swap_brackets",
        "mutable_default",
        "literal_default",
    )
)
_STATEMENTS_TRIED = 6
_HEADS = 0.1  # share of draws that may change the line of the definition itself: few real faults are there


@lru_cache(maxsize=1)
def rows() -> dict[str, frozenset[str]]:
    """Kind of repair -> names of the rows that make its faults."""
    possible = [OPERATORS[name] for name in backward_priors() if name not in _DELETIONS]
    table = {
        kind: frozenset(row.name for row in possible if row.family in families and row.name not in _TYPES)
        for kind, families in _FAMILIES.items()
    }
    table["type"] |= _TYPES & {row.name for row in possible}
    known = {family for families in _FAMILIES.values() for family in families}
    table["compound"] = frozenset().union(*table.values())
    table["invocation"] |= {row.name for row in possible if row.family not in known}
    return table


def kinds_in_turn(chance: random.Random) -> Iterator[str]:
    """Every kind once, the likelier ones earlier."""
    left = dict(SHARES)
    while left:
        kind = chance.choices(list(left), list(left.values()))[0]
        del left[kind]
        yield kind


def drawn(
    source: Source, project: Project, function: Function, names: frozenset[str], chance: random.Random
) -> Rewrite | None:
    """One rewrite by the rows `names` of a randomly chosen statement of a function; None when few tries find none."""
    statements = function.statements()
    if chance.random() >= _HEADS:
        statements.remove(function.node)
    chance.shuffle(statements)
    for statement in statements[:_STATEMENTS_TRIED]:
        found = [one for one in rewrites(source, statement, project, only=names) if inside(source, function, one.edits)]
        if found:
            return chance.choices(found, _weights(found))[0]
    return None


def two_drawn(source: Source, project: Project, function: Function, chance: random.Random) -> tuple[Edit, ...] | None:
    """The edits of two rewrites close to each other: in one statement or in neighbouring ones."""
    first = drawn(source, project, function, rows()["compound"], chance)
    if first is None:
        return None
    near = [one for one in function.statements() if one is not function.node and abs(one.lineno - first.line) <= 2]
    chance.shuffle(near)
    for statement in near:
        others = [
            other
            for other in rewrites(source, statement, project, only=rows()["compound"])
            if inside(source, function, other.edits) and _apart(first.edits, other.edits)
        ]
        if others:
            return first.edits + chance.choices(others, _weights(others))[0].edits
    return None


def _apart(some: Sequence[Edit], others: Sequence[Edit]) -> bool:
    return all(one.end < other.start or other.end < one.start for one in some for other in others)


def _weights(found: Sequence[Rewrite]) -> list[float]:
    """Each row by its prior, shared among its applications by the cost of each."""
    shares: dict[str, float] = {}
    for one in found:
        shares[one.operator] = shares.get(one.operator, 0.0) + math.exp(-one.cost)
    priors = backward_priors()
    return [math.exp(priors[one.operator] - one.cost) / shares[one.operator] for one in found]


def same_function(source: Source, function: Function, wrong: str) -> bool | None:
    """Whether the function means the same in the file's changed text; None when it does not parse there."""
    low, high = source.line_span(function.first, function.last)
    before = _dumped(source.text[low:high])
    after = _dumped(wrong[low : high + len(wrong) - len(source.text)])
    return None if after is None or before is None else after == before


def _dumped(text: str) -> str | None:
    tree = tree_of(text)
    try:
        return None if tree is None else ast.dump(tree)
    except (RecursionError, MemoryError):
        return None


def tree_of(text: str) -> ast.Module | None:
    """The syntax tree of a function's lines, however far they are indented; None when they do not parse."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse("if True:\n" + text if text[:1].isspace() else text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
