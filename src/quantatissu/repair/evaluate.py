"""What a candidate is worth: the failing tests first, then those it may have broken, then the whole suite.

Most candidates die on their first failing test, in a few milliseconds. One that passes everything in the warm worker
is still only *plausible*; it counts as solved when the project's own command, in a clean process on the patched
branch, reports every test as passed that should pass.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from quantatissu.planning import Node, Value
from quantatissu.repair.candidates import Candidate
from quantatissu.repair.freshness import Freshness
from quantatissu.repair.localise import Coverage
from quantatissu.repair.texts import Texts
from quantatissu.repair.units import unit
from quantatissu.testing.baseline import HANG_SECONDS, WALL_SECONDS, Baseline
from quantatissu.testing.client import Limit, Unit
from quantatissu.testing.records import Ran, TestResult
from quantatissu.testing.slot import CleanRun, Slot

_REPRESENTATIVES = 3
_BATCH = 200  # tests run in one fork
_PATIENCE = 0.2  # seconds that a failing test is taken to need, at most, where no passing one needs more
_MODULE_WEIGHT = 1000  # a module that does not import hides many tests
_WARM_SUITE_SECONDS = 4.0


@dataclass(frozen=True)
class State:
    """The project at a node: changed texts by absolute path, the functions they change, and what still fails.

    ``units`` is None when the change needs fresh imports. ``failing`` are ids (of modules that do not import, too).
    """

    texts: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[tuple[str, tuple[str, ...], str], Unit] | None = field(default_factory=dict)
    failing: tuple[str, ...] = ()
    verified: bool = False


_REJECTED = Value(-2.0)


class SuiteEvaluator:
    """Evaluates candidates on a pool of slots, one candidate a slot at a time. Slots may join the pool at any time."""

    def __init__(
        self,
        pool: queue.SimpleQueue[Slot],
        baseline: Baseline,
        coverage: Coverage,
        texts: Texts,
    ) -> None:
        self.baseline = baseline
        self.coverage = coverage
        self.texts = texts
        self.hot = baseline.hot
        self._freshness = Freshness(baseline.hot, coverage, texts)
        self.root = State(failing=baseline.failing_ids)
        self._modules = {result.id for result in baseline.failing if result.collection}
        patience = max(_PATIENCE, *baseline.passing.values(), 0.0)
        failed = {r.id: min(r.seconds, patience) for r in baseline.failing if r.outcome == "failed"}
        self._seconds = {**failed, **baseline.passing}
        self._free = pool
        self._lock = threading.Lock()
        self._misled: set[str] = set()  # tests that depend on which others run before them
        self._trusted: set[str] = set()
        self.first_at: float | None = None  # when the first candidate was tried, by the monotonic clock
        self.deadline = float("inf")  # by the monotonic clock; no run begun is let go much beyond it
        self.proven = 0
        self.unproven = 0

    @contextmanager
    def slot(self) -> Iterator[Slot]:
        """Borrow a slot; its branch is put back in order afterwards."""
        slot = self._free.get()
        try:
            yield slot
        finally:
            slot.reset()
            self._free.put(slot)

    # -- state ----------------------------------------------------------------------------------------------------

    def state(self, node: Node) -> State:
        """The state of an evaluated node that was kept."""
        return node.value.data if isinstance(node.value.data, State) else self.root

    def child(self, parent: State, candidate: Candidate) -> State | None:
        """The state one edit further; None when it does not apply or cannot be encoded."""
        source = self.texts.source(candidate.path, parent.texts.get(candidate.path))
        original, file = self.texts.source(candidate.path), self.texts.file(candidate.path)
        if file is None:
            return None
        before = parent.texts.get(candidate.path, file.text)
        try:
            text = candidate.rewrite.apply(before)
            file.encode(text)
        except (ValueError, UnicodeEncodeError):
            return None
        if text == file.text:
            return None
        units = parent.units
        if units is not None:
            found = unit(source, original, text, candidate.rewrite.edits) if source and original else None
            if found is None or self._freshness.needed(candidate.path, found[1], candidate.rewrite.line):
                units = None
            else:
                one = found[0]
                units = {**units, (one.path, one.classes, one.name): one}
        return State({**parent.texts, candidate.path: text}, units, parent.failing)

    # -- evaluation -----------------------------------------------------------------------------------------------

    def evaluate(self, node: Node) -> Value:
        assert node.thought is not None and node.parent is not None
        state = self.child(self.state(node.parent), node.thought.action)
        if state is None:
            return _REJECTED
        with self.slot() as slot:
            if self.first_at is None:
                self.first_at = time.monotonic()
            slot.write(self.encoded(state))
            return self._value(slot, state)

    def encoded(self, state: State) -> dict[str, bytes]:
        """The changed files' bytes by path relative to the root."""
        files = {}
        for path, text in state.texts.items():
            file = self.texts.file(path)
            assert file is not None
            files[self.texts.relative(path)] = file.encode(text)
        return files

    def _value(self, slot: Slot, state: State) -> Value:
        first, rest = self._representatives(state.failing)
        failing = self._still_failing(slot, state, first)
        if set(first) <= failing:
            return _REJECTED
        failing |= self._still_failing(slot, state, rest)
        if self._weight(failing) >= self._weight(state.failing):
            return _REJECTED
        if self._breaks_any(slot, state):
            return _REJECTED
        remaining = tuple(sorted(failing))
        value = State(state.texts, state.units, remaining)
        score = -self._weight(remaining) / max(1, self._weight(self.root.failing))
        if remaining:
            return Value(score, promising=True, data=value)
        with self._lock:
            prove = self.proven == 0
        if prove:
            if not self.prove(slot):
                with self._lock:
                    self.unproven += 1
                return Value(-0.5)
            with self._lock:
                self.proven += 1
        return Value(0.0, solved=True, data=State(state.texts, state.units, (), verified=prove))

    def _weight(self, failing: Sequence[str] | set[str]) -> int:
        return sum(_MODULE_WEIGHT if name in self._modules else 1 for name in failing)

    def _representatives(self, failing: Sequence[str]) -> tuple[list[str], list[str]]:
        """A few quick failing tests that fail in different ways, and the others."""
        known = {result.id: result for result in self.baseline.failing}
        kinds: dict[object, list[str]] = {}
        for name in failing:
            raised = known[name].raised if name in known else None
            kind = (raised.type, raised.frames[-1:] if raised.frames else None) if raised else None
            kinds.setdefault(kind, []).append(name)
        quickest = [min(names, key=lambda name: self._seconds.get(name, 9.0)) for names in kinds.values()]
        first = sorted(quickest, key=lambda name: self._seconds.get(name, 9.0))[:_REPRESENTATIVES]
        return first, [name for name in failing if name not in first]

    def limits(self, names: Sequence[str]) -> dict[str, Limit]:
        """Time bounds from what each test took before: generous for quick ones, in processor time.

        A test that took long to fail, waiting for what never came, is not given as long again by every candidate.
        """
        bounds = {}
        for name in names:
            seconds = self._seconds.get(name)
            if seconds is not None:
                bounds[name] = Limit(0.3 + 6 * seconds, 1.0 + 10 * seconds)
        bounds["*"] = Limit(1.0, 2.0)
        return bounds

    def run(self, slot: Slot, state: State, names: Sequence[str], *, stop: bool) -> Ran:
        """Run tests on a state, warm if possible, else from fresh imports."""
        limits = self.limits(names)
        total = min(sum(limits.get(name, limits["*"]).wall for name in names), self._left())
        if self.hot and state.units is not None and not self._modules.intersection(names):
            ran = slot.run(names, limits=limits, total=total, units=list(state.units.values()), stop=stop)
            if not ran.needs_fresh_import:
                return ran
        return slot.run(names, limits=limits, total=total, hot=False, stop=stop)

    def _still_failing(self, slot: Slot, state: State, names: Sequence[str]) -> set[str]:
        if not names:
            return set()
        ran = self.run(slot, state, names, stop=False)
        results = {result.id: result for result in ran.results}
        failing = {name for name in names if name not in self._modules and not self.baseline.passed(name, results)}
        for module in self._modules.intersection(names):
            held = [r for r in ran.results if r.id == module or r.id.startswith((module + "::", module + "."))]
            if any(result.collection for result in held) or not (held or self._is_empty(module)):
                failing.add(module)
            else:
                failing.update(result.id for result in held if result.failed)
        return failing

    @cache  # noqa: B019
    def _is_empty(self, module: str) -> bool:
        """Whether a test module holds no test, so that none is to be expected from it once it imports."""
        source = self.texts.source(str(Path(self.texts.root) / module))
        names = (getattr(node, "name", "") for node in (source.statements if source is not None else ()))
        return source is not None and not any(name.lower().startswith("test") for name in names)

    def _breaks_any(self, slot: Slot, state: State) -> bool:
        """Whether a test that passed before, and may notice the change, fails now."""
        names = self._may_notice(state)
        while names:
            batch, names = names[:_BATCH], names[_BATCH:]
            while batch := [name for name in batch if name not in self._misled]:
                ran = self.run(slot, state, batch, stop=True)
                results = {result.id: result for result in ran.results}
                broken = next((name for name in batch if not self.baseline.passed(name, results)), None)
                if broken is None:
                    break
                if broken in self._trusted or not self._finds_misled(slot, state, batch):
                    return True
        return False

    def _finds_misled(self, slot: Slot, state: State, batch: Sequence[str]) -> bool:
        """Whether some tests of a batch fail without any change, because others do not run before them, or do.

        Those are left to the clean run from now on; the others of the batch can be believed when they fail.
        """
        slot.reset()
        ran = self.run(slot, self.root, batch, stop=False)
        slot.reset()
        slot.write(self.encoded(state))
        results = {result.id: result for result in ran.results}
        misled = {name for name in batch if not self.baseline.passed(name, results)}
        self._misled |= misled
        self._trusted.update(name for name in batch if name not in misled)
        return bool(misled)

    def _may_notice(self, state: State) -> list[str]:
        """Passing tests that run the changed functions, quickest first; all of them when that is not known."""
        passing = self.baseline.passing
        if sum(passing.values()) <= _WARM_SUITE_SECONDS:
            near = self._covering(state)
            others = [name for name in passing if name not in near]
            return [*self._quickest(near), *others]
        near = self._covering(state)
        untraced = [name for name in passing if name not in self.coverage.passing]
        return [*self._quickest(near), *(untraced if len(untraced) < 50 else [])]

    def _covering(self, state: State) -> set[str]:
        found: set[str] = set()
        for path in state.texts:
            if state.units is None:
                found.update(test for test, files in self.coverage.passing.items() if path in files)
        for one in (state.units or {}).values():
            source = self.texts.source(one.path)
            last = one.first + one.source.count("\n") + 1 if source is None else one.first + one.source.count("\n")
            found.update(self.coverage.tests_on(one.path, one.first, last))
        return found

    def _quickest(self, names: set[str]) -> list[str]:
        return sorted(names, key=lambda name: (self._seconds.get(name, 0.0), name))

    # -- proof ----------------------------------------------------------------------------------------------------

    def prove(self, slot: Slot) -> bool:
        """Run the project's own command on the slot's patched branch; true when everything passes that should.

        Where the suite does not fit the budget, only what fits is run, from fresh imports; see ``whole``.
        """
        if not self.whole:
            names = [*self.root.failing, *self._quickest(set(self.baseline.passing))]
            limits = {"*": Limit(HANG_SECONDS, WALL_SECONDS)}
            ran = slot.run(names, limits=limits, total=self._left(), hot=False)
            return self._all_as_wanted({result.id: result for result in ran.results}) == []
        return not self.broken(slot.clean_run(min(20 + 4 * self.baseline.usual_seconds, self._left())))

    def _left(self) -> float:
        return max(2.0, self.deadline - time.monotonic())

    def broken(self, clean: CleanRun) -> list[str]:
        """Tests that should pass and did not report ``passed`` in a clean run."""
        return self._all_as_wanted(clean.results) + ([] if clean.complete else ["the run did not come to its end"])

    def _all_as_wanted(self, results: Mapping[str, TestResult]) -> list[str]:
        """What should have passed in a run and did not. Flaky tests are in neither list it starts from."""
        wanted = [*self.baseline.passing, *(name for name in self.root.failing if name not in self._modules)]
        wrong = [name for name in wanted if not self.baseline.passed(name, results)]
        for module in self._modules:
            held = [r for n, r in results.items() if n == module or n.startswith((module + "::", module + "."))]
            failed = any(result.failed and result.id not in self.baseline.flaky for result in held)
            if failed or not (held or self._is_empty(module)):
                wrong.append(module)
        return wrong

    @property
    def whole(self) -> bool:
        """Whether the budget has room for the whole suite, so that a proof covers all of it."""
        return self.baseline.not_run == 0
