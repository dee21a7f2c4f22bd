"""Edits that the model writes, for faults that no operator repairs.

Where the fault is, the model and the tests say together: a place is drawn by the model's probability that the fault
begins there, times how suspicious the tests find it. How far it goes and what belongs there the model alone writes.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quantatissu.inference.engine import Answer, Engine, Request
from quantatissu.inference.sampling import Sampling
from quantatissu.repair.candidates import EDIT_SIZE, Candidate, edit_size, rewrite_prior, suspicion
from quantatissu.repair.learned.adviser import EDIT
from quantatissu.repair.learned.faults import FaultModel, Part, function_of
from quantatissu.repair.localise import Place
from quantatissu.rewriting import Edit, Rewrite, Source
from quantatissu.rewriting.source import FunctionNode

OPERATOR = "written"
_PRIOR = -4.0  # nats, of whatever the model writes: choosing prefers an operator's patch that is as good otherwise
_MOST_NEW = 48  # tokens
_NEIGHBOUR = 0.5  # of the suspicion of the line above a mark, for what is missing below it
_UNKNOWN = 0.02  # suspicion of lines that no failing test is known to run


@dataclass(frozen=True, slots=True)
class _Shown:
    """A part of a function that the model was shown; ``weights`` float64 [lines + 1], of a fault at each mark."""

    path: str
    source: Source
    part: Part
    weights: NDArray[np.float64]
    suspicions: tuple[float, ...]


class Writer:
    """Writes edits of suspicious functions. One thread at a time; `look` before `write`."""

    def __init__(self, engine: Engine, source_of: Callable[[str], Source | None], seed: int = 0) -> None:
        """Raises ValueError when the model's vocabulary cannot mark lines."""
        self._model = FaultModel(engine)
        self._engine, self._source_of = engine, source_of
        self._random = np.random.default_rng(seed)
        self._shown: list[_Shown] = []
        self._written: set[tuple[str, Edit]] = set()

    def look(self, places: Iterable[Place], *, functions: int, seconds: float) -> None:
        """Show the model the functions of the first places: at most so many, for about so long."""
        deadline = time.monotonic() + seconds
        by_line: dict[str, dict[int, float]] = {}
        nodes: dict[tuple[str, int], tuple[Source, FunctionNode]] = {}
        for place in places:
            source = self._source_of(place.path)
            for statement in source.statements_on(place.line) if source is not None else ():
                if source is None or statement.lineno != place.line:
                    continue
                node = function_of(source, statement)
                if node is None or ((place.path, node.lineno) not in nodes and len(nodes) == functions):
                    continue
                nodes[place.path, node.lineno] = source, node
                scores = by_line.setdefault(place.path, {})
                for line in source.header_lines(statement):
                    scores[line] = max(place.score, scores.get(line, 0.0))
        for (path, _), (source, node) in nodes.items():
            if time.monotonic() > deadline:
                break
            look = self._model.look(source, node)
            for part in look.parts if look is not None else ():
                self._shown.append(_weighed(path, source, part, by_line[path]))

    def write(self, draws: int) -> list[Candidate]:
        """What so many draws bring that is new, best first; nothing where there is nothing to look at."""
        marks = [(shown, mark) for shown in self._shown for mark in range(len(shown.weights))]
        if not marks:
            return []
        weights = np.concatenate([shown.weights for shown in self._shown])
        chosen = Counter(self._random.choice(len(marks), size=draws, p=weights / weights.sum()).tolist())
        at_work = [
            (*marks[number], self._engine.submit(self._request(*marks[number], n))) for number, n in chosen.items()
        ]
        found = [
            candidate
            for shown, mark, generation in at_work
            for answer in generation.answers()
            if (candidate := self._candidate(shown, mark, answer)) is not None
        ]
        return sorted(found, key=lambda candidate: -candidate.score)

    def _request(self, shown: _Shown, mark: int, n: int) -> Request:
        marks = self._model.marks
        sampling = Sampling(
            temperature=1.0,
            max_tokens=_MOST_NEW,
            stop_tokens=frozenset(marks.nothing.tolist()),
            logprobs=0,
            control=True,
            seed=int(self._random.integers(1 << 31)),
        )
        return Request((*shown.part.prompt, int(marks.ids[mark])), sampling, n)

    def _candidate(self, shown: _Shown, mark: int, answer: Answer) -> Candidate | None:
        """The edit that an answer means; None for one that means none, or was there before."""
        read = self._model.marks.read(answer.tokens)
        if read is None:
            return None
        stop, text = read
        span = shown.part.lines[mark:stop]
        if stop < mark or stop > len(shown.part.lines) or (text and not text.endswith("\n")):
            return None
        if span and span[-1] - span[0] != len(span) - 1:
            return None  # lines between them were not shown
        line = shown.part.lines[mark] if mark < len(shown.part.lines) else shown.part.lines[-1] + 1
        source = shown.source
        start = source.line_starts[line - 1] if line <= len(source.lines) else len(source.text)
        end = source.line_span(span[0], span[-1])[1] if span else start
        edit = Edit(start, end, text)
        if source.text[start:end] == text or (shown.path, edit) in self._written:
            return None
        self._written.add((shown.path, edit))
        place = Place(shown.path, line, shown.suspicions[mark], "the model wrote this")
        rewrite = Rewrite(OPERATOR, (edit,), line, -_PRIOR - EDIT * answer.logprob)
        score = suspicion(place) + rewrite_prior(rewrite) - EDIT_SIZE * edit_size(rewrite)
        return Candidate(shown.path, rewrite, place, score)


def _weighed(path: str, source: Source, part: Part, scores: dict[int, float]) -> _Shown:
    """How likely the fault begins at each mark of a part, as the model and the tests have it."""
    own = [scores.get(line, _UNKNOWN) for line in part.lines]
    above = [0.0, *(_NEIGHBOUR * score for score in own)]
    suspicions = tuple(max(one, other) for one, other in zip([*own, 0.0], above, strict=True))
    return _Shown(path, source, part, np.exp(part.first.astype(np.float64)) * suspicions, suspicions)


def worth_going_on(new: Sequence[Candidate], draws: int) -> bool:
    """Whether drawing again may bring something: so far enough of the draws were new."""
    return len(new) * 12 >= draws
