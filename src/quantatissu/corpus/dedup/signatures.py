"""MinHash signatures that cost one pass over a document instead of one for each permutation.

A plain MinHash of K permutations hashes every shingle K times. Here the shingles fall into K bins by their own hash
and each bin keeps its least one: one-permutation hashing (Li, Owen, Zhang, NIPS 2012). A short document leaves bins
empty; they are filled by further rounds, each with new hashes of all shingles, and an entry of an earlier round beats
one of a later round: "Fast Similarity Sketching" (Dahlgaard, Knudsen, Thorup, FOCS 2017). So two documents agree in an
entry with probability equal to their Jaccard index, and entries are concentrated about as well as independent ones, for
documents of any length. A document of n shingles takes about ``K ln(K) / n`` rounds. Rounds look for empty
bins only, and documents are signed many at a time: array operations cost most when arrays are short.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from quantatissu.corpus.dedup.normalise import content_hashes
from quantatissu.corpus.dedup.shingles import ShingleSets, chunks, shingle_sets
from quantatissu.corpus.dedup.tokens import U64, mix

PERMUTATIONS = 128
_BIN_BITS = PERMUTATIONS.bit_length() - 1
_ROUND_BITS = 12  # of an entry while bins are filled: round within its batch, hash
_HASH_BITS = 64 - _ROUND_BITS
_EMPTY = np.uint64(2**64 - 1)
_ROUND_HASHES = 1 << 14  # at once, where several rounds are done

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
    hashes: list[bytes] = []
    minhash, counts = np.zeros((len(texts), PERMUTATIONS), np.uint32), np.zeros(len(texts), np.int64)
    for chunk in chunks(texts):
        sets = shingle_sets(chunk)
        done = slice(len(hashes), len(hashes) + len(chunk))
        minhash[done], counts[done] = sketch(sets), sets.counts
        hashes += content_hashes(chunk)
    return Signatures(hashes, minhash, counts)


def sketch(sets: ShingleSets) -> Sketch:
    """The entries of some shingle sets, ``[documents, PERMUTATIONS]``; those of an empty set are zeros."""
    entries = np.full(len(sets.counts) * PERMUTATIONS, _EMPTY)  # [document * PERMUTATIONS + bin]
    owners = np.repeat(np.arange(len(sets.counts)), sets.counts)
    bins = owners * PERMUTATIONS + _bins(sets.hashes)
    # Sorted hashes have the least one of every bin where the bin begins.
    begins = np.flatnonzero(np.append(True, bins[1:] != bins[:-1])) if len(bins) else bins
    entries[bins[begins]] = _below_bin(sets.hashes[begins])
    rounds = 1
    hashes = sets.hashes
    while len(hashes):
        gaps = (entries == _EMPTY).reshape(-1, PERMUTATIONS).any(axis=1)
        needed = gaps[owners]
        hashes, owners = hashes[needed], owners[needed]
        if len(hashes):
            count = min(max(1, _ROUND_HASHES // len(hashes)), (1 << _ROUND_BITS) - 1)
            _further_rounds(entries, hashes, owners, range(rounds, rounds + count))
            rounds += count
    entries[np.repeat(sets.counts == 0, PERMUTATIONS)] = 0
    return (entries >> np.uint64(_HASH_BITS - 32)).astype(np.uint32).reshape(-1, PERMUTATIONS)


def _further_rounds(entries: U64, hashes: U64, owners: npt.NDArray[np.intp], rounds: range) -> None:
    """Fill empty bins from new hashes. In each the earliest of the rounds wins, and of its hashes the least."""
    seeds = mix(np.arange(rounds.start, rounds.stop, dtype=np.uint64))
    rehashed = mix(hashes ^ seeds[:, None])  # [round, hash]
    bins = owners * PERMUTATIONS + _bins(rehashed)
    at, which = np.nonzero(entries[bins] == _EMPTY)
    values = _below_bin(rehashed[at, which]) | at.astype(np.uint64) << np.uint64(_HASH_BITS)
    np.minimum.at(entries, bins[at, which], values)


def _bins(hashes: U64) -> npt.NDArray[np.intp]:
    return (hashes >> np.uint64(64 - _BIN_BITS)).astype(np.intp)


def _below_bin(hashes: U64) -> U64:
    """The bits of each hash that follow those of its bin, as many as an entry keeps while bins are filled."""
    return hashes << np.uint64(_BIN_BITS) >> np.uint64(_ROUND_BITS)
