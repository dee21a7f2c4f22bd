"""One failure as pytest prints it: the traceback entries, the ``E`` lines, the place.

Three styles share one reading. An entry of the *long* style shows the function's source, marks the failing line with
``>`` and ends with ``path:line: Name``; an entry of the *short* style is ``path:line: in function`` with the source
line below; the *native* style is Python's own traceback.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from quantatissu.diagnostics.comparison import sides
from quantatissu.diagnostics.model import Diagnostic, Frame, Kind, Location
from quantatissu.diagnostics.tracebacks import CHAINED, HEADER, exception, exception_kind, read_traceback

_PLACE = re.compile(r"((?:[A-Za-z]:)?[^:]+):(\d{1,9})(?::(?: in (.+)| ([\w.]+)| ?)|)")
_DEFINITION = re.compile(r"(?:async )?def (\w+)")
_WORKER_LINE = re.compile(r"\[gw\d+\] \w+ -- Python ")
_WORKER_CRASH = re.compile(r"worker '[^']*' crashed while running '(.+)'")
_MOST_CHAINED = 40


def parse_body(lines: Sequence[str], *, kind: Kind = "test") -> Diagnostic:
    """What one failure's text says; a text of another form becomes the message, with ``code`` None."""
    lines = without_captured(lines)
    raw = "\n".join(lines).strip("\n")
    if lines and (match := _WORKER_CRASH.fullmatch(lines[0])):
        return Diagnostic("pytest", "runtime", "error", lines[0], code="WorkerCrash", test=match[1], raw=raw)
    if HEADER in raw and not raw.startswith("E ") and "\nE " not in raw:
        found = read_traceback(lines, kind=kind)
        if found is not None:
            return replace(found, tool="pytest", raw=raw)
    if "another exception occurred:" not in raw and "of the following exception:" not in raw:
        return _read_piece(lines, kind, raw)
    starts = [0, *(at + 1 for at, line in enumerate(lines) if line in CHAINED)][-_MOST_CHAINED:]
    stops = [*(start - 1 for start in starts[1:]), len(lines)]
    result: Diagnostic | None = None
    for start, stop in zip(starts, stops, strict=True):
        found = _read_piece(lines[start:stop], kind, raw if stop == len(lines) else None)
        result = found if result is None else replace(found, causes=(result, *found.causes))
    assert result is not None
    return result


def without_captured(lines: Sequence[str]) -> Sequence[str]:
    """The lines before the first ``--- Captured stdout call ---`` or other attached section."""
    if lines and _WORKER_LINE.match(lines[0]):
        lines = lines[1:]
    for at, line in enumerate(lines):
        if line.startswith("---") and line.endswith("-") and line.strip("-").startswith(" "):
            return lines[:at]
    return lines


@dataclass
class _Entries:
    """What the entries of one traceback say, gathered line by line."""

    frames: list[Frame]
    errors: list[str]
    raised: str | None = None  # the exception's bare name, from the last entry of the long style


def _read_entries(lines: Sequence[str]) -> _Entries:
    found = _Entries([], [])
    function: str | None = None
    source: str | None = None
    for at, line in enumerate(lines):
        first = line[:1]
        if first == "E" and (line == "E" or line.startswith("E  ")):
            found.errors.append(line[1:])
        elif first in {" ", ">"}:
            text = line[1:].lstrip()
            if first == ">":
                source = text if text != "???" else None
            if function is None and (match := _DEFINITION.match(text)):
                function = match[1]
        elif not at and (match := _DEFINITION.match(line)):
            function = match[1]  # JUnit XML has lost the first line's indentation
        elif first and ":" in line and (match := _PLACE.fullmatch(line)):
            path, number, inside, raised = match.groups()
            if inside:
                below = lines[at + 1] if at + 1 < len(lines) else ""
                shown = below.strip() if below.startswith("    ") and below.strip() != "???" else None
                found.frames.append(Frame(path, int(number), inside, shown))
            else:
                found.frames.append(Frame(path, int(number), function, source))
                found.raised = raised or found.raised
            function = source = None
    return found


def _read_piece(lines: Sequence[str], kind: Kind, raw: str | None) -> Diagnostic:
    """One exception of a chain."""
    raw = "\n".join(lines) if raw is None else raw
    entries = _read_entries(lines)
    frames, location = tuple(entries.frames), None
    if frames:
        location = Location(frames[-1].path, frames[-1].line)
    errors = _dedent(entries.errors)
    expected: str | None = None
    actual: str | None = None
    if errors and errors[0].startswith('  File "') and (syntax := read_traceback(errors)) is not None:
        return replace(syntax, tool="pytest", frames=frames, raw=raw)
    if errors:
        code, message = _exception_of(errors, entries.raised)
    elif entries.raised == "DocTestFailure":
        code, message = "DocTestFailure", _doctest_sides(lines)[2]
        expected, actual, _ = _doctest_sides(lines)
    else:
        text = "\n".join(line for line in lines if line.strip())
        code, message = entries.raised, text.removeprefix("[XPASS(strict)] ")
        if text.startswith("[XPASS(strict)]"):
            code = "XPASS"
    if expected is None and actual is None:
        expected, actual = sides(code, message)
    return Diagnostic(
        "pytest",
        exception_kind(code, kind),
        "error",
        message,
        location=location,
        code=code,
        expected=expected,
        actual=actual,
        frames=frames,
        raw=raw,
    )


def _dedent(errors: list[str]) -> list[str]:
    margin = min([len(line) - len(line.lstrip()) for line in errors if line.strip()], default=0)
    return [line[margin:] for line in errors]


def _exception_of(errors: list[str], raised: str | None) -> tuple[str | None, str]:
    """(class, message) of dedented ``E`` lines."""
    text = "\n".join(errors).rstrip()
    if errors[0].startswith("fixture '"):
        return "FixtureLookupError", text
    if errors[0].startswith("assert ") or errors[0] == "assert":
        return raised or "AssertionError", text
    named = exception(errors[0])
    if named is None or (raised is not None and named[0].rpartition(".")[2] != raised.rpartition(".")[2]):
        return raised, text
    return named[0], "\n".join([named[1], *errors[1:]]).rstrip()


def _doctest_sides(lines: Sequence[str]) -> tuple[str | None, str | None, str]:
    """(expected, actual, message) of a doctest that failed."""
    places = {line: at for at, line in enumerate(lines) if line in {"Expected:", "Got:", "Expected nothing"}}
    got = places.get("Got:")
    if got is None:
        return None, None, "\n".join(line for line in lines if line.strip())
    wanted = places.get("Expected:")
    expected = None if wanted is None else "\n".join(line[4:] for line in lines[wanted + 1 : got])
    below = [line[4:] for line in lines[got + 1 :]]
    actual = "\n".join(below[: below.index("")] if "" in below else below)
    return expected, actual, f"expected {expected or 'nothing'}, got {actual}"
