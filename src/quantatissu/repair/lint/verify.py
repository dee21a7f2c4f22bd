"""What makes a proposed edit count, tests aside: it parses, its findings are gone, no rule finds more than before.

Rules whose fixers promise to change layout only are held to it: the syntax tree must stay equal.
"""

from __future__ import annotations

import ast
import warnings
from collections import Counter
from collections.abc import Iterable, Sequence

from quantatissu.foundation.syntax import parsed
from quantatissu.repair.lint.ruff import Finding
from quantatissu.repair.lint.rules import Promise
from quantatissu.repair.lint.rules.table import docstrings_of


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
    trees = [tree for text in (before, after) if (tree := _tree(text)) is not None]
    if len(trees) < 2:
        return False
    if keeps == "docstrings":
        for text in (text for tree in trees for text in docstrings_of(tree)):
            text.value = " ".join(str(text.value).split())
    return ast.dump(trees[0]) == ast.dump(trees[1])


def _tree(text: str) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return parsed(text)
    except (SyntaxError, ValueError, RecursionError):
        return None
