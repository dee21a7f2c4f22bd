"""The repair run from start to end: prepare, baseline, then localise, search and choose (see `attempt`).

Nothing here writes into the project. Both cores are used: the project's own command runs beside the warm worker during
the baseline.
"""

from __future__ import annotations

import importlib
import threading
from contextlib import ExitStack
from dataclasses import replace

from quantatissu.repair.clock import Clock
from quantatissu.repair.prepare import Prepared, prepare
from quantatissu.repair.report import FixOptions, FixResult, Listener
from quantatissu.repair.verdicts import environment_verdict, nothing_failing, unusable_verdict
from quantatissu.testing.baseline import Baseline, last_failures, run_baseline

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
        if prepared.setup.command.kind != "generic":
            prepared.begin_opening()
        # The operators take a while to load; the tests run meanwhile.
        threading.Thread(target=importlib.import_module, args=("quantatissu.repair.attempt",), daemon=True).start()
        baseline = run_baseline(
            prepared.clean,
            prepared.slots[-1],
            seconds=max(5.0, clock.total * _BASELINE_SHARE),
            first=last_failures(prepared.root),
            on_progress=lambda text: listener.stage("baseline", text),
        )
        result = _repair(options, listener, clock, prepared, baseline)
        return replace(
            result,
            flaky=baseline.flaky,
            not_run=baseline.not_run,
            seconds=clock.seconds(),
            warnings=(*prepared.warnings, *result.warnings),
        )


def _repair(options: FixOptions, listener: Listener, clock: Clock, prepared: Prepared, baseline: Baseline) -> FixResult:
    if baseline.unusable is not None:
        return unusable_verdict(prepared, baseline)
    if not baseline.failing:
        return nothing_failing(baseline)
    verdict = environment_verdict(prepared, baseline)
    if verdict is not None:
        return verdict
    from quantatissu.repair.attempt import Attempt

    return Attempt(options, listener, clock, prepared, baseline).repair()
