"""The one place where the benchmarks reach into the package: candidates of a broken project, and the warm worker."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from quantatissu.repair.candidates import Candidate, candidates
from quantatissu.repair.coverage import Tracing
from quantatissu.repair.evaluate import State, SuiteEvaluator
from quantatissu.repair.localise import localise
from quantatissu.repair.prepare import Prepared, prepare
from quantatissu.repair.report import FixOptions
from quantatissu.rewriting import Project
from quantatissu.testing.baseline import run_baseline
from quantatissu.testing.slot import Slot


@dataclass
class Warm:
    """A broken project with its warm worker started. ``failing`` and ``passing`` are test ids of the baseline."""

    prepared: Prepared
    evaluator: SuiteEvaluator
    slot: Slot
    candidates: list[Candidate]
    failing: tuple[str, ...]
    passing: tuple[str, ...]

    def files(self, candidate: Candidate) -> dict[str, bytes] | None:
        """The files a candidate changes, relative to the project; None when it does not apply."""
        state = self.evaluator.child(self.evaluator.root, candidate)
        return None if state is None else self.evaluator.encoded(state)

    def passes(self, candidate: Candidate) -> bool | None:
        """Whether the failing tests, then all others, pass with the candidate; None when a test was stopped."""
        state = self.evaluator.child(self.evaluator.root, candidate)
        assert state is not None
        try:
            self.slot.write(self.evaluator.encoded(state))
            verdict = self._all_pass(state, self.failing)
            return self._all_pass(state, self.passing) if verdict else verdict
        finally:
            self.slot.reset()

    def _all_pass(self, state: State, names: tuple[str, ...]) -> bool | None:
        ran = self.evaluator.run(self.slot, state, names, stop=True)
        outcomes: Mapping[str, str] = {result.id: result.outcome for result in ran.results}
        if {"timeout", "crashed"} & set(outcomes.values()):
            return None
        return all(outcomes.get(name) == "passed" for name in names)


@contextmanager
def warm_project(root: Path, test: str, count: int) -> Iterator[Warm]:
    """Open the project at `root` as `quanta fix` does, up to the first `count` candidates it would try."""
    with ExitStack() as stack:
        prepared = prepare(FixOptions(root, test=test), stack)
        slot = prepared.warm
        baseline = run_baseline(prepared.clean, slot, seconds=60.0)
        prepared.pool.put(slot)
        coverage = Tracing(baseline, 6.0).run(slot)
        texts = prepared.texts
        places = localise(baseline.failing, coverage, texts.source, prepared.editable, texts.text)
        project = Project()
        for path in dict.fromkeys(place.path for place in places):
            source = texts.source(path)
            if source is not None:
                project.add(source)
        evaluator = SuiteEvaluator(prepared.pool, baseline, coverage, texts)
        found = list(islice(candidates(places, texts.source, project), count))
        yield Warm(prepared, evaluator, slot, found, baseline.failing_ids, tuple(baseline.passing))
