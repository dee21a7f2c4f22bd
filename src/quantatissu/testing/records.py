"""What is known about a project's tests: outcomes, failures, executed lines. Plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Lines = dict[str, list[int]]  # absolute path -> executed lines, ascending


@dataclass(frozen=True, slots=True)
class Raised:
    """An exception as the interpreter knew it: frames are (path, line, function), outermost first."""

    type: str
    message: str
    frames: tuple[tuple[str, int, str], ...]
    cause: Raised | None = None
    syntax: tuple[str | None, int | None, int | None, str] | None = None
    missing_import: tuple[str | None, str | None] | None = None
    missing_name: str | None = None


@dataclass(frozen=True, slots=True)
class TestResult:
    """One test's end.

    ``outcome``: ``passed``, ``failed``, ``skipped``, ``xfailed``, ``xpassed``, ``timeout`` (it was stopped),
    ``crashed`` (its process died) or ``budget`` (it was stopped after too many traced lines). ``collection`` marks the
    pseudo-test of a module that could not be imported; its id is the module's.
    """

    __test__ = False

    id: str
    outcome: str
    seconds: float = 0.0
    text: str = ""
    raised: Raised | None = None
    lines: Mapping[str, list[int]] | None = None
    collection: bool = False

    @property
    def passed(self) -> bool:
        return self.outcome == "passed"

    @property
    def failed(self) -> bool:
        return self.outcome in ("failed", "timeout", "crashed", "budget")


@dataclass(frozen=True, slots=True)
class Collected:
    """What the warm session holds: test ids in order, modules that did not import, project files in memory.

    ``imports`` are the lines of the project that ran meanwhile, by absolute path, where that was asked for.
    """

    ids: tuple[str, ...]
    errors: tuple[TestResult, ...]
    files: frozenset[str]
    outside: tuple[str, ...]
    threads: int
    imports: Mapping[str, list[int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ran:
    """What one run of some tests gave. ``ended`` is ``done``, or why it stopped early; ``new`` are ids of tests that
    a repaired module turned out to hold. ``needs_fresh_import`` says that a hot run was asked for and is not possible.
    """

    results: tuple[TestResult, ...]
    ended: str
    new: tuple[str, ...] = ()
    needs_fresh_import: bool = False


def raised_from(record: Mapping[str, Any]) -> Raised | None:
    """Read the worker's description of an exception; None when it carries none."""
    if "type" not in record:
        return None
    cause = record.get("cause")
    return Raised(
        type=str(record["type"]),
        message=str(record.get("message", "")),
        frames=tuple((str(path), int(line or 0), str(name)) for path, line, name in record.get("frames", ())),
        cause=raised_from(cause) if cause else None,
        syntax=tuple(record["syntax"]) if record.get("syntax") else None,
        missing_import=tuple(record["import"]) if record.get("import") else None,
        missing_name=record.get("name"),
    )


def result_from(record: Mapping[str, Any]) -> TestResult:
    """Read one of the worker's test records."""
    return TestResult(
        id=str(record["id"]),
        outcome=str(record.get("outcome", "failed")),
        seconds=float(record.get("seconds", 0.0)),
        text=str(record.get("text", "")),
        raised=raised_from(record),
        lines=record.get("lines"),
        collection=bool(record.get("collection", False)),
    )
