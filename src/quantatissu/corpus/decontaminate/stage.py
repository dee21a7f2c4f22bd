"""The stage that keeps benchmark problems out: finds matches by hashes, proves them, cuts or drops."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from quantatissu.corpus.decontaminate.extents import Extent, Functions
from quantatissu.corpus.decontaminate.functions import canonical, fingerprint, parse, shape
from quantatissu.corpus.decontaminate.index import SIZES, SKELETON, Index, anchored_runs
from quantatissu.corpus.decontaminate.settings import DecontaminateSettings
from quantatissu.corpus.decontaminate.stream import Stream, views
from quantatissu.corpus.decontaminate.table import Table
from quantatissu.corpus.dedup.tokens import encode, windows
from quantatissu.corpus.document import Document, Drop, Stage

NAME = "decontaminate"
_ENOUGH_RUNS = 10  # of 13 words: some 22 words in a row, whatever share of a long text they are
_SUSPECT = 0.5  # share of a solution's skeleton runs from which on functions around them are parsed
_SLACK = 16  # skeleton tokens, beside twice the solution's length, within which those runs must lie
_TINY_SLACK = 8  # words of a remark behind a tiny function
_FOREIGN = 0.9  # share that convicts where nothing can be parsed
_FOREIGN_RUNS = 12
_LEAST_SHAPE = 30  # runs of canonical tokens: fewer are compared for equality only


@dataclass(frozen=True, slots=True)
class Match:
    """A benchmark problem in a document: ``reason`` as in the drop, ``at`` the byte offsets that show it, ``extent``
    the function that is a copy (None for an overlap of words).
    """

    reason: str
    problem: str
    at: tuple[int, ...] = ()
    extent: Extent | None = None


def decontaminate_stage(index: Index | None, settings: DecontaminateSettings | None = None) -> Stage:
    """The stage. Without an index it lets everything pass.

    A document is dropped for ``ngram_overlap`` or ``same_function`` with the problem's name as detail. With
    ``settings.action == "cut"`` the functions that match leave a Python document instead, and ``redactions`` counts
    them as ``benchmark:NAME``; what still matches after that, or no longer parses, is dropped.
    """
    return _Decontaminate(index, settings or DecontaminateSettings())


@dataclass(slots=True)
class _Decontaminate:
    index: Index | None
    settings: DecontaminateSettings
    name: str = NAME

    def __call__(self, document: Document) -> Document | Drop:
        if self.index is None:
            return document
        redactions = dict(document.redactions)
        text = document.text
        while matches := find_matches(text, document.language, self.index, self.settings):
            cut = _cut(text, matches) if self.settings.action == "cut" and document.language == "python" else None
            if cut is None:
                return Drop(NAME, matches[0].reason, ", ".join(sorted({match.problem for match in matches})[:5]))
            for problem in sorted({match.problem for match in matches}):
                redactions[f"benchmark:{problem}"] = redactions.get(f"benchmark:{problem}", 0) + 1
            text = cut
        return document if text is document.text else document.with_(text=text, redactions=redactions)


def find_matches(text: str, language: str, index: Index, settings: DecontaminateSettings) -> list[Match]:
    """Every problem of `index` in `text`, in order of place and name."""
    data = encode(text)
    seen = views(data, language)
    matches = list(_word_matches(seen.words, index, settings))
    if language == "python":
        like, tiny = _suspects(seen.skeleton, index), dict(_anchored(seen.words, index.tiny, _TINY_SLACK))
        if like or tiny:
            known = Functions(data)
            numbers = _worth_parsing(known, like, seen.skeleton) | _worth_parsing(known, tiny, seen.words)
            matches.extend(_function_matches(known, sorted(numbers), index, settings))
    else:
        matches.extend(_foreign_matches(seen.skeleton, index))
    return matches


def _word_matches(words: Stream, index: Index, settings: DecontaminateSettings) -> Iterator[Match]:
    at, places = [], []
    for size in SIZES:
        found, place = index.words.find(windows(words.hashes, size))
        at.append(found)
        places.append(place)
    place = np.concatenate(places)
    if not len(place):
        return
    counts = index.words.count(place)
    totals = index.words.totals
    needed = np.where(totals <= 4, totals, np.minimum(np.ceil(settings.coverage * totals), _ENOUGH_RUNS))
    offsets = words.starts[np.concatenate(at)]
    for owner in np.flatnonzero((counts >= needed) & (counts > 0)).tolist():
        shown = offsets[index.words.owned(place, owner)]
        yield Match("ngram_overlap", index.names[index.word_problem[owner]], tuple(sorted(shown.tolist())))


def _suspects(skeleton: Stream, index: Index) -> dict[int, int]:
    """Byte offsets where the skeleton looks like a solution's, each with the most tokens that a copy could have."""
    suspects = dict(_anchored(skeleton, index.anchored, 0))
    found, place = index.skeletons.find(windows(skeleton.hashes, SKELETON))
    if len(found):
        counts, totals = index.skeletons.count(place), index.skeletons.totals
        for owner in np.flatnonzero((counts >= _SUSPECT * totals) & (counts > 0)).tolist():
            at = found[index.skeletons.owned(place, owner)]
            needed, most = math.ceil(_SUSPECT * totals[owner]), 2 * int(totals[owner]) + _SLACK
            near = at[needed - 1 :] - at[: len(at) - needed + 1] <= most
            for offset in skeleton.starts[at[: len(near)][near]].tolist():
                suspects[offset] = max(suspects.get(offset, 0), most)
    return suspects


