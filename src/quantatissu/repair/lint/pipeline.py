"""Fixing lint findings from start to end: ask ruff, fix file by file while the tests run, judge by the tests.

Nothing here writes into the project.
"""

from __future__ import annotations

import fnmatch
import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from quantatissu.foundation import QuantaError
from quantatissu.repair.clock import Clock
from quantatissu.repair.lint.answer import Outcome, Tests, answer
from quantatissu.repair.lint.blame import Change, Judged, judge
from quantatissu.repair.lint.files import FileFixes, fix_file
from quantatissu.repair.lint.ruff import Finding, Ruff
from quantatissu.repair.lint.steps import Key
from quantatissu.repair.prepare import prepare
from quantatissu.repair.report import FixOptions, FixResult, LintOptions, Listener, Silent
from quantatissu.repair.texts import decode
from quantatissu.repair.verdicts import unusable_verdict
from quantatissu.testing import locate
from quantatissu.testing.baseline import last_failures, run_baseline

_FIXING_SHARE = 0.6  # of the whole budget, for edits and their re-linting
_BASELINE_SHARE = 0.5
_AGAIN = 3  # times that files are fixed otherwise where a test broke
_AGAIN_SECONDS = 5.0  # for one of them at least


def fix_lint(options: FixOptions, lint: LintOptions, listener: Listener | None = None) -> FixResult:
    """Fix what ruff finds in the project at ``options.path``; nothing in it is written.

    An edit counts when ruff finds less with it and nothing else, the syntax tree is as promised, and the tests that
    passed pass. Raises QuantaError when the run cannot begin: no ruff, a rule that is not one, a broken test command.
    """
    listener = listener or Silent()
    clock = Clock(options.max_seconds)
    clock.enter("lint")
    listener.stage("lint", "asking ruff")
    place = locate(options.path)
    ruff = Ruff(place.root, lint.select)
    found, refused = ruff.check_path(place.root / (place.selection[0] if place.selection else place.editable))
    found = {name: findings for name, findings in found.items() if _editable(place.root, name, options.files)}
    warnings = tuple(f"{name} was left out: {reason}." for name, reason in [*refused.items()][:5])
    if not found:
        return FixResult(
            "nothing_to_fix", "Nothing to fix: ruff finds nothing.", seconds=clock.seconds(), warnings=warnings
        )
    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(1))
        tests = pool.submit(_run_tests, options, stack, clock)
        run = _Run(ruff, found, lint, tests, clock, listener)
        try:
            outcome = run()
        except KeyboardInterrupt:
            message = "Stopped before the fixes were verified."
            return FixResult("not_fixed", message, interrupted=True, seconds=clock.seconds(), warnings=warnings)
        if outcome.tests.prepared is not None:
            warnings += outcome.tests.prepared.warnings
        return answer(outcome, clock.seconds(), warnings)


def _editable(root: Path, name: str, globs: Sequence[str]) -> bool:
    path = root / name
    if path.is_symlink() or not os.access(path, os.R_OK):
        return False
    return not globs or any(fnmatch.fnmatch(name, glob) for glob in globs)


def _run_tests(options: FixOptions, stack: ExitStack, clock: Clock) -> Tests:
    """The suite as it is. A project without tests has none; a test command that the user gave must work."""
    try:
        prepared = prepare(options, stack)
        baseline = run_baseline(
            prepared.clean,
            prepared.warm,
            seconds=max(5.0, clock.total * _BASELINE_SHARE),
            first=last_failures(prepared.root),
        )
    except QuantaError as error:
        if options.test is not None:
            raise
        return Tests(absent=error.message)
    if baseline.unusable is None:
        return Tests(prepared, baseline, "" if baseline.passing else "no test passes")
    verdict = unusable_verdict(prepared, baseline)
    if options.test is not None:
        raise QuantaError(verdict.message, hint=verdict.hint)
    return Tests(prepared, None, verdict.message)


@dataclass
class _Run:
    """One run over the findings of ``found``, by file, while ``tests`` become known."""

    ruff: Ruff
    found: Mapping[str, list[Finding]]
    lint: LintOptions
    tests: Future[Tests]
    clock: Clock
    listener: Listener

    def __post_init__(self) -> None:
        self._rules = frozenset(finding.code for findings in self.found.values() for finding in findings)
        self._banned: dict[str, dict[Key, str]] = {}

    def __call__(self) -> Outcome:
        # Edits that only a test could judge are tried before it is known whether one will: dropping them is quick.
        files = self._fix_all()
        self.clock.enter("baseline")
        tests = self.tests.result()
        if not tests.usable and not self.lint.unsafe:
            files = [self._fix(one, risky=False) if any(unit.risky for unit in one.units) else one for one in files]
        self.clock.enter("verify")
        for turn in range(_AGAIN):
            judged = self._judge(tests, files)
            if not judged.broken or self.clock.left <= 0 or turn == _AGAIN - 1:
                break
            files = self._fix_again(files, judged)
        return Outcome(files, judged, tests)

    def _fix_all(self) -> list[FileFixes]:
        """Every file's fixes; two files at once, since ruff is a process of its own."""
        deadline = self.clock.began + self.clock.total * _FIXING_SHARE
        total = sum(map(len, self.found.values()))
        done: list[FileFixes] = []

        def fix(name: str) -> FileFixes | None:
            file = decode((self.ruff.root / name).read_bytes())
            if file is None:
                return None
            return fix_file(self.ruff, name, file, rules=self._rules, risky=True, deadline=deadline)

        with ThreadPoolExecutor(max(1, len(os.sched_getaffinity(0)))) as pool:
            for number, fixes in enumerate(pool.map(fix, self.found), start=1):
                if fixes is not None:
                    done.append(fixes)
                self.listener.stage("lint", f"{total} findings, {number} of {len(self.found)} files")
        return done

    def _fix(self, file: FileFixes, *, risky: bool) -> FileFixes:
        deadline = max(self.clock.began + self.clock.total * _FIXING_SHARE, time.monotonic() + _AGAIN_SECONDS)
        banned = self._banned.get(file.name)
        return fix_file(
            self.ruff, file.name, file.file, rules=self._rules, risky=risky, deadline=deadline, banned=banned
        )

    def _fix_again(self, files: Sequence[FileFixes], judged: Judged) -> list[FileFixes]:
        """The files with edits that broke a test once more, without those edits: other candidates get their turn."""
        for change, tests in judged.broken:
            banned = self._banned.setdefault(change.file.name, {})
            banned |= dict.fromkeys(change.unit.suspects, f"the fix breaks {tests[0]}" if tests else "it breaks a test")
        names = {change.file.name for change, _ in judged.broken}
        return [self._fix(one, risky=True) if one.name in names else one for one in files]

    def _judge(self, tests: Tests, files: Sequence[FileFixes]) -> Judged:
        changes = [Change(file, unit) for file in files for unit in file.units]
        if not changes or not tests.usable:
            return Judged(changes)
        assert tests.prepared is not None and tests.baseline is not None
        return judge(
            tests.prepared,
            tests.baseline,
            changes,
            deadline=self.clock.began + self.clock.total,
            on_progress=lambda text: self.listener.stage("verify", text),
        )
