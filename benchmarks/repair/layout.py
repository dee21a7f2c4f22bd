"""Lay out a task on disk: the package with its faults, in full for the judge, or without the hidden tests."""

from __future__ import annotations

import ast
import hashlib
import io
from collections.abc import Iterable, Mapping
from pathlib import Path

from benchmarks.repair.packages import Package, unpack
from benchmarks.repair.suite import Definition
from benchmarks.repair.tasks import Fault


def read(path: Path) -> str:
    """The text of a file with its line ends as they are."""
    return path.read_bytes().decode("utf-8")


def write(path: Path, text: str) -> None:
    path.write_bytes(text.encode("utf-8"))


def build(archive: Path, faults: Iterable[Fault], target: Path) -> Path:
    """Unpack `archive` at `target`, which must not exist, and put the faults in. Returns `target`.

    Several faults must lie in different files. Raises ValueError when a fault does not fit.
    """
    unpack(archive, target)
    for fault in faults:
        file = target / fault.file
        write(file, fault.apply(read(file)))
    return target


def names(definitions: Mapping[str, Definition | None], tests: Iterable[str]) -> tuple[str, ...]:
    """The test functions ("file::name") behind some test ids, sorted; ids without a definition are left out."""
    return tuple(sorted({str(where) for test in tests if (where := definitions.get(test)) is not None}))


def hidden(
    task_id: str,
    definitions: Mapping[str, Definition | None],
    failing: Iterable[str],
    shown: Iterable[str],
    package: Package,
    *,
    all_fail: bool = False,
) -> frozenset[Definition]:
    """The test functions the tool does not get to see.

    Hidden are every one of `failing` that is not `shown`, and by a hash of `task_id` half of the others; with
    `all_fail` (the package does not even import) half of all that are not shown. Tests that no function in a test
    file defines cannot be taken out and stay visible.
    """
    shown, failing = set(shown), set(failing)
    result = set()
    for where in {where for where in definitions.values() if where is not None}:
        if str(where) in shown or "<" in where.name or not package.is_test(where.file):
            continue
        if (str(where) in failing and not all_fail) or _coin(f"{task_id}:{where}"):
            result.add(where)
    return frozenset(result)


def _coin(text: str) -> bool:
    return hashlib.sha256(text.encode()).digest()[0] % 2 == 1


def hide(root: Path, functions: Iterable[Definition]) -> frozenset[Definition]:
    """Delete test functions from the test files below `root`. Returns those that were found and deleted."""
    by_file: dict[str, set[Definition]] = {}
    for where in functions:
        by_file.setdefault(where.file, set()).add(where)
    gone: set[Definition] = set()
    for file, wanted in sorted(by_file.items()):
        path = root / file
        text, removed = without(read(path), {(where.name, where.line) for where in wanted})
        write(path, text)
        gone |= {where for where in wanted if (where.name, where.line) in removed}
    return frozenset(gone)


def without(text: str, functions: set[tuple[str, int]]) -> tuple[str, set[tuple[str, int]]]:
    """`text` without the functions given by qualified name and first line (decorators included), and which they were.

    A block left empty gets a ``pass``.
    """
    lines = io.StringIO(text, newline="").readlines()
    removed: set[tuple[str, int]] = set()

    def visit(node: ast.AST, prefix: str) -> None:
        for field in ("body", "orelse", "finalbody", "handlers"):
            block = getattr(node, field, None)
            if not isinstance(block, list):
                continue
            kept = 0
            for child in block:
                if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                    first = min([child.lineno, *(decorator.lineno for decorator in child.decorator_list)])
                    key = (prefix + child.name, first)
                    if key in functions:
                        spans.append((first, child.end_lineno or child.lineno))
                        removed.add(key)
                        continue
                elif isinstance(child, ast.ClassDef):
                    visit(child, f"{prefix}{child.name}.")
                else:
                    visit(child, prefix)
                kept += 1
            if block and not kept and not isinstance(node, ast.Module):
                fillers.append((spans[-1][0], block[0].col_offset))

    spans: list[tuple[int, int]] = []
    fillers: list[tuple[int, int]] = []
    visit(ast.parse(text), "")
    for first, last in spans:
        for number in range(first, last + 1):
            lines[number - 1] = ""
    for number, indentation in fillers:
        lines[number - 1] = " " * indentation + "pass\n"
    return "".join(lines), removed
