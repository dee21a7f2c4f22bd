"""What makes a proposed edit count, tests aside: it parses, its findings are gone, no rule finds more than before.

Rules whose fixers promise to change layout only are held to it: the syntax tree must stay equal.
"""

from __future__ import annotations

import ast
import warnings
from collections import Counter
from collections.abc import Iterable, Sequence

from quantatissu.repair.lint.ruff import Finding
from quantatissu.repair.lint.rules import Promise


def rules_hold(before: Sequence[Finding], after: Sequence[Finding], targeted: Iterable[Finding]) -> bool:
    """Whether each rule finds as many fewer as were targeted, and none finds more.

    Counted by rule and not by message, since messages name things that an edit renames.
    """
    return not more(before, after, targeted)


def more(before: Sequence[Finding], after: Sequence[Finding], targeted: Iterable[Finding]) -> set[str]:
    """The rules that find more than they should."""
    allowed = Counter(finding.code for finding in before)
    allowed.subtract(Counter(finding.code for finding in set(targeted)))
    found = Counter(finding.code for finding in after)
    return {code for code, count in found.items() if count > allowed[code]}


def promise_kept(before: str, after: str, keeps: Promise) -> bool:
    """Whether what a fixer promises of the tree is so; ``behaviour`` and ``nothing`` promise nothing of it."""
    if keeps not in ("ast", "docstrings"):
        return True
    trees = [_tree(text) for text in (before, after)]
    if trees[0] is None or trees[1] is None:
        return False
    if keeps == "docstrings":
        for tree in trees:
            _smooth_docstrings(tree)
    return ast.dump(trees[0]) == ast.dump(trees[1])


def _tree(text: str) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return None


def _smooth_docstrings(tree: ast.AST | None) -> None:
    """Docstrings with one blank for each stretch of white space."""
    if tree is None:
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.body:
            match node.body[0]:
                case ast.Expr(value=ast.Constant(value=str() as text) as constant):
                    constant.value = " ".join(text.split())
                case _:
                    pass
