"""The search for a patch, once the groundwork is laid: search, choose, prove."""

from __future__ import annotations

import ast
import time
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from quantatissu.planning import Budget, Node, SearchResult, search
from quantatissu.repair.arrivals import Arrivals
from quantatissu.repair.choose import Step, literals
from quantatissu.repair.choose import score as score_of
from quantatissu.repair.clock import Clock
from quantatissu.repair.coverage import trace_state
from quantatissu.repair.describe import in_words
from quantatissu.repair.evaluate import State, SuiteEvaluator
from quantatissu.repair.groundwork import Groundwork, lay
from quantatissu.repair.learned.advising import Advising
from quantatissu.repair.localise import localise, suspects
from quantatissu.repair.naturalness import TokenModel
from quantatissu.repair.prepare import Prepared
from quantatissu.repair.propose import Situation
from quantatissu.repair.report import FixOptions, FixResult, Listener, Patch
from quantatissu.repair.slim import slimmed
from quantatissu.testing.baseline import Baseline
from quantatissu.workspace import diff_files

_SUSPECTS_SHOWN = 10
_PATIENCE = 1.0  # how long to look for a better patch, as a share of what finding the first took
_ALTERNATIVES = 8
_SLIMMING = 2.0  # seconds that must be left for looking whether a patch can do without an edit
_UNADVISED = 1.0  # seconds of the search before it is known how fast it is
_UNWRITTEN = 8.0  # seconds of the search before a model writes edits: until then it finds most that it ever finds
_QUICK = 10.0  # candidates a second; where so many are tried, they are tried sooner than a model has put them in order


