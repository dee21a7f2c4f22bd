"""Answers that need no search: nothing fails, the suite cannot run, or the failure is no code bug."""

from __future__ import annotations

from quantatissu.diagnostics import Diagnostic, Frame, parse
from quantatissu.diagnostics.explain import environment_cause
from quantatissu.repair.prepare import Prepared
from quantatissu.repair.report import FixResult
from quantatissu.testing import Raised
from quantatissu.testing.baseline import Baseline
from quantatissu.testing.layout import project_modules


def nothing_failing(baseline: Baseline) -> FixResult:
    """No test fails twice: the suite is green, empty, flaky, or its command fails for another reason."""
    total = len(baseline.passing)
    if baseline.flaky:
        names = ", ".join(baseline.flaky[:5])
        return FixResult(
            "nothing_to_fix",
            f"No test fails reliably. {len(baseline.flaky)} gave different answers in two runs: {names}.",
            hint="A flaky test depends on time, order, randomness or shared state; repair that first.",
        )
    if not total:
        return FixResult("nothing_to_fix", "The test command ran no tests that pass or fail.")
    clean = baseline.clean
    if clean is not None and clean.complete and not clean.finished.ok:
        last = next((line for line in reversed(clean.output.splitlines()) if line.strip()), "")
        return FixResult(
            "nothing_to_fix",
            f"All {total} tests pass, yet the command ends with exit code {clean.finished.exit_code}: {last.strip()}",
            hint="Something beside the tests fails it, such as a coverage threshold or a warning filter.",
        )
    more = f"; {baseline.not_run} were not run, the time was too short" if baseline.not_run else ""
    hint = "Raise --max-seconds, or name the failing test in --test." if baseline.not_run else None
    return FixResult("nothing_to_fix", f"Nothing to fix: {total} tests pass{more}.", hint=hint)


def unusable_verdict(prepared: Prepared, baseline: Baseline) -> FixResult:
    """The runner could not collect the tests at all."""
    output = baseline.clean.output if baseline.clean is not None else ""
    diagnostics = parse(output, command=prepared.setup.command.text)
    cause = environment_cause(diagnostics, project_modules=project_modules(prepared.root))
    if cause is not None:
        return FixResult("error", cause.message, hint=cause.suggestion)
    if baseline.unusable == "timeout":
        return FixResult("error", "Collecting the tests took too long.", hint="Raise --max-seconds, or select fewer.")
    if baseline.unusable == "5":
        return FixResult("error", "The test command found no tests.", hint="Pass the right one with --test.")
    lines = [line for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.lstrip().startswith(("ERROR", "E  ", "error:"))] or lines
    said = diagnostics[0].message if diagnostics else (errors[-1].strip() if errors else "it said nothing")
    return FixResult(
        "error",
        f"The tests could not be run: {said}",
        hint=f"The command was: {prepared.setup.command.text}",
    )


def environment_verdict(prepared: Prepared, baseline: Baseline) -> FixResult | None:
    """An answer when every failure comes from the surroundings; None when there is something to repair."""
    diagnostics = [_diagnostic(result.id, result.raised) for result in baseline.failing if result.raised is not None]
    if len(diagnostics) < len(baseline.failing):
        return None
    cause = environment_cause(diagnostics, project_modules=project_modules(prepared.root))
    if cause is None:
        return None
    return FixResult(
        "error",
        cause.message,
        failing_before=baseline.failing_ids,
        failing_after=baseline.failing_ids,
        hint=cause.suggestion,
    )


def _diagnostic(test: str, raised: Raised) -> Diagnostic:
    """What the worker saw raised, in the form that printed output is parsed into."""
    name = raised.type.removeprefix("builtins.")
    frames = tuple(Frame(path, line, function) for path, line, function in raised.frames)
    causes = (_diagnostic(test, raised.cause),) if raised.cause is not None else ()
    return Diagnostic(
        tool="python",
        kind="runtime",
        severity="error",
        message=raised.message,
        code=name,
        test=test,
        frames=frames,
        causes=causes,
        raw=f"{name}: {raised.message}",
    )