def _anchored(stream: Stream, table: Table, slack: int) -> Iterator[tuple[int, int]]:
    """Byte offsets of functions that begin as a whole one in `table` does, with the most tokens a copy could have."""
    places, lengths, runs = anchored_runs(stream.hashes)
    found = table.find(runs)[0]
    yield from zip(stream.starts[places[found]].tolist(), (lengths[found] + slack).tolist(), strict=True)


def _worth_parsing(known: Functions, suspects: dict[int, int], stream: Stream) -> set[int]:
    """The functions around suspect places that are not much longer than the solution they look like."""
    most: dict[int, int] = {}
    for offset, limit in suspects.items():
        for number in known.around(offset):
            most[number] = max(most.get(number, 0), limit)
    numbers = sorted(most)
    bounds = [(known.starts[number], known.least_stop(number)) for number in numbers]
    inside = np.diff(np.searchsorted(stream.starts, np.array(bounds, np.intp).reshape(-1, 2)), axis=1)[:, 0]
    return {number for number, length in zip(numbers, inside.tolist(), strict=True) if length <= most[number]}


def _function_matches(
    known: Functions, numbers: list[int], index: Index, settings: DecontaminateSettings
) -> Iterator[Match]:
    for number in numbers:
        extent = known.extent(number)
        if extent is None:
            continue
        tokens = canonical(extent.function)
        problem = index.exact.get(fingerprint(tokens))
        if problem is None:
            problem = index.verbatim.get(fingerprint(canonical(extent.function, names=True)))
        if problem is None:
            problem = _similar(tokens, index, settings)
        if problem is not None:
            yield Match("same_function", index.names[problem], (known.starts[number],), extent)


def _similar(tokens: list[str], index: Index, settings: DecontaminateSettings) -> int | None:
    """The problem of the solution most like a function that is no copy to the token, if it is like enough."""
    own = shape(tokens)
    if len(own) < _LEAST_SHAPE or not len(index.shapes.totals):
        return None
    counts = index.shapes.count(index.shapes.find(own)[1])
    union = len(own) + index.shapes.totals - counts
    best = int(np.argmax(counts / union))
    return index.shape_problem[best] if counts[best] >= settings.similarity * union[best] else None


def _foreign_matches(skeleton: Stream, index: Index) -> Iterator[Match]:
    if not index.foreign:
        return
    found, place = index.skeletons.find(windows(skeleton.hashes, SKELETON))
    counts = index.skeletons.count(place)
    for owner in sorted(index.foreign):
        total = int(index.skeletons.totals[owner])
        if total >= _FOREIGN_RUNS and counts[owner] >= _FOREIGN * total:
            shown = skeleton.starts[found[index.skeletons.owned(place, owner)]]
            yield Match("same_function", index.names[index.skeleton_problem[owner]], tuple(sorted(shown.tolist())))


def _cut(text: str, matches: list[Match]) -> str | None:
    """`text` without the functions that match; None when no match is in a function or the rest does not parse.

    A run of words that begins before such a function is gone with it; what is truly outside is found again.
    """
    data = encode(text)
    known = Functions(data)
    spans = [(match.extent.start, match.extent.stop) for match in matches if match.extent]
    for offset in sorted({offset for match in matches if not match.extent for offset in match.at}):
        if not any(start <= offset < stop for start, stop in spans):
            around = (known.extent(number) for number in known.around(offset))
            spans += [(found.start, found.stop) for found in around if found and found.start <= offset < found.stop][:1]
    kept, at = [], 0
    for start, stop in sorted(spans):
        kept.append(data[at : max(start, at)])
        at = max(stop, at)
    rest = b"".join([*kept, data[at:]]).decode("utf-8", "surrogatepass")
    return rest if spans and rest.strip() and parse(rest) is not None else None
