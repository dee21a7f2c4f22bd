"""Edits as thoughts: what the search may try from a node, best first."""

from __future__ import annotations

import ast
import heapq
import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from quantatissu.planning import Node, Thought
from quantatissu.repair.arrivals import Arrivals
from quantatissu.repair.candidates import (
    EDIT_SIZE,
    Advice,
    Candidate,
    Toll,
    candidates,
    edit_size,
    free,
    normalised,
    rewrite_prior,
    suspicion,
)
from quantatissu.repair.localise import Place
from quantatissu.repair.texts import Texts
from quantatissu.rewriting import Project, Rewrite, Source
from quantatissu.rewriting.compose import compose
from quantatissu.rewriting.imports import repair_import, repair_undefined_name
from quantatissu.rewriting.syntax import repair_syntax
from quantatissu.rewriting.twins import rewrite_twins
from quantatissu.testing.records import Raised, TestResult

_COMPOSED = -3.0  # two changes in one statement are rarer than their priors say
_COMPOSED_FROM = -4.5  # no composition scores higher: until then, none need be made
_COMPOSED_PLACES = (0, 16, 64, 256)  # begun group by group: the first composition of a place costs all its rewrites
_DIAGNOSED = 4.0  # an edit that answers the interpreter's own complaint goes first


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known at a node: what fails, which places are suspicious, and the changed texts by absolute path."""

    failures: Sequence[TestResult]
    places: Sequence[Place]
    texts: Mapping[str, str] = field(default_factory=dict)


Key = tuple[str, tuple[object, ...]]


class EditProposer:
    """Proposes edits for the places found suspicious at each node.

    ``locate(node)`` tells the situation at a node; it is called once a node, when its first thoughts are asked for,
    unless `begin` told it before.
    """

    def __init__(
        self,
        texts: Texts,
        project: Project,
        locate: Callable[[Node], Situation],
        editable: Callable[[str], bool],
        toll: Toll = free,
    ) -> None:
        self.texts = texts
        self.project = project
        self.locate = locate
        self.editable = editable
        self.toll = toll
        self._streams: dict[int, Iterator[tuple[Key, Candidate]]] = {}
        self._proposed: dict[int, set[Key]] = defaultdict(set)
        self._arrivals: dict[int, Arrivals] = {}

    def propose(self, node: Node, k: int) -> list[Thought]:
        """See `Proposer`. What arrived meanwhile comes first; what is still to arrive is waited for last."""
        stream = self._streams.get(node.number)
        if stream is None:
            stream = self._streams[node.number] = self._stream(self.locate(node))
        arrivals = self._arrivals.get(node.number)
        if arrivals is None:
            return self._new(node, stream, k)
        found = self._new(node, itertools.chain(self._keyed(arrivals.ready()), stream), k)
        while not found and arrivals.wait():
            found = self._new(node, self._keyed(arrivals.ready()), k)
        return found

    def _new(self, node: Node, stream: Iterable[tuple[Key, Candidate]], k: int) -> list[Thought]:
        """The next (up to) `k` thoughts of a stream that were not proposed before."""
        found, known = [], self._proposed[node.number]
        for key, candidate in stream:
            if key not in known:
                known.add(key)
                found.append(Thought(candidate, candidate.score))
                if len(found) == k:
                    break
        return found

    def advise(
        self,
        node: Node,
        situation: Situation,
        advice: Advice,
        ready: int,
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        """From now on propose for a node, of what was not proposed yet, what `advice` puts first; `ready` edits are
        drawn before that takes effect, or not if it is ``stopped`` before. May be called from another thread than
        `propose`.
        """
        stream = self._stream(situation, advice)
        first: list[tuple[Key, Candidate]] = []
        for drawn in itertools.islice(stream, ready):
            first.append(drawn)
            if stopped():
                return
        self._streams[node.number] = itertools.chain(first, stream)

    def expect(self, root: Node, arrivals: Arrivals) -> None:
        """Edits of the files as they are will arrive from elsewhere."""
        self._arrivals[root.number] = arrivals

    def begin(self, node: Node, situation: Situation) -> None:
        """Draw the first edit of a node ahead of its time: it takes longer than the next hundred."""
        stream = self._stream(situation)
        first = list(itertools.islice(stream, 1))
        self._streams[node.number] = itertools.chain(first, stream)

    def _stream(self, situation: Situation, advice: Advice | None = None) -> Iterator[tuple[Key, Candidate]]:
        """Candidates best first, each with its key."""
        changed = situation.texts

        def source_of(path: str) -> Source | None:
            return self.texts.source(path, changed.get(path))

        diagnosed = sorted(self._diagnosed(situation.failures, changed), key=_lowest_last)
        single = candidates(situation.places, source_of, self.project, self.toll, advice)
        followed = _followed(single, self._composed(situation.places, source_of))
        return self._keyed(heapq.merge(diagnosed, followed, key=_lowest_last), changed)

    def _keyed(
        self, found: Iterable[Candidate], changed: Mapping[str, str] = MappingProxyType({})
    ) -> Iterator[tuple[Key, Candidate]]:
        """Each with what is the same for all that give the same text."""
        for candidate in found:
            file = self.texts.file(candidate.path)
            text = changed.get(candidate.path, file.text if file is not None else "")
            yield (candidate.path, normalised(text, candidate.rewrite)), candidate

    # -- edits that answer a diagnostic ---------------------------------------------------------------------------

    def _diagnosed(self, failures: Iterable[TestResult], changed: Mapping[str, str]) -> Iterator[Candidate]:
        for result in failures:
            raised = result.raised
            while raised is not None:
                yield from self._answer(raised, changed)
                raised = raised.cause

    def _answer(self, raised: Raised, changed: Mapping[str, str]) -> Iterator[Candidate]:
        if raised.syntax is not None:
            path, line, column, message = raised.syntax
            if path and self.editable(path) and (file := self.texts.file(path)) is not None:
                text = changed.get(path, file.text)
                for rewrite in repair_syntax(text, line or 1, column, message):
                    yield self._certain(path, rewrite, message)
            return
        inner = next(((path, line) for path, line, _ in reversed(raised.frames) if self.editable(path)), None)
        if inner is None:
            return
        path, line = inner
        source = self.texts.source(path, changed.get(path))
        if source is None:
            return
        kind = raised.type.rpartition(".")[2]
        if kind in ("NameError", "UnboundLocalError") and raised.missing_name:
            for rewrite in repair_undefined_name(source, raised.missing_name, self.project):
                yield self._certain(path, rewrite, f"{raised.missing_name} is not defined")
        elif kind in ("ImportError", "ModuleNotFoundError", "AttributeError"):
            missing = _missing(raised)
            for statement in source.statements_on(line):
                if isinstance(statement, ast.Import | ast.ImportFrom):
                    for rewrite in repair_import(source, statement, self.project, missing):
                        yield self._certain(path, rewrite, raised.message)

    def _certain(self, path: str, rewrite: Rewrite, reason: str) -> Candidate:
        place = Place(path, rewrite.line, 1.0, reason)
        return Candidate(path, rewrite, place, _DIAGNOSED - rewrite.cost - EDIT_SIZE * edit_size(rewrite))

    # -- two edits in one statement -------------------------------------------------------------------------------

    def _composed(self, places: Sequence[Place], source_of: Callable[[str], Source | None]) -> Iterator[Candidate]:
        for first, last in itertools.pairwise(_COMPOSED_PLACES):
            streams = [self._composed_at(place, source_of) for place in places[first:last]]
            yield from heapq.merge(*streams, key=_lowest_last)

    def _composed_at(self, place: Place, source_of: Callable[[str], Source | None]) -> Iterator[Candidate]:
        source = source_of(place.path)
        if source is None:
            return
        for statement in source.statements_on(place.line):
            if statement.lineno != place.line:
                continue
            cost = self.toll(place.path, source, statement)
            base = suspicion(place) - cost

            def candidate(rewrite: Rewrite, base: float, cost: float = cost) -> Candidate:
                score = base + rewrite_prior(rewrite) - EDIT_SIZE * edit_size(rewrite)
                return Candidate(place.path, rewrite, place, score, cost)

            pairs = (
                candidate(found, base + _COMPOSED) for found in compose(source, statement, self.project, parse=False)
            )
            alike = sorted(
                (candidate(found, base) for found in rewrite_twins(source, statement, self.project)), key=_lowest_last
            )
            yield from heapq.merge(alike, pairs, key=_lowest_last)


def _lowest_last(candidate: Candidate) -> float:
    return -candidate.score


def _followed(single: Iterator[Candidate], composed: Iterator[Candidate]) -> Iterator[Candidate]:
    """Both streams merged by score; the second is not even begun before its best could be next."""
    for candidate in single:
        yield candidate
        if candidate.score < _COMPOSED_FROM:
            break
    yield from heapq.merge(single, composed, key=_lowest_last)


def _missing(raised: Raised) -> str | None:
    """The name that could not be imported, from the message: the exception itself keeps only the module's."""
    for opening, closing in (("cannot import name '", "'"), ("No module named '", "'"), ("has no attribute '", "'")):
        if opening in raised.message:
            return raised.message.split(opening, 1)[1].split(closing, 1)[0]
    return None
