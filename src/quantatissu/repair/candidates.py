"""Candidate edits in the order in which they are worth trying.

Every rewrite of every suspicious statement, merged best-first: the score of a candidate is its operator's prior, less
the cost of this application, plus the log of its statement's suspiciousness. Statements are rewritten lazily, a tier of
operators at a time, as soon as the best that they could offer is next.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from quantatissu.repair.localise import Place
from quantatissu.rewriting import OPERATORS, Edit, Project, Rewrite, Source, apply_edits, rewrites
from quantatissu.rewriting.operators import LAST
from quantatissu.rewriting.source import Statement
from quantatissu.rewriting.unused import left_behind, taken_up, unused_names

SUSPICION = 2.0  # weight of log suspiciousness against log prior
SHARING = 0.5  # how far the rewrites of a statement share its suspicion: 0 not at all, 1 wholly
EDIT_SIZE = 0.01  # nats per character changed
TAKEN_UP = 2.0  # nats for putting a name to use that nothing uses
LEFT_BEHIND = -0.7  # nats for leaving a variable without its only use


@dataclass(frozen=True, slots=True)
class Candidate:
    """One edit of one file. ``path`` is absolute; ``rewrite`` applies to the text the file has at the parent node.

    ``score`` orders what is tried and is less by ``toll`` where trying takes longer, which says nothing about the edit.
    ``advice`` is the part of it that comes from a model.
    """

    path: str
    rewrite: Rewrite
    place: Place
    score: float
    toll: float = 0.0
    advice: float = 0.0


_TIER_FROM = (-2.2, -3.2, -4.2, LAST, -math.inf)  # lowest prior of each tier of operators
_TIERS = tuple(
    frozenset(name for name, row in OPERATORS.items() if low <= row.prior < high)
    for high, low in itertools.pairwise((math.inf, *_TIER_FROM))
)
_BEST_PRIOR = tuple(max((OPERATORS[name].prior for name in tier), default=-math.inf) for tier in _TIERS)
UNLIKELY = 0.06  # what the tiers below the first are taken to weigh, for each node of a statement

Toll = Callable[[str, Source, Statement], float]  # nats that trying an edit of a statement costs: log of relative time


def free(path: str, source: Source, statement: Statement) -> float:
    """The toll where every edit takes as long as any other."""
    return 0.0


class Advice(Protocol):
    """What a model says of places and edits, in nats to be added to their scores. ``most`` is the most for a place."""

    most: float

    def place(self, path: str, source: Source, statement: Statement) -> float:
        """Of all edits of a statement."""
        ...

    def edits(self, path: str, source: Source, statement: Statement, found: Sequence[Rewrite]) -> Sequence[float]:
        """Of each of some edits of one statement, beside what its place has."""
        ...


def rewrite_prior(rewrite: Rewrite) -> float:
    """Log-prior of a rewrite: its operators' priors less its cost, in nats."""
    return sum(OPERATORS[name].prior for name in rewrite.operator.split("+") if name in OPERATORS) - rewrite.cost


def suspicion(place: Place) -> float:
    """What a statement's suspiciousness adds to the score of its rewrites, in nats, at most 0."""
    return SUSPICION * math.log(max(place.score, 1e-6))


def use(source: Source, statement: Statement, idle: Mapping[str, float], rewrite: Rewrite) -> float:
    """What a rewrite gains, in nats, by using a name that was ``idle``, or loses by leaving one idle."""
    taken = taken_up(idle, source, rewrite)
    if taken:
        return TAKEN_UP * taken
    return LEFT_BEHIND if left_behind(source, statement, rewrite) else 0.0


def edit_size(rewrite: Rewrite) -> int:
    """Characters taken out and put in."""
    return sum(edit.end - edit.start + len(edit.text) for edit in rewrite.edits)


