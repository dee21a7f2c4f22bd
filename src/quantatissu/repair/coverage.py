"""Which lines the tests run, gathered within a time bound: the failing ones, then the passing ones where it matters.

Passing tests are traced only in files that failing tests reach, so a project of 50,000 lines costs what the failing
tests touch of it. A test that hangs is traced for a bounded number of lines.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence

from quantatissu.repair.evaluate import State, SuiteEvaluator
from quantatissu.repair.localise import Coverage
from quantatissu.testing.baseline import Baseline
from quantatissu.testing.client import Limit, Trace
from quantatissu.testing.records import Ran, TestResult
from quantatissu.testing.slot import Slot

_FAILING_TRACED = 30
_HANG_LINES = 200_000
_TRACED = {"*": Limit(None, 20.0)}
_BATCH = 50
_SLOW_TEST = 0.15  # seconds of a passing test beyond which tracing it, several times slower, tells too little too late


def trace(slots: Sequence[Slot], baseline: Baseline, seconds: float) -> Coverage:
    """Coverage of the baseline. ``seconds`` bounds the tracing of passing tests."""
    coverage = Coverage()
    modules = [result.id for result in baseline.failing if result.collection]
    tests = [result for result in baseline.failing if not result.collection][:_FAILING_TRACED]
    hanging = [result.id for result in tests if result.outcome == "timeout"]
    ending = [result.id for result in tests if result.outcome != "timeout"]

    def imports() -> None:
        coverage.imports = _imports(slots[-1])

    other = threading.Thread(target=imports)
    if len(slots) > 1:
        other.start()
    traced = _failing(slots[0], baseline.hot, ending, hanging)
    if len(slots) > 1:
        other.join()
    else:
        imports()
    coverage.failing.update({name: lines for name, (_, lines) in traced.items() if lines})
    for name in modules:
        coverage.failing[name] = coverage.imports
    _passing(slots, baseline, coverage, seconds)
    return coverage


def trace_state(
    slot: Slot, evaluator: SuiteEvaluator, state: State
) -> tuple[list[TestResult], dict[str, Mapping[str, Sequence[int]]]]:
    """Failures and their coverage on a patched branch (already written into ``slot``)."""
    names = list(state.failing)[:_FAILING_TRACED]
    hot = evaluator.hot and state.units is not None
    units = list((state.units or {}).values()) if hot else []
    ran = slot.run(names, limits=_TRACED, total=30, units=units, hot=hot, detail=True, trace=Trace(budget=_HANG_LINES))
    if ran.needs_fresh_import:
        ran = slot.run(names, limits=_TRACED, total=30, hot=False, detail=True, trace=Trace(budget=_HANG_LINES))
    slot.reset()
    failing = [result for result in ran.results if result.failed]
    return failing, {result.id: result.lines for result in failing if result.lines}


def _imports(slot: Slot) -> Mapping[str, Sequence[int]]:
    """Lines that run while the tests are being collected."""
    ran = slot.run(
        None,
        limits={"*": Limit(None, 30.0)},
        total=30,
        hot=False,
        trace=Trace(imports=True, tests=False),
        only_collect=True,
    )
    slot.reset()
    return ran.imports


def _failing(
    slot: Slot, hot: bool, ending: Sequence[str], hanging: Sequence[str]
) -> dict[str, tuple[TestResult, Mapping[str, Sequence[int]]]]:
    runs: list[Ran] = []
    left = list(ending)
    while left:
        ran = slot.run(left, limits=_TRACED, total=30, hot=hot, trace=Trace())
        slot.reset()
        runs.append(ran)
        done = {result.id for result in ran.results}
        waiting, left = left, [name for name in left if name not in done]
        if len(left) == len(waiting):
            break  # nothing asked for ran: asking again would not end
    for name in hanging:
        runs.append(slot.run([name], limits=_TRACED, total=20, hot=hot, trace=Trace(budget=_HANG_LINES)))
        slot.reset()
    return {result.id: (result, result.lines) for ran in runs for result in ran.results if result.lines}


def _passing(slots: Sequence[Slot], baseline: Baseline, coverage: Coverage, seconds: float) -> None:
    files = tuple(sorted(coverage.files()))
    if not files:
        return
    deadline = time.monotonic() + seconds
    quick = [name for name, taken in baseline.passing.items() if taken <= _SLOW_TEST]
    order = sorted(quick or baseline.passing, key=lambda name: baseline.passing[name])
    lock = threading.Lock()
    size = max(1, min(_BATCH, len(order) // (3 * len(slots))))

    def work(slot: Slot) -> None:
        while True:
            with lock:
                batch, order[:] = order[:size], order[size:]
            left = deadline - time.monotonic()
            if not batch or left <= 0:
                return
            ran = slot.run(batch, limits=_TRACED, total=left, hot=baseline.hot, trace=Trace(files=files))
            slot.reset()
            found = {result.id: result.lines or {} for result in ran.results if result.passed}
            with lock:
                coverage.passing.update(found)

    threads = [threading.Thread(target=work, args=(slot,)) for slot in slots]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
