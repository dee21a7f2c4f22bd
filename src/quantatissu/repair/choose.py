"""Which of several plausible patches to offer: the smallest, most natural one that does not special-case the tests.

A patch that passes all tests is plausible, not yet correct. Weak suites let through deletions, early returns of
constants, and conditions made trivially true; a patch that puts a literal from the failing test into the code has
learnt the test and not the rule.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence

from quantatissu.repair.candidates import Candidate
from quantatissu.rewriting import OPERATORS

_LEARNT_LITERAL = 4.0
_NEW_LITERAL = 0.5
_DELETION = 2.5
_CONSTANT_CONDITION = 2.5
_PER_EDIT = 1.0


def naturalness(path: Sequence[tuple[Candidate, str, str]], test_literals: frozenset[object]) -> float:
    """Score of a patch in nats, higher is better. ``path`` holds (candidate, text before, text after) per step."""
    total = 0.0
    for candidate, before, after in path:
        total += candidate.score + candidate.toll - _PER_EDIT
        old, new = _literals(before), _literals(after)
        added = [value for value in new if value not in old]
        learnt = [
            value for value in added if value in test_literals and value[1] not in (0, 1, -1, "", None, True, False)
        ]
        total -= _LEARNT_LITERAL * bool(learnt) + _NEW_LITERAL * bool(added)
        families = {OPERATORS[name].family for name in candidate.rewrite.operator.split("+") if name in OPERATORS}
        removed = all(len(edit.text.strip()) == 0 for edit in candidate.rewrite.edits)
        if removed and "statement" in families:
            total -= _DELETION
        if _constant_conditions(after) > _constant_conditions(before):
            total -= _CONSTANT_CONDITION
    return total


def _tree(text: str) -> ast.AST | None:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError):
        return None


def _literals(text: str) -> frozenset[tuple[str, object]]:
    tree = _tree(text)
    return literals([tree]) if tree is not None else frozenset()


def literals(trees: Iterable[ast.AST]) -> frozenset[tuple[str, object]]:
    """Constants in some trees, each with its type's name (so that 1, 1.0 and True stay apart)."""
    return frozenset(
        (type(node.value).__name__, node.value)
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
    )


def _constant_conditions(text: str) -> int:
    tree = _tree(text)
    if tree is None:
        return 0
    return sum(
        isinstance(node, ast.If | ast.While | ast.IfExp) and isinstance(node.test, ast.Constant)
        for node in ast.walk(tree)
    )
