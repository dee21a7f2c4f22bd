"""Which of several plausible patches to offer: the smallest, most natural one that does not special-case the tests.

A patch that passes all tests is plausible, not yet correct. Weak suites let through deletions, early returns of
constants, and conditions made trivially true; a patch that puts a literal from the failing test into the code has
learnt the test and not the rule. What speaks for and against a patch are its `signs`; their weights are fitted to
judged patches by `python -m benchmarks.repair.choices fit`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence

from quantatissu.foundation.syntax import parsed
from quantatissu.repair.candidates import SUSPICION, Candidate, rewrite_prior, suspicion
from quantatissu.repair.naturalness import TokenModel
from quantatissu.rewriting import OPERATORS, Rewrite, changed
from quantatissu.rewriting.unused import words

Step = tuple[Candidate, str, str]  # an edit, and the whole file before and after it

# Nats for each unit of a sign.
WEIGHTS: Mapping[str, float] = {
    "suspicion": 1.6,
    "prior": 1.4,
    "order": 1.3,
    "surprise": -0.9,
    "learnt_literal": -4.0,
    "new_literal": -0.8,
    "deletion": -2.5,
    "loss": -1.5,
    "empty_decision": -2.5,
    "edits": -1.0,
}


def score(path: Sequence[Step], test_literals: frozenset[object], model: TokenModel) -> float:
    """How likely a patch is meant, in nats, higher is better; comparable among the patches of one search."""
    return sum(WEIGHTS[name] * value for name, value in signs(path, test_literals, model).items())


def signs(path: Sequence[Step], test_literals: frozenset[object], model: TokenModel) -> dict[str, float]:
    """What tells a meant patch from one that merely passes, summed over its edits; the keys are those of `WEIGHTS`.

    ``suspicion`` is the log of how suspicious the places are, ``prior`` the log-prior of the operators, ``order`` what
    else decided when the edits were tried but for a model's advice, ``surprise`` how much less natural the new lines
    read. The rest are counts of edits: ``loss`` of those that take words away, ``deletion`` of those that take
    statements away.
    """
    found = dict.fromkeys(WEIGHTS, 0.0)
    for candidate, before, after in path:
        rewrite = candidate.rewrite
        prior = rewrite_prior(rewrite)
        found["suspicion"] += suspicion(candidate.place) / SUSPICION
        found["prior"] += prior
        told = suspicion(candidate.place) + prior + candidate.advice
        found["order"] += candidate.score + candidate.toll - told
        found["surprise"] += _surprise(before, after, model)
        old_tree, new_tree = _tree(before), _tree(after)
        added = literals([new_tree]) - literals([old_tree])
        found["new_literal"] += bool(added)
        found["learnt_literal"] += any(value in test_literals and not _is_common(value) for value in added)
        families = {OPERATORS[name].family for name in rewrite.operator.split("+") if name in OPERATORS}
        removed = all(not edit.text.strip() for edit in rewrite.edits)
        found["deletion"] += removed and "statement" in families
        found["loss"] += _loses(rewrite, before)
        found["empty_decision"] += _empty_decisions(new_tree) > _empty_decisions(old_tree)
        found["edits"] += 1
    return found


def _surprise(before: str, after: str, model: TokenModel) -> float:
    """The surprise of the lines that differ."""
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    first, stop, new_stop = changed(old, new)
    lead = "".join(old[max(0, first - 2) : first])
    return model.surprise("".join(old[first:stop]), "".join(new[first:new_stop]), lead)


def _loses(rewrite: Rewrite, before: str) -> bool:
    """Whether an edit takes more words out than it puts in: what weak suites let pass most easily (Qi et al. 2015)."""
    removed = sum(len(words(before[edit.start : edit.end])) for edit in rewrite.edits)
    return removed > sum(len(words(edit.text)) for edit in rewrite.edits)


def _is_common(literal: tuple[str, object]) -> bool:
    return literal[1] in (0, 1, -1, "", None, True, False)


def _tree(text: str) -> ast.AST:
    """The syntax tree of a text; an empty one when it does not parse."""
    try:
        return parsed(text)
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
    """Conditions that are constant, things compared or joined with themselves, and type tests of ``self``."""
    return sum(_is_empty_decision(node) for node in ast.walk(tree))


def _is_empty_decision(node: ast.AST) -> bool:
    match node:
        case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test):
            return isinstance(test, ast.Constant)
        case ast.Compare(left=left, comparators=[right]):
            return ast.dump(left) == ast.dump(right)
        case ast.Call(func=ast.Name(id="isinstance" | "issubclass"), args=[ast.Name(id="self" | "cls"), _]):
            return True
        case ast.BoolOp(values=values):
            return len({ast.dump(value) for value in values}) < len(values)
        case _:
            return False
