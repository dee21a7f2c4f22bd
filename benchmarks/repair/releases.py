"""Faults from real history: one hunk of the difference between two consecutive releases, taken back."""

from __future__ import annotations

import ast
import difflib
import io
from collections.abc import Iterator

from benchmarks.repair.tasks import Fault

MAX_LINES = 5


def hunks(file: str, old: str, new: str, label: str, *, max_lines: int = MAX_LINES) -> Iterator[Fault]:
    """The faults that put single hunks of `old` back into `new`: those of at most `max_lines` lines on either side
    that change what the code does and leave it compilable. `label` names the two releases."""
    old_lines, new_lines = (io.StringIO(text, newline="").readlines() for text in (old, new))
    try:
        meaning = _meaning(new)
    except (SyntaxError, ValueError):
        return
    offsets = [0]
    for line in new_lines:
        offsets.append(offsets[-1] + len(line))
    matcher = difflib.SequenceMatcher(None, old_lines, new_lines, autojunk=False)
    for tag, old_first, old_last, new_first, new_last in matcher.get_opcodes():
        if tag == "equal" or max(old_last - old_first, new_last - new_first) > max_lines:
            continue
        before, after = "".join(new_lines[new_first:new_last]), "".join(old_lines[old_first:old_last])
        head, before, after = trim(before, after)
        start = offsets[new_first] + head
        fault = Fault(file, new.count("\n", 0, start) + 1, start, before, after, label, "release")
        try:
            if _meaning(fault.apply(new)) != meaning:
                yield fault
        except (SyntaxError, ValueError):
            continue


def trim(before: str, after: str) -> tuple[int, str, str]:
    """Leave out what both texts begin and end with: how many characters went in front, and the two remains."""
    shorter = min(len(before), len(after))
    head = 0
    while head < shorter and before[head] == after[head]:
        head += 1
    tail = 0
    while tail < shorter - head and before[-1 - tail] == after[-1 - tail]:
        tail += 1
    return head, before[head : len(before) - tail], after[head : len(after) - tail]


def _meaning(text: str) -> str:
    """A dump of the syntax tree without docstrings, annotations and version strings."""
    return ast.dump(_Bare().visit(ast.parse(text)))


class _Bare(ast.NodeTransformer):
    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        is_text = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return None if is_text else self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        return ast.arg(arg=node.arg)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        if node.value is None:
            return None
        return self.generic_visit(ast.Assign(targets=[node.target], value=node.value, lineno=node.lineno))

    def visit_Assign(self, node: ast.Assign) -> ast.AST | None:
        version = any(isinstance(target, ast.Name) and target.id == "__version__" for target in node.targets)
        return None if version else self.generic_visit(node)
