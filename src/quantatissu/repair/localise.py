"""Where the fault may be: spectrum-based fault localization, with what the failures themselves say.

Ochiai (Abreu, Zoeteweij, van Gemund 2006) over per-test line coverage gives a line executed by ``ef`` of ``F`` failing
and ``ep`` passing tests the suspiciousness ``ef / sqrt(F * (ef + ep))``. Traceback frames add to it: the innermost
project line of a failure is where it surfaced, if not where it began. Code that ran at import (constants, default
arguments, class attributes) has no per-test coverage; it inherits suspicion from the lines that use its names.
"""

from __future__ import annotations

import ast
import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from quantatissu.repair.report import Suspect
from quantatissu.rewriting import Source
from quantatissu.rewriting.source import FunctionNode
from quantatissu.testing.records import Raised, TestResult

_INNERMOST, _FRAME, _FUNCTION = 0.35, 0.12, 0.04
_INHERITED = 0.6
_AT_IMPORT = 0.12
_NAMED = 0.4  # of a definition whose name suspicious lines use, though they may never get into it


@dataclass
class Coverage:
    """Executed lines by test, for failing and passing tests: test id -> absolute path -> lines."""

    failing: dict[str, Mapping[str, Sequence[int]]] = field(default_factory=dict)
    passing: dict[str, Mapping[str, Sequence[int]]] = field(default_factory=dict)
    imports: Mapping[str, Sequence[int]] = field(default_factory=dict)

    def files(self) -> set[str]:
        """Files that failing tests reach."""
        return {path for lines in self.failing.values() for path in lines}

    def tests_on(self, path: str, first: int, last: int) -> list[str]:
        """Passing tests that execute a line in ``first..last`` of a file."""
        return [
            test for test, files in self.passing.items() if any(first <= line <= last for line in files.get(path, ()))
        ]


@dataclass(frozen=True, slots=True)
class Place:
    """A suspicious statement: absolute path, its first line, score in 0..1, and why."""

    path: str
    line: int
    score: float
    reason: str


def ochiai(coverage: Coverage) -> dict[str, dict[int, float]]:
    """Suspiciousness of every line that a failing test executed: path -> line -> score in 0..1."""
    failed: dict[tuple[str, int], int] = defaultdict(int)
    passed: dict[tuple[str, int], int] = defaultdict(int)
    for files in coverage.failing.values():
        for path, lines in files.items():
            for line in lines:
                failed[path, line] += 1
    for files in coverage.passing.values():
        for path, lines in files.items():
            for line in lines:
                if (path, line) in failed:
                    passed[path, line] += 1
    total = max(1, len(coverage.failing))
    scores: dict[str, dict[int, float]] = defaultdict(dict)
    for (path, line), count in failed.items():
        scores[path][line] = count / math.sqrt(total * (count + passed[path, line]))
    return dict(scores)


def localise(
    failing: Iterable[TestResult],
    coverage: Coverage,
    source_of: Callable[[str], Source | None],
    editable: Callable[[str], bool],
    text_of: Callable[[str], str],
) -> list[Place]:
    """Suspicious statements, most suspicious first.

    ``source_of`` parses a file by absolute path (None when it does not parse) and ``text_of`` gives its text, which is
    all that is asked of files that merely were imported; ``editable`` says whether a patch may touch it.
    """
    lines = {path: dict(found) for path, found in ochiai(coverage).items() if editable(path)}
    reasons: dict[tuple[str, int], str] = {}
    failures = list(failing)
    for result in failures:
        _add_frames(result.raised, lines, reasons, editable, 1 / max(1, len(failures)))
    places: dict[tuple[str, int], Place] = {}

    def note(place: Place) -> None:
        known = places.get((place.path, place.line))
        if known is None or place.score > known.score:
            places[place.path, place.line] = place

    users: dict[str, float] = defaultdict(float)
    for path, found in lines.items():
        source = source_of(path)
        if source is not None:
            for place in _executed(path, source, found, reasons, users):
                note(place)
    binds_used_name = re.compile(rf"^\s*(?:def\s+)?(?:{'|'.join(map(re.escape, users))})\s*[:=(]", re.MULTILINE)
    for path, ran in coverage.imports.items():
        if not editable(path) or (path not in lines and not (users and binds_used_name.search(text_of(path)))):
            continue
        source = source_of(path)
        if source is not None:
            for place in _imported(path, source, ran, users, path in lines):
                note(place)
    top = max((place.score for place in places.values()), default=1.0)
    ranked = sorted(places.values(), key=lambda place: (-place.score, place.path, place.line))
    return [Place(place.path, place.line, min(1.0, place.score / top), place.reason) for place in ranked]


