"""Loss on held-out documents, by language."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quantatissu.corpus.shards import Corpus
from quantatissu.tokenizer import Tokenizer
from quantatissu.training.data import IGNORED
from quantatissu.training.data.shuffling import permutation


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Rows of held-out documents, cut at ``length``, as `quantatissu.training.data.Batch` has them.

    ``tokens``, ``targets``, ``positions`` int64 and ``documents`` int32, all [rows, length]; ``languages`` int [rows,
    length] into ``names``, -1 for padding; ``sizes`` bytes of text that each target stands for.
    """

    tokens: NDArray[np.int64]
    targets: NDArray[np.int64]
    documents: NDArray[np.int32]
    positions: NDArray[np.int64]
    languages: NDArray[np.int64]
    sizes: NDArray[np.int64]
    names: tuple[str, ...]


def held_out(corpora: Sequence[Corpus], tokenizer: Tokenizer, *, tokens: int, length: int, seed: int) -> HeldOut:
    """About `tokens` of held-out text, evenly from each of the corpora, each document cut to ``length`` tokens."""
    pieces: list[tuple[NDArray[np.int64], str]] = []
    for corpus in corpora:
        left = tokens // len(corpora)
        for number in permutation(len(corpus), seed, "held-out", 0).tolist():
            if left <= 0:
                break
            ids = corpus.read(number)[:length].astype(np.int64)
            pieces.append((ids, corpus.languages[corpus.language_numbers[number]]))
            left -= len(ids)
    return _rows(pieces, tokenizer, length)


def _rows(pieces: Sequence[tuple[NDArray[np.int64], str]], tokenizer: Tokenizer, length: int) -> HeldOut:
    """First-fit rows: the order of documents is kept as far as they fit."""
    assert tokenizer.end_of_text is not None
    rows: list[list[tuple[NDArray[np.int64], str]]] = []
    free: list[int] = []
    for piece in pieces:
        size = len(piece[0])
        at = next((row for row, room in enumerate(free) if room >= size), None)
        if at is None:
            rows.append([])
            free.append(length)
            at = len(rows) - 1
        rows[at].append(piece)
        free[at] -= size
    names = tuple(sorted({name for _, name in pieces}))
    shape = (len(rows), length)
    tokens = np.full(shape, tokenizer.end_of_text, np.int64)
    targets = np.full(shape, IGNORED, np.int64)
    documents = np.full(shape, -1, np.int32)
    positions = np.zeros(shape, np.int64)
    languages = np.full(shape, -1, np.int64)
    for row, inside in enumerate(rows):
        at = 0
        for document, (ids, name) in enumerate(inside):
            end = at + len(ids)
            tokens[row, at:end], targets[row, at : end - 1] = ids, ids[1:]
            documents[row, at:end], positions[row, at:end] = document, np.arange(len(ids))
            languages[row, at:end] = names.index(name)
            at = end
    return HeldOut(tokens, targets, documents, positions, languages, _sizes(targets, tokenizer), names)


def _sizes(targets: NDArray[np.int64], tokenizer: Tokenizer) -> NDArray[np.int64]:
    """Bytes of text of each target; what is no text, or not scored, has none."""
    if not tokenizer.byte_level:
        return np.zeros_like(targets)
    control = set(tokenizer.control.values())
    by_id = np.array([0 if n in control else len(t) for n, t in enumerate(tokenizer.token_bytes())], np.int64)
    return np.where(targets == IGNORED, 0, by_id[np.where(targets == IGNORED, 0, targets)])


def by_language(nats: NDArray[np.float64], held: HeldOut) -> dict[str, tuple[float, int, int]]:
    """For every language, and for "all": summed nats, scored tokens, bytes. `nats` is [rows, length]."""
    scored = held.targets != IGNORED
    totals: dict[str, tuple[float, int, int]] = defaultdict(lambda: (0.0, 0, 0))
    for number, name in enumerate(held.names):
        chosen = scored & (held.languages == number)
        totals[name] = (float(nats[chosen].sum()), int(chosen.sum()), int(held.sizes[chosen].sum()))
    totals["all"] = (
        sum(one[0] for one in totals.values()),
        sum(one[1] for one in totals.values()),
        sum(one[2] for one in totals.values()),
    )
    return dict(totals)
