"""Commands that never came to run a test: wrong arguments or settings, a runner that is not installed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from quantatissu.diagnostics.model import Diagnostic, Location
from quantatissu.diagnostics.pytest_body import parse_body
from quantatissu.diagnostics.tracebacks import exception_kind

_NO_MODULE = re.compile(r"\S*(?:python|pypy)\S*: (No module named (\S+?)(?:;.*)?|Error while finding module .*)")
_NO_SCRIPT = re.compile(r"\S*(?:python|pypy)\S*: can't open file .*: \[Errno \d+\] .*")
_NO_COMMAND = re.compile(
    r"(?:(?:\S*sh|env|make)(?:\[\d+\])?: (?:line )?(?:\d+: )?)?[‘'\"]?[\w./+-]+[’'\"]?: "
    r"(?:command not found|not found|No such file or directory)"
    r"|(?:zsh|fish): (?:command not found|Unknown command): \S+"
)
_CONFTEST = re.compile(r"(?:ImportError|ConftestImportFailure)\b.* while loading conftest '(.+)'\.?")
_ARGUMENTS = re.compile(r"(?:python -m )?\S+: error: (.+)")
_SETTINGS_PLACE = re.compile(r"(\S+\.(?:ini|toml|cfg)):(?:(\d+):)? (.+)")
_COVERAGE = re.compile(r"(?:FAIL |ERROR: )?(?:Coverage failure: .*|Required test coverage of .* not reached\..*)")
_PYTEST_WORDS = (
    "file or directory not found:",
    "not found:",
    "found no collectors for",
    "Unknown config option",
    "Missing required plugins",
    "Wrong expression passed",
    "Error: ",
    "Error importing plugin",
    "usage: ",
)


def find_usage_errors(lines: Sequence[str], *, pytest: bool) -> list[tuple[int, Diagnostic]]:
    """(line index, diagnostic) for every message that a command refused to start with.

    ``pytest``: pytest is known to have run, so that any line starting with ``ERROR: `` is its own.
    """
    found: list[tuple[int, Diagnostic]] = []
    usage = ""  # whose summary of options was printed
    for at, line in enumerate(lines):
        if not line or (":" not in line and " while loading conftest " not in line):
            continue
        diagnostic: Diagnostic | None = None
        if line.startswith(("ERROR: usage: ", "usage: ")):
            usage = "pytest" if pytest or line.startswith("ERROR") or "pytest" in line else "python"
        elif line.startswith("ERROR: "):
            diagnostic = _read_error(lines, at, pytest)
        elif usage and (match := _ARGUMENTS.fullmatch(line)):
            diagnostic, usage = _usage(usage, match[1], line), ""
        elif match := _NO_MODULE.fullmatch(line):
            diagnostic = Diagnostic("python", "runtime", "error", match[1], code="ModuleNotFoundError", raw=line)
        elif "open file" in line and _NO_SCRIPT.fullmatch(line):
            message = line.partition(": ")[2]
            diagnostic = Diagnostic("python", "runtime", "error", message, code="FileNotFoundError", raw=line)
        elif line.endswith(("not found", "No such file or directory")) or "sh: " in line[:30]:
            match = _NO_COMMAND.fullmatch(line)
            if match:
                diagnostic = Diagnostic("shell", "runtime", "error", line, code="CommandNotFound", raw=line)
        elif match := _CONFTEST.fullmatch(line):
            diagnostic = _read_conftest(lines, at, match[1])
        elif _COVERAGE.fullmatch(line):
            diagnostic = Diagnostic("pytest-cov", "runtime", "error", line, code="CoverageThreshold", raw=line)
        if diagnostic is not None:
            found.append((at, diagnostic))
    return found


def _usage(tool: str, message: str, raw: str, location: Location | None = None) -> Diagnostic:
    return Diagnostic(tool, "runtime", "error", message, location=location, code="UsageError", raw=raw)


def _read_error(lines: Sequence[str], at: int, pytest: bool) -> Diagnostic | None:
    line = lines[at]
    message = line.removeprefix("ERROR: ")
    if match := _SETTINGS_PLACE.fullmatch(message):
        location = Location(match[1], int(match[2]) if match[2] else None)
        return _usage("pytest", match[3], line, location)
    if _COVERAGE.fullmatch(line):
        return Diagnostic("pytest-cov", "runtime", "error", message, code="CoverageThreshold", raw=line)
    if not pytest and not message.startswith(_PYTEST_WORDS):
        return None  # other tools start their complaints in the same way
    following = lines[at + 1] if at + 1 < len(lines) else ""
    if following.startswith("("):
        message, line = f"{message}\n{following}", f"{line}\n{following}"
    return _usage("pytest", message, line)


def _read_conftest(lines: Sequence[str], at: int, path: str) -> Diagnostic:
    end = at + 1
    while end < len(lines) and lines[end].strip():
        end += 1
    found = parse_body(lines[at + 1 : end], kind="runtime")
    return replace(
        found,
        kind=exception_kind(found.code, "runtime"),
        location=found.location or Location(path),
        raw="\n".join(lines[at:end]),
    )