@dataclass(slots=True)
class _Statement:
    """A suspicious statement whose rewrites are made tier by tier, the likeliest operators first.

    Its suspicion is shared out among the likely ones: long statements are not likelier to be wrong.
    """

    place: Place
    source: Source
    statement: Statement
    base: float  # what its suspiciousness and the toll give every rewrite
    toll: float
    advice: Advice | None = None
    advised: float = 0.0  # the part of the base that is advice
    tier: int = 0
    shared: float = 0.0
    waiting: list[Candidate] = field(default_factory=list)  # made, not judged yet

    @property
    def done(self) -> bool:
        """Whether it has nothing more to offer."""
        return self.tier == len(_TIERS) and not self.waiting

    def bound(self) -> float:
        """No rewrite that is still to be made or judged scores higher, but for what advice adds to single ones."""
        return max(self._unmade(), self._unjudged())

    def expand(self, project: Project) -> list[Candidate]:
        """The rewrites of the next tier. With advice a call makes them, and another one judges them when their best
        could be next: that alone tells whether the model has to be asked.
        """
        if self.waiting and self._unjudged() >= self._unmade():
            return self._judged()
        made = self._made(project)
        if self.advice is None:
            return made
        self.waiting += made
        return []

    def _unmade(self) -> float:
        """The most that a rewrite of the next tier scores."""
        if self.tier == len(_TIERS):
            return -math.inf
        best = _BEST_PRIOR[self.tier] + (TAKEN_UP if unused_names(self.source, self.statement) else 0.0)
        return self.base + ((1 - SHARING) * best if self.tier == 0 else best - self.shared)

    def _unjudged(self) -> float:
        """The most that a rewrite scores of those made and not judged."""
        return max((candidate.score for candidate in self.waiting), default=-math.inf)

    def _made(self, project: Project) -> list[Candidate]:
        idle = unused_names(self.source, self.statement)
        found = [
            (rewrite, rewrite_prior(rewrite) + use(self.source, self.statement, idle, rewrite))
            for rewrite in rewrites(self.source, self.statement, project, only=_TIERS[self.tier])
        ]
        if self.tier == 0:
            rest = UNLIKELY * sum(1 for _ in self.source.own_nodes(self.statement))
            self.shared = SHARING * math.log(sum(math.exp(prior) for _, prior in found) + rest)
        self.tier += 1
        base = self.base - self.shared
        return [
            Candidate(
                self.place.path,
                rewrite,
                self.place,
                base + prior - EDIT_SIZE * edit_size(rewrite),
                self.toll,
                self.advised,
            )
            for rewrite, prior in found
        ]

    def _judged(self) -> list[Candidate]:
        assert self.advice is not None
        made, self.waiting = self.waiting, []
        found = [candidate.rewrite for candidate in made]
        gains = self.advice.edits(self.place.path, self.source, self.statement, found)
        return [
            replace(candidate, score=candidate.score + gain, advice=candidate.advice + gain)
            for candidate, gain in zip(made, gains, strict=True)
        ]


def candidates(
    places: Sequence[Place],
    source_of: Callable[[str], Source | None],
    project: Project,
    toll: Toll = free,
    advice: Advice | None = None,
) -> Iterator[Candidate]:
    """All single-operator candidates, best first; several may give the same text. ``places`` come likewise.

    With advice the model judges a statement's edits when the best of them would be next if it said nothing against it.
    """
    heap: list[tuple[float, int, Candidate | _Statement]] = []
    number = itertools.count()

    def push(score: float, item: Candidate | _Statement) -> None:
        heapq.heappush(heap, (-score, next(number), item))

    def above(bound: float) -> Iterator[Candidate]:
        while heap and -heap[0][0] >= bound:
            item = heapq.heappop(heap)[2]
            if isinstance(item, Candidate):
                yield item
                continue
            for candidate in item.expand(project):
                push(candidate.score, candidate)
            if not item.done:
                push(item.bound(), item)

    def added(place: Place) -> Iterator[_Statement]:
        source = source_of(place.path)
        for statement in source.statements_on(place.line) if source is not None else ():
            if source is not None and statement.lineno == place.line:
                cost = toll(place.path, source, statement)
                told = advice.place(place.path, source, statement) if advice is not None else 0.0
                yield _Statement(place, source, statement, suspicion(place) - cost + told, cost, advice, told)

    margin = (1 - SHARING) * (_BEST_PRIOR[0] + TAKEN_UP) + (advice.most if advice is not None else 0.0)
    for place in places:
        yield from above(suspicion(place) + margin)
        for item in added(place):
            push(item.bound(), item)
    yield from above(-math.inf)


def normalised(text: str, rewrite: Rewrite) -> tuple[object, ...]:
    """The edits with common beginnings and ends taken off: equal for rewrites that give the same text."""
    shape: list[object] = []
    edits: Sequence[Edit] = rewrite.edits
    if len(edits) > 1:  # as one, for several may say what one does
        low, high = min(edit.start for edit in edits), max(edit.end for edit in edits)
        inside = [Edit(edit.start - low, edit.end - low, edit.text) for edit in edits]
        try:
            edits = (Edit(low, high, apply_edits(text[low:high], inside)),)
        except ValueError:  # they overlap: such a rewrite is turned down when it is tried
            pass
    for edit in edits:
        old, new, start = text[edit.start : edit.end], edit.text, edit.start
        common = 0
        for one, other in zip(old, new, strict=False):
            if one != other:
                break
            common += 1
        old, new, start = old[common:], new[common:], start + common
        tail = 0
        for one, other in zip(reversed(old), reversed(new), strict=False):
            if one != other:
                break
            tail += 1
        shape.append(_leftmost(text, start, old[: len(old) - tail], new[: len(new) - tail]))
    return tuple(shape)


def _leftmost(text: str, start: int, old: str, new: str) -> tuple[int, int, str]:
    """An edit as (start, characters taken out, text put in); what only adds or only takes out, as far left as it gives
    the same text: a line put in behind one and in front of the next is the same.
    """
    moved = old or new
    if not moved or (old and new):
        return start, len(old), new
    first = start
    while start and text[start - 1] == moved[(start - 1 - first) % len(moved)]:
        start -= 1
    turn = (start - first) % len(moved)
    return start, len(old), (moved[turn:] + moved[:turn]) if new else ""