class Attempt:
    """The repair of one prepared project: localise, search, choose, prove. See `repair`."""

    def __init__(self, options: FixOptions, listener: Listener, clock: Clock, prepared: Prepared) -> None:
        self.options, self.listener, self.clock = options, listener, clock
        self.prepared = prepared
        self.texts = prepared.texts
        self.advising: Advising | None = None
        self.ground: Groundwork | None = None
        self.found: SearchResult | None = None
        self._slimmed: dict[Node, Node] = {}

    def look_ahead(self, baseline: Baseline) -> None:
        """Lay the groundwork for what the warm worker alone found; `repair` takes it if the clean run agrees."""
        if baseline.failing and self.prepared.setup.command.kind != "generic":
            self.ground = lay(self.prepared, baseline, self.clock.total, self._locate)

    def close(self) -> None:
        """Stop what still goes on beside the search."""
        if self.advising is not None:
            self.advising.close()

    def repair(self, baseline: Baseline) -> FixResult:
        """Search for a patch and prove it; the result says what was found, also when that is nothing."""
        self.baseline = baseline
        self.clock.enter("localise")
        self.listener.stage("localise", f"{len(baseline.failing)} failing")
        self.prepared.begin_opening()
        ground = self.ground
        if ground is None or not ground.holds_for(baseline):
            ground = self.ground = lay(self.prepared, baseline, self.clock.total, self._locate)
        self.coverage = ground.coverage
        shown = suspects(ground.places, str(self.prepared.root), self.texts.source, _SUSPECTS_SHOWN)
        self.listener.suspects(shown)
        self.clock.enter("search")
        self.prepared.pool.put(self.prepared.warm)
        self.evaluator = SuiteEvaluator(self.prepared.pool, baseline, self.coverage, self.texts)
        self.evaluator.deadline = self.clock.began + self.clock.total
        self.listener.stage("search", "trying edits")
        found = self.found = self._search(ground)
        self.clock.enter("verify")
        self.listener.stage("verify", "proving the best patch")
        patches = self._patches(found)
        result = self._result(found, patches)
        rate = found.evaluations / found.seconds if found.seconds > 0 else 0.0
        return replace(
            result,
            suspects=tuple(shown),
            seconds_to_first=self.evaluator.first_at and round(self.evaluator.first_at - self.clock.began, 3),
            warnings=(*self.prepared.errors, *(self.advising.trouble if self.advising is not None else ())),
            candidates_tried=found.evaluations,
            candidates_per_second=round(rate, 1),
            failing_before=self.baseline.failing_ids,
            interrupted=found.ended == "interrupted",
        )

    # -- search ---------------------------------------------------------------------------------------------------

    def _search(self, ground: Groundwork) -> SearchResult:
        before = self.baseline.clean.seconds if self.baseline.clean is not None else 0.0
        budget = Budget(
            seconds=max(1.0, self.clock.left - min(10.0, 1.5 * before + 0.5)),
            evaluations=self.options.max_candidates,
            grace=self.options.grace_seconds,
            patience=_PATIENCE,
            depth=self.options.max_bugs,
        )
        root = ground.root
        root.value = replace(root.value, score=-1.0)
        began, last = time.monotonic(), [0.0]
        deadline = began + (budget.seconds or 0.0)
        self._begin_advising(ground, deadline)

        def progress(tried: int, best: Node) -> None:
            now = time.monotonic()
            rate = tried / max(1e-3, now - began)
            if now - last[0] >= 0.2:
                last[0] = now
                self.listener.progress(tried, rate, self._in_words(best) if best.parent is not None else None)
            if best.value.solved:
                self._slim(best)  # at once: a search that took all the time leaves none for it
            if best.value.solved and self.advising is not None:
                self.advising.stop()
            elif self.advising is not None and is_slow(tried, now - began):
                self.advising.order(ground.proposer, root, Situation(self.baseline.failing, ground.places))
            if now - began > _UNWRITTEN:
                self._have_written(ground, deadline, idle=False)

        return search(
            root,
            ground.proposer,
            self.evaluator,
            budget=budget,
            slots=len(self.prepared.slots),
            on_progress=progress,
        )

    def _begin_advising(self, ground: Groundwork, deadline: float) -> None:
        """Have a model ready, if one may be asked: it writes edits when every other was tried, or sooner."""
        if self.options.model:
            self.advising = Advising(self.options.model, self.texts.source, self.options.seed)
            self._arrivals = Arrivals(lambda: self._have_written(ground, deadline, idle=True))
            ground.proposer.expect(ground.root, self._arrivals)

    def _have_written(self, ground: Groundwork, deadline: float, *, idle: bool) -> None:
        """Have the model write edits, if there is one; see `Advising.write`."""
        if self.advising is not None:
            situation = Situation(self.baseline.failing, ground.places)
            self.advising.write(self._arrivals, situation, deadline, idle=idle)

    def _locate(self, node: Node) -> Situation:
        """The situation at a node below the root, traced anew on its patched state."""
        state = self.evaluator.state(node)
        with self.evaluator.slot() as slot:
            slot.write(self.evaluator.encoded(state))
            failing, traced = trace_state(slot, self.evaluator, state)
        coverage = replace(self.coverage, failing=traced)

        def source_of(path: str):  # type: ignore[no-untyped-def]
            return self.texts.source(path, state.texts.get(path))

        places = localise(failing, coverage, source_of, self.prepared.editable, self.texts.text)
        return Situation(failing, places, state.texts)

    # -- patches --------------------------------------------------------------------------------------------------

    def _patches(self, found: SearchResult) -> list[Patch]:
        """Solutions as patches, best first, the first one proven by a clean run of the whole command."""
        ranked = sorted(
            ((self.score(node), node) for node in map(self._slim, found.solutions)),
            key=lambda pair: (-pair[0], pair[1].number),
        )
        different: dict[object, tuple[float, Node]] = {}
        for pair in ranked:
            different.setdefault(frozenset(self.evaluator.state(pair[1]).texts.items()), pair)
        proven: list[Patch] = []
        unproven: list[Patch] = []
        for score, node in list(different.values())[:_ALTERNATIVES]:
            state = self.evaluator.state(node)
            verified = state.verified
            if not verified and not proven:
                with self.evaluator.slot() as slot:
                    slot.write(self.evaluator.encoded(state))
                    if not self.evaluator.prove(slot):
                        continue
                verified = True
            (proven if verified else unproven).append(
                self._patch(node, state, score, verified and self.evaluator.whole)
            )
        if not proven:
            return []
        best, *others = proven
        rest = sorted([*others, *unproven], key=lambda patch: -patch.score)
        return [best, *rest]

    def _slim(self, node: Node) -> Node:
        """A solution, without edits that it does not need if there is time to look."""
        assert self.ground is not None
        if node not in self._slimmed and node.depth > 1 and self.clock.left > _SLIMMING:
            self._slimmed[node] = slimmed(self.evaluator, self.ground.root, node, self.steps)
        return self._slimmed.get(node, node)

    def _patch(self, node: Node, state: State, score: float, verified: bool) -> Patch:
        after = self.evaluator.encoded(state)
        before = {name: self.texts.file(str(Path(self.texts.root) / name)).content for name in after}  # type: ignore[union-attr]
        fixes = tuple(name for name in self.baseline.failing_ids if name not in state.failing)
        operators = tuple(thought.action.rewrite.operator for thought in node.path)
        return Patch(
            diff=diff_files(before, after),
            contents=after,
            before=before,
            explanation=self._in_words(node),
            fixes=fixes,
            verified=verified,
            score=round(score, 3),
            found_at=node.number,
            operators=operators,
        )

    def steps(self, node: Node) -> list[Step]:
        """The edits that lead to a node, each with the text before and after it."""
        texts: dict[str, str] = {}
        steps = []
        for thought in node.path:
            candidate = thought.action
            file = self.texts.file(candidate.path)
            before = texts.get(candidate.path, file.text if file else "")
            texts[candidate.path] = candidate.rewrite.apply(before)
            steps.append((candidate, before, texts[candidate.path]))
        return steps

    def score(self, node: Node) -> float:
        """How likely a solution is meant; see `choose.score`."""
        return score_of(self.steps(node), self.test_literals, self._token_model)

    def _in_words(self, node: Node) -> str:
        return "\n".join(
            in_words(candidate, before, self.texts.relative(candidate.path))
            for candidate, before, _ in self.steps(node)
        )

    @cached_property
    def _token_model(self) -> TokenModel:
        assert self.ground is not None
        return TokenModel(source.text for source in self.ground.proposer.project.sources)

    @cached_property
    def test_literals(self) -> frozenset[object]:
        """Constants in the functions of failing tests."""
        wanted: dict[str, set[int]] = {}
        for files in self.coverage.failing.values():
            for path, lines in files.items():
                if not self.prepared.editable(path):
                    wanted.setdefault(path, set()).update(lines)
        nodes: list[ast.AST] = []
        for path, ran in wanted.items():
            source = self.texts.source(path)
            if source is not None:
                nodes += [statement for line in ran for statement in source.statements_on(line)]
        return frozenset(literals(nodes))

    def _result(self, found: SearchResult, patches: list[Patch]) -> FixResult:
        if patches:
            best, *others = patches
            proof = f"{len(best.fixes)} failing test{'s' if len(best.fixes) != 1 else ''} fixed, none broken"
            if self.baseline.not_run:
                proof += f"; {self.baseline.not_run} tests were not run, the budget was too short for them"
            return FixResult(
                "fixed",
                f"Fixed: {proof}.",
                patch=best,
                alternatives=tuple(others),
                explanation=best.explanation,
                failing_after=(),
            )
        why = {
            "exhausted": "every edit known was tried",
            "seconds": "the time is up",
            "evaluations": "the candidate limit was reached",
            "interrupted": "interrupted",
        }.get(found.ended, found.ended)
        partial = None
        if found.best.parent is not None:
            state = self.evaluator.state(found.best)
            partial = self._patch(found.best, state, found.best.value.score, False)
        hint = "Raise --max-seconds to search longer." if found.ended == "seconds" else None
        message = f"No patch found: {why} after {found.evaluations} candidates."
        if self.evaluator.unproven:
            message += f" {self.evaluator.unproven} passed in the warm worker but not in a clean run."
        return FixResult(
            "not_fixed",
            message,
            partial=partial,
            failing_after=self.baseline.failing_ids,
            hint=hint,
        )


def is_slow(tried: int, seconds: float) -> bool:
    """Whether trying edits takes so long that a model's advice on what to try next pays."""
    return seconds >= _UNADVISED and tried < _QUICK * seconds
