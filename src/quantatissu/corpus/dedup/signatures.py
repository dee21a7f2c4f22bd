"""MinHash signatures that cost one pass over a document instead of one for each permutation.

A plain MinHash of K permutations hashes every shingle K times. Here the shingles fall into K bins by their own hash
and each bin keeps its least one: one-permutation hashing (Li, Owen, Zhang, NIPS 2012). A short document leaves bins
empty; they are filled by further rounds, each with new hashes of all shingles, and an entry of an earlier round beats
one of a later round: "Fast Similarity Sketching" (Dahlgaard, Knudsen, Thorup, FOCS 2017). So two documents agree in an
entry with probability equal to their Jaccard index, and entries are concentrated about as well as independent ones, for
documents of any length. A document of n shingles takes about ``K ln(K) / n`` rounds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from quantatissu.corpus.dedup.normalise import content_hash
from quantatissu.corpus.dedup.shingles import shingles
from quantatissu.corpus.dedup.tokens import U64, mix

PERMUTATIONS = 128
_BIN_BITS = PERMUTATIONS.bit_length() - 1
_BIN_SHIFT = np.uint64(64 - _BIN_BITS)
_ROUND_BITS = 12  # of a sort key: bin, round within its batch, hash
_HASH_BITS = 64 - _BIN_BITS - _ROUND_BITS
_EDGES = np.arange(PERMUTATIONS, dtype=np.uint64) << _BIN_SHIFT

Sketch = npt.NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class Signatures:
    """One row for each document: ``content_hash`` (16 bytes each), ``minhash`` as uint32
    ``[documents, PERMUTATIONS]``, and ``shingle_count`` as int64 ``[documents]``. A document without tokens has a
    shingle count of 0 and a row of zeros; it has no near duplicates.
    """

    content_hash: list[bytes]
    minhash: Sketch
    shingle_count: npt.NDArray[np.int64]


def sign(texts: Sequence[str]) -> Signatures:
    """The signatures of `texts`, in order. Equal texts have equal ones in every process and on every machine."""
    minhash = np.zeros((len(texts), PERMUTATIONS), np.uint32)
    counts = np.zeros(len(texts), np.int64)
    for row, text in enumerate(texts):
        found = shingles(text)
        counts[row] = len(found)
        if len(found):
            minhash[row] = sketch(found)
    return Signatures([content_hash(text) for text in texts], minhash, counts)


def sketch(found: U64) -> Sketch:
    """The ``[PERMUTATIONS]`` entries of a sorted set of shingle hashes. Raises ValueError when it is empty."""
    if not len(found):
        raise ValueError("a document without shingles has no signature")
    entries, filled = _least(found)
    rounds = 1
    while not filled.all():
        count = min(max(1, math.ceil(1.5 * PERMUTATIONS * math.log(PERMUTATIONS) / len(found))), (1 << _ROUND_BITS) - 1)
        more, reached = _further_rounds(found, rounds, count)
        fill = reached & ~filled
        entries[fill] = more[fill]
        filled |= reached
        rounds += count
    return (entries >> np.uint64(_HASH_BITS - 32)).astype(np.uint32)


def _least(found: U64) -> tuple[U64, npt.NDArray[np.bool_]]:
    """The least hash of every bin, and which bins have one: a sorted array has them where the bins begin."""
    at = np.searchsorted(found, _EDGES)
    least = found[np.minimum(at, len(found) - 1)]
    filled = (at < len(found)) & (least >> _BIN_SHIFT == np.arange(PERMUTATIONS, dtype=np.uint64))
    return least, filled


def _further_rounds(found: U64, first: int, count: int) -> tuple[U64, npt.NDArray[np.bool_]]:
    """`count` rounds at once. The sort key is bin, then round, then hash: what comes first in a bin wins it."""
    numbers = np.arange(first, first + count, dtype=np.uint64)
    hashes = mix(found[None, :] ^ mix(numbers)[:, None])
    keys = (hashes >> np.uint64(_ROUND_BITS)) & np.uint64((1 << _HASH_BITS) - 1)
    keys |= (numbers - np.uint64(first))[:, None] << np.uint64(_HASH_BITS)
    keys |= hashes >> _BIN_SHIFT << _BIN_SHIFT
    return _least(np.sort(keys, axis=None))
