"""Which keys a step's rows attend to, and which are read together. Numbers only; made once a step, for all layers.

A row is one new token. Its keys lie in the pages of its sequence, at *slots* ``page * size + offset``, and are read in
one or two parts:

- *shared*: the pages that several segments have in common, as one matrix product for all their rows, with the keys read
  once (ChunkAttention, Ye et al., 2024; cascade inference, Ye et al., 2024);
- *padded*: what is left of short tails, side by side in one batch, filled up to the longest;
- *single*: a long tail or a prompt, by itself.

Where a row has two parts they are merged by the logarithms of their sums.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quantatissu.inference.runner import Segment

_SHARED_PAGES = 2  # fewer are not worth a product of their own
_PADDED_KEYS = 256  # a longer tail is read by itself: filling up others to its length would cost more

Slots = slice | NDArray[np.int64]
"""Where keys lie in the pool: a slice if their pages follow each other."""


@dataclass(frozen=True, slots=True)
class Shared:
    """Rows [R] that attend to all keys of ``slots``."""

    rows: NDArray[np.int64]
    slots: Slots


@dataclass(frozen=True, slots=True)
class Padded:
    """Segments [S] of up to Q rows and K keys: which rows they are (``valid`` says which are more than filling), where
    their keys lie, and which key each row may see.
    """

    rows_SQ: NDArray[np.int64]
    slots_SK: NDArray[np.int64]
    seen_SQK: NDArray[np.bool_]
    valid_SQ: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Single:
    """Rows ``first`` to ``last`` of one segment, the last of which sees all keys of ``slots``, the one before all but
    one, and so on.
    """

    first: int
    last: int
    slots: Slots


@dataclass(frozen=True, slots=True)
class Plan:
    """A step. ``wanted`` are the rows whose logits are asked for; ``adapters`` the rows of each adapter in use."""

    tokens: NDArray[np.int64]
    positions: NDArray[np.int64]
    slots: NDArray[np.int64]
    wanted: NDArray[np.int64]
    shared: tuple[Shared, ...]
    padded: Padded | None
    single: tuple[Single, ...]
    adapters: tuple[tuple[str, NDArray[np.int64]], ...]


def make_plan(segments: Sequence[Segment], page: int) -> Plan:
    """The plan of ``segments``, with pages of ``page`` tokens."""
    lengths = np.array([len(segment.tokens) for segment in segments])
    firsts = np.concatenate([[0], np.cumsum(lengths)])
    begun = [0] * len(segments)  # the first key that is not in a shared part
    shared = []
    for group, pages in _groups(segments, page):
        for number in group:
            begun[number] = pages * page
        rows = np.concatenate([np.arange(firsts[number], firsts[number + 1]) for number in group])
        shared.append(Shared(rows, _slots(segments[group[0]].pages, 0, pages * page, page)))
    short = [
        number
        for number, segment in enumerate(segments)
        if segment.start + len(segment.tokens) - begun[number] <= _PADDED_KEYS
    ]
    if len(short) < 2:
        short = []
    single = tuple(
        Single(
            int(firsts[number]),
            int(firsts[number + 1]),
            _slots(segment.pages, begun[number], segment.start + len(segment.tokens), page),
        )
        for number, segment in enumerate(segments)
        if number not in set(short)
    )
    adapters: dict[str, list[NDArray[np.int64]]] = {}
    for number, segment in enumerate(segments):
        if segment.adapter is not None:
            adapters.setdefault(segment.adapter, []).append(np.arange(firsts[number], firsts[number + 1]))
    return Plan(
        tokens=np.concatenate([segment.tokens for segment in segments]),
        positions=np.concatenate([np.arange(s.start, s.start + len(s.tokens)) for s in segments]),
        slots=np.concatenate([_each_slot(s.pages, s.start, s.start + len(s.tokens), page) for s in segments]),
        wanted=np.concatenate(
            [np.arange(firsts[n + 1] - segment.wanted, firsts[n + 1]) for n, segment in enumerate(segments)]
        ),
        shared=tuple(shared),
        padded=_padded(segments, short, firsts, begun, page) if short else None,
        single=single,
        adapters=tuple((name, np.concatenate(rows)) for name, rows in adapters.items()),
    )


def _groups(segments: Sequence[Segment], page: int) -> list[tuple[list[int], int]]:
    """Segments that begin with the same pages, and how many: all of them full, and before everybody's new tokens."""
    by_first: dict[int, list[int]] = {}
    for number, segment in enumerate(segments):
        if segment.start >= _SHARED_PAGES * page:
            by_first.setdefault(segment.pages[0], []).append(number)
    found = []
    for group in by_first.values():
        if len(group) < 2:
            continue
        common = min(segments[number].start // page for number in group)
        example = segments[group[0]].pages
        for number in group[1:]:
            pages = segments[number].pages
            if pages[:common] != example[:common]:
                common = next(i for i in range(common) if pages[i] != example[i])
        if common >= _SHARED_PAGES:
            found.append((group, common))
    return found


def _padded(
    segments: Sequence[Segment], chosen: list[int], firsts: NDArray[np.int64], begun: list[int], page: int
) -> Padded:
    lengths = np.array([len(segments[number].tokens) for number in chosen])
    keys = np.array([segments[n].start + len(segments[n].tokens) - begun[n] for n in chosen])
    Q, K = int(lengths.max()), int(keys.max())
    rows_SQ = np.zeros((len(chosen), Q), dtype=np.int64)
    slots_SK = np.zeros((len(chosen), K), dtype=np.int64)
    for place, number in enumerate(chosen):
        segment = segments[number]
        rows_SQ[place, : lengths[place]] = np.arange(firsts[number], firsts[number + 1])
        slots_SK[place, : keys[place]] = _each_slot(segment.pages, begun[number], begun[number] + keys[place], page)
    # Row q of a segment with n rows and k keys sees the first k - n + q + 1 of them; filling sees one, for a sum.
    limits_SQ = np.clip(keys[:, None] - lengths[:, None] + np.arange(1, Q + 1), 1, keys[:, None])
    seen_SQK = np.arange(K) < limits_SQ[:, :, None]
    return Padded(rows_SQ, slots_SK, seen_SQK, np.arange(Q) < lengths[:, None])


def _slots(pages: tuple[int, ...], start: int, end: int, page: int) -> Slots:
    """Slots of positions ``start`` to ``end``."""
    first, last = start // page, (end - 1) // page
    if pages[last] - pages[first] == last - first and all(pages[i + 1] - pages[i] == 1 for i in range(first, last)):
        offset = (pages[first] - first) * page
        return slice(offset + start, offset + end)
    return _each_slot(pages, start, end, page)


def _each_slot(pages: tuple[int, ...], start: int, end: int, page: int) -> NDArray[np.int64]:
    positions = np.arange(start, end)
    first = start // page
    numbers = np.array(pages[first : (end - 1) // page + 1], dtype=np.int64)
    slots: NDArray[np.int64] = numbers[positions // page - first] * page + positions % page
    return slots
