"""What `unittest`'s text runner prints (and the runners built on it, such as Django's).

Every failure stands between two rulers of 70 characters: a heading with the outcome and the test, an optional first
line of the test's docstring, and Python's own traceback. ``test`` is the id as unittest itself spells it,
``package.module.Class.method``, with a subtest's parameters behind it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from quantatissu.diagnostics.model import Diagnostic
from quantatissu.diagnostics.tracebacks import HEADER, exception, exception_kind, read_traceback

_DOUBLE, _SINGLE = "=" * 70, "-" * 70
_HEADING = re.compile(r"(FAIL|ERROR|UNEXPECTED SUCCESS): (\S+)(?: \(([\w.<>]+)\))?(?: (.+))?")
_RAN = re.compile(r"Ran \d+ tests? in [\d.]+s.*")
_LOADER = "unittest.loader._FailedTest"
_ATTACHED = frozenset({"Stdout:", "Stderr:"})


def find_runs(lines: Sequence[str]) -> list[tuple[int, int, list[Diagnostic]]]:
    """(first line, line after, diagnostics) of every unittest run among ``lines``."""
    runs: list[tuple[int, int, list[Diagnostic]]] = []
    found: list[Diagnostic] = []
    start = 0
    heading: re.Match[str] | None = None
    opened = 0
    seen = False
    for at, line in enumerate(lines):
        if not line:
            continue
        if line == _DOUBLE:
            following = _HEADING.fullmatch(lines[at + 1]) if at + 1 < len(lines) else None
            if following is None:
                continue
            if heading is not None:
                found.append(_read(heading, lines[opened:at]))
            heading, opened, seen = following, at + 2, True
        elif line.startswith("Ran ") and _RAN.fullmatch(line):
            end = at - 1 if at and lines[at - 1] == _SINGLE else at
            if heading is not None:
                found.append(_read(heading, lines[opened:end]))
                heading = None
            stop = at + 1
            while stop < min(at + 3, len(lines)) and (not lines[stop] or lines[stop].startswith(("OK", "FAILED"))):
                stop += 1
            runs.append((start, stop, found))
            start, found, seen = stop, [], False
    if heading is not None:
        found.append(_read(heading, lines[opened:]))
    if seen:
        runs.append((start, len(lines), found))
    return runs


def _read(heading: re.Match[str], body: Sequence[str]) -> Diagnostic:
    outcome, method, where, parameters = heading.groups()
    test = _test_id(method, where, parameters)
    if _SINGLE in body[:3]:
        body = body[body.index(_SINGLE) + 1 :]
    body = list(body)
    for at, line in enumerate(body):
        if line in _ATTACHED:
            body = body[:at]
            break
    raw = "\n".join([heading[0], *body]).strip("\n")
    if where is not None and where.startswith(_LOADER):
        # The loader wraps the error in an ImportError whose message holds the real traceback.
        inner = [at for at, line in enumerate(body) if HEADER in line]
        wrapped = next((at for at, line in enumerate(body) if line.startswith("ImportError: Failed to import")), None)
        nested = read_traceback(body[wrapped + 1 :], kind="test") if wrapped is not None and inner else None
        found = nested or read_traceback(body, kind="test") or _plain(body)
        return replace(found, tool="unittest", test=method, raw=raw)
    if outcome == "UNEXPECTED SUCCESS":
        return Diagnostic("unittest", "test", "error", "unexpected success", test=test, raw=raw)
    found = read_traceback(body, kind="test") or _plain(body)
    return replace(found, tool="unittest", test=test, raw=raw)


def _plain(body: Sequence[str]) -> Diagnostic:
    """A failure without a traceback."""
    lines = [line for line in body if line.strip()]
    named = exception(lines[0]) if lines else None
    code, message = named if named and ":" in lines[0] else (None, "\n".join(lines))
    return Diagnostic("unittest", exception_kind(code, "test"), "error", message, code=code)


def _test_id(method: str, where: str | None, parameters: str | None) -> str:
    test = method if where is None else where
    if where is not None and where.rpartition(".")[2] != method:
        test = f"{where}.{method}"  # before Python 3.11 only the class is named
    return f"{test} {parameters}" if parameters else test
