"""What a run over lint findings found out, as the result `quanta fix` shows: a patch, and a word on every finding."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

from quantatissu.foundation.amounts import counted_plainly
from quantatissu.repair.lint.blame import Change, Judged, contents
from quantatissu.repair.lint.files import FileFixes, Left
from quantatissu.repair.prepare import Prepared
from quantatissu.repair.report import FixResult, LintLeft, LintReport, LintRule, Patch
from quantatissu.testing.baseline import Baseline
from quantatissu.workspace import diff_files


@dataclass(frozen=True, slots=True)
class Tests:
    """The project's tests before anything was changed, or why there are none to ask."""

    prepared: Prepared | None = None
    baseline: Baseline | None = None
    absent: str = ""

    @property
    def usable(self) -> bool:
        return self.baseline is not None and bool(self.baseline.passing)


@dataclass(frozen=True, slots=True)
class Outcome:
    """All files' fixes, and which of them the tests bear out."""

    files: list[FileFixes]
    judged: Judged
    tests: Tests


def answer(outcome: Outcome, seconds: Mapping[str, float], warnings: tuple[str, ...]) -> FixResult:
    """The result of a run: a patch of what is kept, and a report on every finding."""
    judged, tests = outcome.judged, outcome.tests
    report = _report(outcome)
    baseline = tests.baseline
    failing = baseline.failing_ids if baseline is not None else ()
    flaky = baseline.flaky if baseline is not None else ()
    answer = FixResult(
        "not_fixed",
        f"None of {counted_plainly(report.found, 'finding')} could be fixed and verified.",
        seconds=seconds,
        warnings=warnings,
        lint=report,
        flaky=flaky,
        failing_before=failing,
        failing_after=failing,
    )
    if not report.fixed:
        return answer
    after = contents(judged.kept)
    before = {file.name: file.file.content for file in outcome.files if file.name in after}
    ours = report.fixed - sum(rule.safe for rule in report.rules)
    patch = Patch(
        diff=diff_files(before, after),
        contents=after,
        before=before,
        explanation="",
        fixes=(),
        verified=judged.proven,
        score=0.0,
        found_at=0,
    )
    findings, files = counted_plainly(report.found, "lint finding"), counted_plainly(len(after), "file")
    message = (
        f"Fixed {report.fixed} of {findings} in {files}, {ours} of them beyond ruff's own safe fixes. {report.tests}"
    )
    return replace(answer, status="fixed", message=message, patch=patch, hint=_hint(report, tests))


def _hint(report: LintReport, tests: Tests) -> str | None:
    held = sum("no test would tell" in left.reason for left in report.left)
    if held and not tests.usable:
        return f"--unsafe fixes up to {held} more, without tests to tell whether the code still does the same."
    return None


def _report(outcome: Outcome) -> LintReport:
    """Findings by rule: a finding is fixed when it is gone from its file as patched."""
    judged = outcome.judged
    dropped: dict[int, list[tuple[Change, tuple[str, ...]]]] = {}
    for change, names in judged.broken:
        dropped.setdefault(id(change.file), []).append((change, names))
    found: Counter[str] = Counter()
    left: list[LintLeft] = []
    safe: Counter[str] = Counter()
    for file in outcome.files:
        found.update(finding.code for finding in file.found)
        left += [_left(one) for one in file.left]
        for change, names in dropped.get(id(file), ()):
            reason = f"the fix breaks {names[0]}" if names else "the fix breaks a test"
            left += [_left(Left(finding, reason)) for finding in change.unit.findings if finding in file.found]
        for unit in file.units:
            safe.update(finding.code for finding in unit.findings if finding.safe and finding in file.found)
    stays = Counter(one.code for one in left)
    rows = []
    for code, count in found.most_common():
        fixed = max(0, count - stays[code])
        rows.append(LintRule(code, count, fixed, min(fixed, safe[code])))
    left.sort(key=lambda one: (one.path, one.line, one.column, one.code))
    return LintReport(tuple(rows), tuple(left), _said(outcome))


def _left(one: Left) -> LintLeft:
    finding = one.finding
    return LintLeft(finding.path, finding.line, finding.column, finding.code, finding.message, one.reason)


def _said(outcome: Outcome) -> str:
    """How the tests bear it out, in a sentence."""
    baseline, absent = outcome.tests.baseline, outcome.tests.absent
    if baseline is None or not baseline.passing:
        return f"No tests bear it out: {absent[:1].lower()}{absent[1:].rstrip('.')}."
    count = counted_plainly(len(baseline.passing), "test")
    if outcome.judged.proven:
        return f"All {count} that passed still pass."
    return f"The {count} that passed did not run to their end with it: raise --max-seconds."
