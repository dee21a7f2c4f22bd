"""The repair run from start to end: prepare, baseline, then localise, search and choose (see `attempt`).

Nothing here writes into the project. Both cores are used from the start: the project's own command runs beside the warm
worker; whichever ends first goes on with the next step, and what the worker found is relied on if the command agrees.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from quantatissu.repair.clock import Clock
from quantatissu.repair.prepare import Prepared, prepare
from quantatissu.repair.report import FixOptions, FixResult, Listener
from quantatissu.repair.verdicts import environment_verdict, nothing_failing, unusable_verdict
from quantatissu.testing.baseline import Baseline, last_failures, run_baseline

if TYPE_CHECKING:
    from quantatissu.repair.attempt import Attempt

_BASELINE_SHARE = 0.5


def run(options: FixOptions, listener: Listener) -> FixResult:
    """One repair run. Raises QuantaError when it cannot begin; otherwise always answers."""
    clock = Clock(options.max_seconds)
    clock.enter("prepare")
    listener.stage("prepare", "looking at the project")
    with ExitStack() as stack:
        prepared = prepare(options, stack)
        clock.enter("baseline")
        listener.stage("baseline", prepared.setup.command.text)
        # The operators take a while to load; the tests run meanwhile.
        attempt = stack.enter_context(ThreadPoolExecutor(1)).submit(_attempt, options, listener, clock, prepared)
        stack.callback(lambda: attempt.result().close())
        baseline = run_baseline(
            prepared.clean,
            prepared.warm,
            seconds=max(5.0, clock.total * _BASELINE_SHARE),
            first=last_failures(prepared.root),
            on_progress=lambda text: listener.stage("baseline", text),
            ahead=lambda found: attempt.result().look_ahead(found),
            meanwhile=lambda clean: None if clean.finished.ok else prepared.begin_opening(),
        )
        result = _verdict(prepared, baseline) or attempt.result().repair(baseline)
        return replace(
            result,
            flaky=baseline.flaky,
            not_run=baseline.not_run,
            seconds=clock.seconds(),
            warnings=(*prepared.warnings, *result.warnings),
        )


def _attempt(options: FixOptions, listener: Listener, clock: Clock, prepared: Prepared) -> Attempt:
    from quantatissu.repair.attempt import Attempt

    return Attempt(options, listener, clock, prepared)


def _verdict(prepared: Prepared, baseline: Baseline) -> FixResult | None:
    """An answer where there is nothing to search for; None when there is a fault to repair."""
    if baseline.unusable is not None:
        return unusable_verdict(prepared, baseline)
    if not baseline.failing:
        return nothing_failing(baseline)
    return environment_verdict(prepared, baseline)
