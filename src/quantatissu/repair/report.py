"""What a repair run is asked, what it tells while it runs, and what it answers. Plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

Status = Literal["fixed", "not_fixed", "nothing_to_fix", "error"]
Stage = Literal["prepare", "baseline", "lint", "localise", "search", "verify"]


@dataclass(frozen=True, slots=True)
class FixOptions:
    """What `fix` is asked to do.

    ``test`` is the test command as the user would type it; ``python`` the interpreter that runs it; both found by
    themselves when None. ``files`` are globs, relative to ``path``, that patches may touch (all source files when
    empty). ``allow`` widens the sandbox (``network-loopback``, ``network``, ``home``); ``environment`` names variables
    passed through. ``model`` helps a search that is slow or has nothing left: a packaged one by its name, or a folder;
    None: none.
    ``grace_seconds`` is how long to look for a better patch, at least, after the first that passes.
    """

    path: Path
    test: str | None = None
    python: Path | None = None
    max_seconds: float = 60.0
    max_candidates: int | None = None
    files: tuple[str, ...] = ()
    allow: frozenset[str] = frozenset()
    environment: tuple[str, ...] = ()
    seed: int = 0
    workers: int | None = None
    max_bugs: int = 4
    model: str | None = None
    grace_seconds: float = 2.0


@dataclass(frozen=True, slots=True)
class LintOptions:
    """What `fix_lint` is asked to do, beside what `fix` is.

    ``select`` are rules or their prefixes in place of the project's configuration of ruff; ``unsafe`` takes edits that
    may change what the code does where there are no tests to tell.
    """

    select: tuple[str, ...] = ()
    unsafe: bool = False


@dataclass(frozen=True, slots=True)
class LintRule:
    """What became of one rule's findings; ``safe`` of the ``fixed`` ones are ruff's own safe edits."""

    code: str
    found: int
    fixed: int
    safe: int


@dataclass(frozen=True, slots=True)
class LintLeft:
    """A finding that stays: path relative to the project, line and column in the patched file, from 1."""

    path: str
    line: int
    column: int
    code: str
    message: str
    reason: str


@dataclass(frozen=True, slots=True)
class LintReport:
    """Lint findings by rule, most first, and those left. ``tests`` says how the tests bear the patch out."""

    rules: tuple[LintRule, ...]
    left: tuple[LintLeft, ...]
    tests: str

    @property
    def found(self) -> int:
        return sum(rule.found for rule in self.rules)

    @property
    def fixed(self) -> int:
        return sum(rule.fixed for rule in self.rules)


@dataclass(frozen=True, slots=True)
class Suspect:
    """A suspicious line: path relative to the project, line from 1, score in 0..1, and why it is suspected."""

    path: str
    line: int
    score: float
    reason: str
    source: str


@dataclass(frozen=True, slots=True)
class Patch:
    """A set of edits, proven to the extent ``fixes`` says.

    ``diff`` is unified and `git apply`-able from the project's root; ``contents`` holds each changed file's new bytes,
    ``before`` its old ones, by path relative to the root. ``fixes`` are the failing tests that pass with it;
    ``verified`` is true when the whole test command ran with it in a clean process and nothing else broke; ``found_at``
    is the number of the candidate that was it (1 = the first one tried).
    """

    diff: str
    contents: Mapping[str, bytes]
    before: Mapping[str, bytes]
    explanation: str
    fixes: tuple[str, ...]
    verified: bool
    score: float
    found_at: int
    operators: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FixResult:
    """Everything a run found out. ``message`` is one or two sentences for a person, always set.

    ``failing_before`` and ``failing_after`` are test ids (after: with ``patch`` applied, or as before without one);
    ``flaky`` were set aside, ``not_run`` is the number of tests the budget left no time for. ``seconds`` is by stage,
    with ``total``; ``seconds_to_first`` from the start to the first candidate tried, None when none was. ``lint`` is
    there when findings of a linter were fixed rather than tests.
    """

    status: Status
    message: str
    patch: Patch | None = None
    alternatives: tuple[Patch, ...] = ()
    partial: Patch | None = None
    explanation: str = ""
    failing_before: tuple[str, ...] = ()
    failing_after: tuple[str, ...] = ()
    flaky: tuple[str, ...] = ()
    not_run: int = 0
    suspects: tuple[Suspect, ...] = ()
    candidates_tried: int = 0
    candidates_per_second: float = 0.0
    seconds: Mapping[str, float] = field(default_factory=dict)
    seconds_to_first: float | None = None
    warnings: tuple[str, ...] = ()
    interrupted: bool = False
    hint: str | None = None
    lint: LintReport | None = None


class Listener(Protocol):
    """Told about a run as it goes; called from the thread that runs the search, and must return quickly."""

    def stage(self, stage: Stage, detail: str) -> None:
        """A stage began, or its detail changed (``baseline``: "37 of 120 tests")."""

    def suspects(self, suspects: Sequence[Suspect]) -> None:
        """The ranked suspicious lines, most suspicious first."""

    def progress(self, tried: int, per_second: float, best: str | None) -> None:
        """Candidates tried so far, their rate, and the best patch so far in one line."""


class Silent:
    """A `Listener` that does nothing."""

    def stage(self, stage: Stage, detail: str) -> None: ...

    def suspects(self, suspects: Sequence[Suspect]) -> None: ...

    def progress(self, tried: int, per_second: float, best: str | None) -> None: ...
