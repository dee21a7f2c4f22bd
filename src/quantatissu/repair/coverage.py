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


class Tracing:
    """Coverage of the baseline, gathered on one slot; others may assist with the passing tests as they become free."""

    def __init__(self, baseline: Baseline, seconds: float) -> None:
        """``seconds`` bounds the tracing of passing tests."""
        self.baseline = baseline
        self.seconds = seconds
        collected = baseline.collected
        self.coverage = Coverage(imports=collected.imports if collected is not None else {})
        self._files: tuple[str, ...] = ()
        self._order: list[str] = []
        self._deadline = 0.0
        self._lock = threading.Lock()
        self._ready = threading.Event()
        self._assisting = 0
        self._assisted = threading.Condition(self._lock)

    def run(self, slot: Slot) -> Coverage:
        """Trace the failing tests, then the passing ones in the files that those reach."""
        try:
            self._failing(slot)
            self._files = tuple(sorted(self.coverage.files()))
            passing = self.baseline.passing
            quick = [name for name, taken in passing.items() if taken <= _SLOW_TEST]
            self._order = sorted(quick or passing, key=lambda name: passing[name]) if self._files else []
            self._deadline = time.monotonic() + self.seconds
        finally:
            self._ready.set()
        self._passing(slot)
        with self._assisted:
            self._assisted.wait_for(lambda: not self._assisting)
        return self.coverage

    def assist(self, slot: Slot) -> None:
        """Trace passing tests on another slot, until none is left."""
        with self._lock:
            self._assisting += 1
        try:
            self._ready.wait()
            self._passing(slot)
        finally:
            with self._assisted:
                self._assisting -= 1
                self._assisted.notify_all()

    def _failing(self, slot: Slot) -> None:
        results = self.baseline.failing
        tests = [result for result in results if not result.collection][:_FAILING_TRACED]
        hanging = [result.id for result in tests if result.outcome == "timeout"]
        ending = [result.id for result in tests if result.outcome != "timeout"]
        self.coverage.failing.update(_traced(slot, self.baseline.hot, ending, hanging))
        for result in results:
            if result.collection:
                self.coverage.failing[result.id] = self.coverage.imports

    def _passing(self, slot: Slot) -> None:
        while True:
            with self._lock:
                size = max(1, min(_BATCH, len(self._order) // 4))
                batch, self._order[:] = self._order[:size], self._order[size:]
            left = self._deadline - time.monotonic()
            if not batch or left <= 0:
                return
            ran = slot.run(batch, limits=_TRACED, total=left, hot=self.baseline.hot, trace=Trace(files=self._files))
            slot.reset()
            found = {result.id: result.lines or {} for result in ran.results if result.passed}
            with self._lock:
                self.coverage.passing.update(found)


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


def _traced(
    slot: Slot, hot: bool, ending: Sequence[str], hanging: Sequence[str]
) -> dict[str, Mapping[str, Sequence[int]]]:
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
    return {result.id: result.lines for ran in runs for result in ran.results if result.lines}
