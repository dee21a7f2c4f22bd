"""One entrance for any output: finds who wrote which part, and lets that reader have it."""

from __future__ import annotations

from collections.abc import Sequence

from quantatissu.diagnostics.crashes import find_crashes
from quantatissu.diagnostics.junit import parse_junit
from quantatissu.diagnostics.model import Diagnostic
from quantatissu.diagnostics.pytest_text import find_sessions, parse_session
from quantatissu.diagnostics.text import clean
from quantatissu.diagnostics.tracebacks import find_tracebacks
from quantatissu.diagnostics.unittest_text import find_runs
from quantatissu.diagnostics.usage import find_usage_errors

_Found = list[tuple[int, Diagnostic]]  # with the line where each starts
_INTERNAL = "INTERNALERROR> "


def parse(output: str | bytes, *, command: str | None = None) -> list[Diagnostic]:
    """Everything that ``output`` complains of, in its order. Never raises, whatever the output.

    ``output`` is what a test run or a Python program printed, standard output and error together, or a JUnit XML
    report. Part by part it may come from pytest, unittest and plain programs. ``command``, the command line that
    printed it, narrows what is looked for: a unittest run is not searched for pytest's sections, and the other way
    round. Bytes are read as UTF-8. Tracebacks that a test captured or logged are not reported.
    """
    text = clean(output)
    if text.lstrip("\ufeff \t\n").startswith(("<?xml", "<testsuite")):
        return parse_junit(output if isinstance(output, bytes) else output.encode("utf-8", "replace"))
    lines = text.split("\n")
    command = command or ""
    unittest_only = ("unittest" in command or "manage.py test" in command) and "pytest" not in command
    pytest_known = "pytest" in command
    found: _Found = []
    rest = [(0, len(lines))]
    if not unittest_only:
        sessions = find_sessions(lines)
        for session in sessions:
            found.extend(_in_session(lines, *session.loose))
            found.extend((session.loose[1], diagnostic) for diagnostic in parse_session(lines, session))
        rest = _gaps([(session.start, session.stop) for session in sessions], len(lines))
        pytest_known = pytest_known or bool(sessions)
    for start, stop in rest:
        found.extend(_outside(lines[start:stop], start, runs="pytest" not in command, pytest=pytest_known))
    found.sort(key=lambda item: item[0])
    return _without_echoes([diagnostic for _, diagnostic in found])


def _gaps(taken: Sequence[tuple[int, int]], length: int) -> list[tuple[int, int]]:
    edges = [0, *(edge for pair in taken for edge in pair), length]
    return [(start, stop) for start, stop in zip(edges[::2], edges[1::2], strict=True) if start < stop]


def _in_session(lines: Sequence[str], start: int, stop: int) -> _Found:
    """What may go wrong with pytest itself while it runs. Other tracebacks here were printed by tests that may pass."""
    part = lines[start:stop]
    found = find_crashes(part) + find_usage_errors(part, pytest=False)
    if any(line.startswith(_INTERNAL) for line in part):
        found += find_tracebacks([line if line.startswith(_INTERNAL) else "" for line in part])
    return [(start + at, diagnostic) for at, diagnostic in found]


def _outside(lines: Sequence[str], offset: int, *, runs: bool, pytest: bool) -> _Found:
    """What stands outside any pytest session: unittest runs, and around them programs of all kinds."""
    found: _Found = []
    runs_found = find_runs(lines) if runs else []
    for start, stop, diagnostics in runs_found:
        found.extend((offset + start, diagnostic) for diagnostic in diagnostics)
        found.extend((offset + start + at, crash) for at, crash in find_crashes(lines[start:stop]))
    for start, stop in _gaps([(start, stop) for start, stop, _ in runs_found], len(lines)):
        part = lines[start:stop]
        events = find_tracebacks(part) + find_crashes(part) + find_usage_errors(part, pytest=pytest)
        found.extend((offset + start + at, diagnostic) for at, diagnostic in events)
    return found


def _without_echoes(found: list[Diagnostic]) -> list[Diagnostic]:
    """Drops what a shell says about a crash that the interpreter has already told of."""
    signals = {diagnostic.code for diagnostic in found if diagnostic.tool != "shell"}
    return [diagnostic for diagnostic in found if diagnostic.tool != "shell" or diagnostic.code not in signals]
