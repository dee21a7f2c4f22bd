"""Exact Jaccard of candidates: what makes a near duplicate certain rather than likely."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from quantatissu.corpus.dedup.clusters import UnionFind
from quantatissu.corpus.dedup.tokens import U64


def jaccard(one: U64, other: U64) -> float:
    """``|A & B| / |A | B|`` of two sorted arrays of distinct hashes; 0 when both are empty."""
    if not len(one) or not len(other):
        return 0.0
    both = np.concatenate((one, other))
    both.sort(kind="stable")  # merges the two sorted runs
    shared = int(np.count_nonzero(both[1:] == both[:-1]))
    return shared / (len(both) - shared)


def link(members: Sequence[int], sets: Sequence[U64], threshold: float, clusters: UnionFind) -> int:
    """Join in `clusters` all of `members` whose shingle sets reach `threshold`; returns how many pairs were compared.

    ``sets[k]`` belongs to ``members[k]``. The result is that of comparing all pairs, but a pair is passed over when

    - both are in one cluster by then: comparing them could change nothing;
    - their sizes forbid it: ``J(A, B) <= min(|A|, |B|) / max(|A|, |B|)``;
    - the triangle inequality forbids it: ``1 - J`` is a metric (Lipkus, "A proof of the triangle inequality for the
      Tanimoto distance", 1999), so two sets whose distances from a third differ by more than ``1 - threshold`` are
      farther apart than that.

    So a bucket of many copies costs about one comparison for each member, not one for each pair, and no link is lost.
    """
    count = len(members)
    sizes = np.array([len(found) for found in sets], np.float64)
    reach = 1.0 - threshold + 1e-12
    distances: list[np.ndarray[tuple[int], np.dtype[np.float64]]] = []
    compared = 0
    for pivot in range(count - 1):
        root = clusters.find(members[pivot])
        rest = np.arange(pivot + 1, count)
        small, large = np.minimum(sizes[rest], sizes[pivot]), np.maximum(sizes[rest], sizes[pivot])
        rest = rest[small >= (threshold - 1e-12) * large]
        for row in distances:
            rest = rest[~(np.abs(row[rest] - row[pivot]) > reach)]  # unknown distances are NaN and forbid nothing
        known = np.full(count, np.nan)
        known[pivot] = 0.0
        for other in rest.tolist():
            if clusters.find(members[other]) == root:
                continue
            index = jaccard(sets[pivot], sets[other])
            compared += 1
            known[other] = 1.0 - index
            if index >= threshold:
                clusters.union(members[pivot], members[other])
                root = clusters.find(root)
        if count > _PIVOTS and len(distances) < _PIVOTS:
            distances.append(known)
    return compared


_PIVOTS = 16  # sets whose distances are remembered: each prunes, and each costs a pass over the rest
