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
_NEW_LITERAL = 0.8
_DELETION = 2.5
_EMPTY_DECISION = 2.5
_PER_EDIT = 1.0


def naturalness(path: Sequence[tuple[Candidate, str, str]], test_literals: frozenset[object]) -> float:
    """Score of a patch in nats, higher is better. ``path`` holds (candidate, text before, text after) per step."""
    total = 0.0
    for candidate, before, after in path:
        total += candidate.score + candidate.toll - _PER_EDIT
        old_tree, new_tree = _tree(before), _tree(after)
        added = literals([new_tree]) - literals([old_tree])
        learnt = [
            value for value in added if value in test_literals and value[1] not in (0, 1, -1, "", None, True, False)
        ]
        total -= _LEARNT_LITERAL * bool(learnt) + _NEW_LITERAL * bool(added)
        families = {OPERATORS[name].family for name in candidate.rewrite.operator.split("+") if name in OPERATORS}
        removed = all(len(edit.text.strip()) == 0 for edit in candidate.rewrite.edits)
        if removed and "statement" in families:
            total -= _DELETION
        if _empty_decisions(new_tree) > _empty_decisions(old_tree):
            total -= _EMPTY_DECISION
    return total


def _tree(text: str) -> ast.AST:
    """The syntax tree of a text; an empty one when it does not parse."""
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError):
        return ast.Module([], [])


def literals(trees: Iterable[ast.AST]) -> frozenset[tuple[str, object]]:
    """Constants in some trees, each with its type's name (so that 1, 1.0 and True stay apart)."""
    found: set[tuple[str, object]] = set()
    for tree in trees:
        for node in ast.walk(tree):
            match node:
                case ast.Constant(value=value):
                    found.add((type(value).__name__, value))
                case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
                    found.add((type(value).__name__, -value))
    return frozenset(found)


def _empty_decisions(tree: ast.AST) -> int:
    """Conditions that are constant, and things compared or joined with themselves."""
    return sum(_is_empty_decision(node) for node in ast.walk(tree))


def _is_empty_decision(node: ast.AST) -> bool:
    match node:
        case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test):
            return isinstance(test, ast.Constant)
        case ast.Compare(left=left, comparators=[right]):
            return ast.dump(left) == ast.dump(right)
        case ast.BoolOp(values=values):
            return len({ast.dump(value) for value in values}) < len(values)
        case _:
            return False
