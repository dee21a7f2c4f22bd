"""Evidence from real tests: mutants of a project that its own suite tells apart.

A mutant is tried twice. First in the warm worker, on the tests that execute what it changes, shortest first, until one
fails; then that test once more from fresh imports, on the changed file. It is kept when both runs raise the same thing
with the same message at the same place, so no record rests on a flaky test or on the state of a warm process.
"""

from __future__ import annotations

import io
import queue
import tokenize
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from quantatissu.corpus.document import Document, Origin, document_id
from quantatissu.corpus.synthetic.chances import chance
from quantatissu.corpus.synthetic.failures import evidence
from quantatissu.corpus.synthetic.functions import Function, functions, unit
from quantatissu.corpus.synthetic.mutants import draw, lines_at_fault, undone_by
from quantatissu.corpus.synthetic.project import TestedProject, open_project
from quantatissu.corpus.synthetic.record import EditRecord, Evidence, Injected, make_record
from quantatissu.corpus.synthetic.settings import SyntheticSettings
from quantatissu.rewriting import Project, Rewrite, Source
from quantatissu.testing.client import Limit
from quantatissu.testing.records import Ran, TestResult
from quantatissu.testing.slot import Slot

_WALL_SECONDS = 60.0  # of one test: for tests that wait; the limit that counts is in processor time
_AHEAD = 4  # mutants drawn ahead for every slot


@dataclass(frozen=True, slots=True)
class _File:
    document: Document
    source: Source
    encoding: str


@dataclass(frozen=True, slots=True)
class _Mutant:
    file: _File
    function: Function
    rewrite: Rewrite
    wrong: str


def inject_tested(
    project_root: Path,
    settings: SyntheticSettings,
    seed: int,
    *,
    origin: Origin | None = None,
    licences: tuple[str, ...] = (),
    tally: Counter[str] | None = None,
) -> Iterator[EditRecord]:
    """Mutants of a project that its tests tell apart, with the failure; the project itself is never written to.

    ``origin`` says where the project came from; its ``path`` is replaced by each file's. Functions come in an order
    drawn by the seed, so that a limit on ``records`` takes from all over the project. Records do not depend on
    ``workers``, except where a mutant's time is close to ``test_seconds``. ``tally`` counts what became of every
    mutant: ``killed``, ``survived``, ``uncovered``, ``hung`` (over a limit, or dead), ``unsteady`` (the two runs
    differ), ``uncollected`` (no test can be collected any more) or ``invalid`` (does not compile).

    Raises QuantaError when the tests cannot be run, or none passes.
    """
    counted = Counter[str]() if tally is None else tally
    with ExitStack() as stack:
        project = open_project(project_root, settings, stack)
        base = origin or Origin("project", project.root.name, "", "")
        pool = stack.enter_context(ThreadPoolExecutor(len(project.slots)))
        judge = _Judge(project, settings)
        stack.callback(judge.stop)
        waiting: queue.SimpleQueue[Future[tuple[str, EditRecord | None]]] = queue.SimpleQueue()
        mutants = _mutants(project, settings, seed, base, licences)
        made = 0
        for mutant in mutants:
            waiting.put(pool.submit(judge, mutant))
            if waiting.qsize() < _AHEAD * len(project.slots):
                continue
            for record in _next(waiting, counted):
                yield record
                made += 1
            if made == settings.records:
                return
        while not waiting.empty() and made != settings.records:
            for record in _next(waiting, counted):
                yield record
                made += 1


def _next(
    waiting: queue.SimpleQueue[Future[tuple[str, EditRecord | None]]], tally: Counter[str]
) -> Iterator[EditRecord]:
    end, record = waiting.get().result()
    tally[end] += 1
    if record is not None:
        yield record


def _mutants(
    project: TestedProject, settings: SyntheticSettings, seed: int, origin: Origin, licences: tuple[str, ...]
) -> Iterator[_Mutant]:
    """Mutants of all functions that tests execute, a function at a time in random order."""
    places: list[tuple[_File, Function]] = []
    donors: dict[str, Project] = {}
    for path in project.files():
        file = _read(project.root / path, replace(origin, path=path), licences)
        if file is not None and len(file.document.text) <= settings.document_characters:
            donors[file.document.id] = Project([file.source])
            places += [(file, function) for function in functions(file.source)]
    chance(seed, origin.repository).shuffle(places)
    for file, function in places:
        if not project.tests_on(file.document.origin.path, range(function.first, function.last + 1)):
            continue
        draws = chance(seed, file.document.id, function.name, function.first)
        donor = donors[file.document.id]
        for rewrite in draw(file.source, donor, function, draws, settings.mutants_per_function, settings.temperature):
            yield _Mutant(file, function, rewrite, rewrite.apply(file.source.text))


def _read(path: Path, origin: Origin, licences: tuple[str, ...]) -> _File | None:
    """A file that survives being decoded and encoded again; None for any other."""
    try:
        data = path.read_bytes()
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        text = data.decode(encoding)
        source = Source(text, str(path))
    except (OSError, SyntaxError, ValueError, LookupError, RecursionError):
        return None
    if text.encode(encoding) != data:
        return None
    document = Document(document_id(origin, data), origin, text, len(data), "python", licences)
    return _File(document, source, encoding)


