"""The set of 5-token shingles by which two texts are compared, as a sorted array of 64-bit hashes.

Two different shingles share a hash with probability ``2**-64``: for sets of a thousand shingles a wrong match is a
matter of one pair in ten million million, so the Jaccard index of two such arrays is taken as exact.
"""

from __future__ import annotations

import numpy as np

from quantatissu.corpus.dedup.tokens import U64, encode, scan, windows

SHINGLE = 5  # tokens


def shingles(text: str) -> U64:
    """Sorted, distinct shingle hashes of `text`; ``[number of shingles]``.

    A text of one to four tokens is one shingle, one without tokens has none.
    """
    hashes = scan(encode(text)).hashes
    found = np.sort(windows(hashes, min(SHINGLE, len(hashes)))) if len(hashes) else hashes
    if len(found) < 2:
        return found
    keep = np.empty(len(found), np.bool_)
    keep[0] = True
    np.not_equal(found[1:], found[:-1], out=keep[1:])
    return found[keep]
