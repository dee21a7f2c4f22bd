"""What a project's tests say before anything is changed: run twice, by two different ways, at once.

One run is the project's own command in a clean process; it is the ground truth. The other goes through the warm
worker, test by test with a time limit each, and records failures in detail. A test on which the two disagree is tried
again by itself: either it is flaky, and set aside by name, or the warm worker is not to be trusted with this project,
and candidates are run from fresh imports instead.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from quantatissu.testing.client import Limit
from quantatissu.testing.records import Collected, Ran, TestResult
from quantatissu.testing.slot import CleanRun, Slot

# A test that takes longer is stopped in the worker, and believed to hang unless the clean run says otherwise.
HANG_SECONDS = 5.0  # of processor time
WALL_SECONDS = 20.0


@dataclass(frozen=True)
class Baseline:
    """The state of the suite.

    ``failing`` holds the failing tests with their details, in the order of the suite; modules that do not import stand
    for their tests. ``passing`` maps the ids of passing tests to seconds. ``hot`` says whether changed functions may be
    swapped into the warm process. ``not_run`` counts tests the time allowed did not reach.
    ``unstable`` names functions whose parametrized tests have other ids in every process.
    """

    failing: tuple[TestResult, ...]
    passing: Mapping[str, float]
    flaky: tuple[str, ...]
    hot: bool
    collected: Collected | None
    clean: CleanRun | None
    not_run: int = 0
    seconds: float = 0.0
    unusable: str | None = None
    unstable: frozenset[str] = frozenset()

    @property
    def usual_seconds(self) -> float:
        """How long the project's own command takes, or is taken to where it did not come to its end."""
        clean = self.clean
        return clean.seconds if clean is not None and clean.complete else 2 * sum(self.passing.values())

    @property
    def failing_ids(self) -> tuple[str, ...]:
        return tuple(result.id for result in self.failing)

    def passed(self, name: str, results: Mapping[str, TestResult]) -> bool:
        """Whether a test passed in a run; one with an unstable id did when all tests of its function passed."""
        result = results.get(name)
        if result is None and (function := function_of(name)) in self.unstable:
            group = [other for other in results.values() if function_of(other.id) == function]
            return bool(group) and all(other.passed for other in group)
        return result is not None and result.passed


def function_of(name: str) -> str:
    """A test's id without the parameters."""
    return name.split("[", 1)[0]


def _unstable(one: Iterable[str], other: Iterable[str]) -> frozenset[str]:
    """Functions whose parametrized tests have other ids in another process, though as many of them."""
    first, second = set(one), set(other)
    counts = [Counter(function_of(name) for name in names) for names in (first, second)]
    changed = {function_of(name) for name in first ^ second if name.endswith("]")}
    return frozenset(name for name in changed if counts[0][name] == counts[1][name])


@dataclass
class _WorkerRun:
    collected: Collected | None = None
    results: dict[str, TestResult] = field(default_factory=dict)
    unusable: str | None = None
    not_run: int = 0
    error: BaseException | None = None


def run_baseline(
    clean_slot: Slot,
    warm_slot: Slot,
    *,
    seconds: float,
    first: Sequence[str] = (),
    on_progress: Callable[[str], None] = lambda text: None,
    ahead: Callable[[Baseline], None] = lambda baseline: None,
    meanwhile: Callable[[CleanRun], None] = lambda clean: None,
) -> Baseline:
    """Run the suite both ways at once, within about ``seconds``. ``first`` are ids to begin with (last failures).

    The first way to end lends its core to the next step: ``ahead`` is called with what the worker alone found, in the
    worker's thread, and may use ``warm_slot``; ``meanwhile`` with the clean run, in the calling thread. Raises what the
    worker raised when it could not start, and what either of the two raises.
    """
    began = time.monotonic()
    warm = _WorkerRun()
    hanging = threading.Event()

    def work() -> None:
        _run_worker(warm_slot, warm, seconds, first, on_progress)
        took = time.monotonic() - began
        if warm.error is None:
            try:
                ahead(_combine(None, warm, warm_slot, began))
            except BaseException as error:
                warm.error = error
        if warm.error is not None or any(result.outcome == "timeout" for result in warm.results.values()):
            # The clean run hangs where this one did. It may still be slow rather than hanging: it gets as long again.
            hanging.wait(min(seconds / 2, max(0.0, began + 2 * took - time.monotonic())))
            hanging.set()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    clean = clean_slot.clean_run(seconds, hanging)
    clean_slot.reset()
    hanging.set()
    meanwhile(clean)
    thread.join()
    if warm.error is not None:
        raise warm.error
    return _combine(clean, warm, warm_slot, began)