class _Judge:
    """Tries mutants on the project's slots; one call a thread."""

    def __init__(self, project: TestedProject, settings: SyntheticSettings) -> None:
        self.project, self.settings = project, settings
        self.stopped = False
        self._free: queue.SimpleQueue[Slot] = queue.SimpleQueue()
        for slot in project.slots:
            self._free.put(slot)
        command = project.slots[0].setup
        version = command.interpreter.pytest if command.command.kind == "pytest" else None
        self._tool = f"pytest {version}" if version else "unittest"

    def stop(self) -> None:
        """From now on, mutants that are still waiting are not tried."""
        self.stopped = True

    def __call__(self, mutant: _Mutant) -> tuple[str, EditRecord | None]:
        """What became of a mutant, and its record when it was killed."""
        if self.stopped:
            return "stopped", None
        slot = self._free.get()
        try:
            return self._try(slot, mutant)
        finally:
            slot.reset()
            self._free.put(slot)

    def _try(self, slot: Slot, mutant: _Mutant) -> tuple[str, EditRecord | None]:
        path = mutant.file.document.origin.path
        tests = self._tests(mutant)
        if not tests:
            return "uncovered", None
        try:
            content = mutant.wrong.encode(mutant.file.encoding)
            wrong = Source(mutant.wrong, path)
        except (UnicodeEncodeError, SyntaxError):
            return "invalid", None
        slot.write({path: content})
        ran = self._warm(slot, mutant, tests)
        if ran is None:
            ran = self._fresh(slot, tests)
        if ran.ended == "invalid":
            return "invalid", None
        end, first = _failure(ran)
        if first is None:
            return end, None
        slot.reset()
        slot.write({path: content})
        again = _failure(self._fresh(slot, [first.id]))[1]
        shown = [self._evidence(result, mutant) if result is not None else None for result in (first, again)]
        if shown[0] is None or shown[0] != shown[1]:
            return "unsteady", None
        injected = Injected(
            mutant.file.document, mutant.rewrite.edits, mutant.rewrite.operator, mutant.function.name,
            mutant.function.first, mutant.function.last,
        )  # fmt: skip
        right, lines = mutant.file.source, lines_at_fault(mutant.file.source, mutant.rewrite)
        back = undone_by(right.text, wrong, lines, mutant.rewrite.operator)
        record = make_record(injected, "bug", shown[0], context_lines=self.settings.context_lines, undone_by=back)
        return "killed", record

    def _tests(self, mutant: _Mutant) -> list[str]:
        """Tests that execute the changed statement, then others that execute the function."""
        path, source = mutant.file.document.origin.path, mutant.file.source
        statements = [one for one in source.statements_on(mutant.rewrite.line) if one.lineno == mutant.rewrite.line]
        lines = {line for statement in statements for line in source.header_lines(statement)}
        near = self.project.tests_on(path, lines)
        body = range(mutant.function.first, mutant.function.last + 1)
        known = set(near)
        others = [test for test in self.project.tests_on(path, body) if test not in known]
        return [*near, *others][: self.settings.tests_per_mutant]

    def _warm(self, slot: Slot, mutant: _Mutant, tests: list[str]) -> Ran | None:
        """A run with the changed function swapped in; None where that is not possible."""
        source = mutant.file.source
        changed = unit(source, mutant.function, mutant.rewrite.edits, mutant.wrong, source.path)
        if changed is None or not self.project.baseline.hot:
            return None
        limits, total = self._limits(tests)
        ran = slot.run(tests, limits=limits, total=total, units=[changed], stop=True, detail=True)
        return None if ran.needs_fresh_import else ran

    def _fresh(self, slot: Slot, tests: list[str]) -> Ran:
        limits, total = self._limits(tests)
        return slot.run(tests, limits=limits, total=total, hot=False, stop=True, detail=True)

    def _limits(self, tests: list[str]) -> tuple[dict[str, Limit], float]:
        seconds = self.settings.test_seconds
        return {"*": Limit(seconds, _WALL_SECONDS)}, _WALL_SECONDS + seconds * len(tests)

    def _evidence(self, result: TestResult, mutant: _Mutant) -> Evidence | None:
        def text_of(path: str) -> str:
            if path == mutant.file.document.origin.path:
                return mutant.wrong
            try:
                return (self.project.root / path).read_text("utf-8", "replace")
            except OSError:
                return ""

        return evidence(result, self.project.root, self._tool, text_of, self.project.layout.is_protected)


def _failure(ran: Ran) -> tuple[str, TestResult | None]:
    """How a run ended, and the failed test when it is one to learn from."""
    failed = next((result for result in ran.results if result.failed), None)
    if failed is None:
        if ran.ended.startswith("unusable"):
            return "uncollected", None
        return ("hung" if ran.ended not in ("done", "exit 0") else "survived"), None
    if failed.outcome != "failed":
        return "hung", None
    return "killed", failed