def _add_frames(
    raised: Raised | None,
    lines: dict[str, dict[int, float]],
    reasons: dict[tuple[str, int], str],
    editable: Callable[[str], bool],
    share: float,
) -> None:
    if raised is None:
        return
    frames = [(path, line, name) for path, line, name in raised.frames if editable(path)]
    for depth, (path, line, _name) in enumerate(reversed(frames[-12:])):
        bonus = (_INNERMOST if depth == 0 else _FRAME) * share
        lines.setdefault(path, {})
        lines[path][line] = lines[path].get(line, 0.0) + bonus
        kind = raised.type.rpartition(".")[2]
        reasons.setdefault((path, line), f"{kind} raised here" if depth == 0 else f"in the traceback of {kind}")
    _add_frames(raised.cause, lines, reasons, editable, share / 2)


def _executed(
    path: str,
    source: Source,
    scores: Mapping[int, float],
    reasons: Mapping[tuple[str, int], str],
    users: dict[str, float],
) -> Iterable[Place]:
    """Line scores gathered into statements; the functions around them, and what those did not run, get a little.

    ``users`` is told how suspicious the lines are that use a name.
    """
    headers: dict[FunctionNode, float] = defaultdict(float)
    executed = set(scores)
    for line, score in scores.items():
        for statement in source.statements_on(line):
            reason = reasons.get((path, line), "executed by failing tests")
            yield Place(path, statement.lineno, score, reason)
            function = source.function_of(statement)
            if function is not None:
                headers[function] = max(headers[function], score)
            for node in source.own_nodes(statement):
                if isinstance(node, ast.Name):
                    users[node.id] = max(users[node.id], score)
                elif isinstance(node, ast.Attribute):
                    users[node.attr] = max(users[node.attr], score)
    for header, score in headers.items():
        yield Place(path, header.lineno, score * _INHERITED, "header of a function that failing tests run")
        for node in ast.walk(header):
            if isinstance(node, ast.stmt) and not executed.intersection(source.header_lines(node)):
                yield Place(path, node.lineno, score * _FUNCTION, "in a function that failing tests run")


def _imported(
    path: str, source: Source, ran: Iterable[int], users: Mapping[str, float], reached: bool
) -> Iterable[Place]:
    """What ran while the tests were imported: values that failing tests use, and, faintly, whatever made them."""
    most = max(users.values(), default=0.0)
    for statement in dict.fromkeys(statement for line in ran for statement in source.statements_on(line)):
        if isinstance(statement, FunctionNode):
            if statement.name in users:
                score = users[statement.name] * _NAMED
                yield Place(path, statement.lineno, score, "header of a function that failing tests name")
            continue
        if isinstance(statement, ast.ClassDef):
            continue
        score = max((users[name] for name in _bound_names(statement) if name in users), default=0.0)
        if score:
            yield Place(path, statement.lineno, score * _INHERITED, "its value is used by failing tests")
        elif reached and not isinstance(statement, ast.Import | ast.ImportFrom):
            yield Place(path, statement.lineno, most * _AT_IMPORT, "ran when the module was imported")


def _bound_names(statement: ast.stmt) -> set[str]:
    return {node.id for node in ast.walk(statement) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}


def everywhere(paths: Iterable[str], source_of: Callable[[str], Source | None]) -> list[Place]:
    """Every statement inside a function, equally: all there is when neither coverage nor traceback says anything."""
    found = []
    for path in paths:
        source = source_of(path)
        if source is not None:
            found += [
                Place(path, statement.lineno, 0.5, "no test says where to look")
                for statement in source.statements
                if source.function_of(statement) is not None
            ]
    return found


def suspects(places: Sequence[Place], root: str, source_of: Callable[[str], Source | None], most: int) -> list[Suspect]:
    """The first places as a person reads them: paths relative to ``root``, with the source line."""
    shown = []
    for place in places[:most]:
        source = source_of(place.path)
        text = source.lines[place.line - 1].strip() if source is not None else ""
        relative = place.path.removeprefix(root).lstrip("/")
        shown.append(Suspect(relative, place.line, round(place.score, 4), place.reason, text))
    return shown