def last_failures(root: Path, limit: int = 200) -> list[str]:
    """Test ids that pytest remembers as failed in this project; empty when it remembers none."""
    try:
        data = json.loads((root / ".pytest_cache/v/cache/lastfailed").read_text("utf-8"))
    except (OSError, ValueError):
        return []
    return [name for name in data if isinstance(name, str)][:limit] if isinstance(data, dict) else []


def _run_worker(
    slot: Slot, out: _WorkerRun, seconds: float, first: Sequence[str], on_progress: Callable[[str], None]
) -> None:
    try:
        deadline = time.monotonic() + seconds
        opened = slot.open(seconds, trace_imports=True)
        if isinstance(opened, str):
            out.unusable = opened
            return
        out.collected = opened
        for error in opened.errors:
            out.results[error.id] = error
        slot.watch()
        known = set(opened.ids)
        remembered = [test for test in first if test in known]
        order = [*remembered, *(test for test in opened.ids if test not in set(remembered))]
        limits = {"*": Limit(HANG_SECONDS, WALL_SECONDS)}
        while order:
            left = deadline - time.monotonic()
            if left <= 0:
                break
            done = len(out.results)
            on_progress(f"{done} of {len(opened.ids)} tests" if done else f"{len(opened.ids)} tests, each of two ways")
            ran = slot.run(order, limits=limits, total=left, detail=True)
            if not ran.results:
                break
            for result in ran.results:
                out.results[result.id] = result
            order = [test for test in order if test not in out.results]
            slot.reset()
            if (
                ran.ended == "timeout"
                and deadline - time.monotonic() <= 0
                and out.results[ran.results[-1].id].outcome == "timeout"
            ):
                # It was the whole run that ended, not this test that hung.
                order.insert(0, ran.results[-1].id)
                if len(out.results) > 1:
                    del out.results[ran.results[-1].id]
        out.not_run = len(order)
    except BaseException as error:
        out.error = error


def _combine(clean: CleanRun | None, warm: _WorkerRun, slot: Slot, began: float) -> Baseline:
    """What both runs say together; what the worker alone says while there is no clean run."""
    seconds = time.monotonic() - began
    if warm.collected is None:
        return Baseline((), {}, (), False, None, clean, unusable=warm.unusable or "", seconds=seconds)
    flaky: list[str] = []
    disagree: list[str] = []
    failing: list[TestResult] = []
    passing: dict[str, float] = {}
    cleanly = clean.results if clean is not None and clean.complete else {}
    for name, result in warm.results.items():
        other = cleanly.get(name)
        if other is not None and other.passed != result.passed and (other.passed or result.passed):
            disagree.append(name)
        elif result.failed:
            failing.append(result)
        elif result.passed:
            passing[name] = result.seconds
    hot = warm.collected.threads <= 1
    if disagree:
        settled = _settle(slot, disagree)
        for name in disagree:
            clean_passed, again = cleanly[name].passed, settled.get(name)
            if again is not None and again.passed == clean_passed:
                # A fresh import agrees with the project's own command: it is the warm process that differs.
                hot = False
                if again.failed:
                    failing.append(again)
                else:
                    passing[name] = again.seconds
            else:
                flaky.append(name)
    order = {name: number for number, name in enumerate(warm.results)}
    failing.sort(key=lambda result: order.get(result.id, 0))
    return Baseline(
        failing=tuple(failing),
        passing=passing,
        flaky=tuple(flaky),
        hot=hot,
        collected=warm.collected,
        clean=clean,
        not_run=warm.not_run,
        seconds=time.monotonic() - began,
        unstable=_unstable(warm.results, cleanly) if cleanly else frozenset(),
    )


def _settle(slot: Slot, names: Sequence[str]) -> dict[str, TestResult]:
    ran: Ran = slot.run(list(names), limits={"*": Limit(HANG_SECONDS, WALL_SECONDS)}, total=60, hot=False, detail=True)
    slot.reset()
    return {result.id: result for result in ran.results}
