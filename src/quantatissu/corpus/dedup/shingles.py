"""The set of 5-token shingles by which two texts are compared, as a sorted array of 64-bit hashes.

Two different shingles share a hash with probability ``2**-64``: for sets of a thousand shingles a wrong match is a
matter of one pair in ten million million, so the Jaccard index of two such arrays is taken as exact.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from quantatissu.corpus.dedup.tokens import U64, encode, scan, windows

SHINGLE = 5  # tokens
_CHUNK_BYTES = 1 << 17  # of text scanned at once: the arrays made of it fit into a processor's cache
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ShingleSets:
    """The sets of some texts, one after another: ``hashes``, sorted and distinct within each, and ``counts``, how many
    belong to each text.
    """

    hashes: U64
    counts: Counts


def shingles(text: str) -> U64:
    """Sorted, distinct shingle hashes of `text`; ``[number of shingles]``.

    A text of one to four tokens is one shingle, one without tokens has none.
    """
    return shingle_sets([encode(text)]).hashes


def chunks(texts: Iterable[str]) -> Iterator[list[bytes]]:
    """`texts` in UTF-8, in lists as long as `shingle_sets` is fastest with."""
    chunk: list[bytes] = []
    size = 0
    for text in texts:
        chunk.append(encode(text))
        size += len(chunk[-1])
        if size >= _CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def shingle_sets(texts: Sequence[bytes]) -> ShingleSets:
    """The shingle sets of some UTF-8 texts, scanned as one text: array operations on short arrays are slow."""
    tokens = scan(b"\0".join(texts))
    stops = np.cumsum([len(text) + 1 for text in texts])
    last = np.searchsorted(tokens.starts, stops)  # one past each text's last token
    first = np.concatenate(([0], last[:-1]))
    hashes, counts = _shingles(tokens.hashes, first, last)
    ends = np.cumsum(counts)
    for start, end in zip((ends - counts).tolist(), ends.tolist(), strict=True):
        hashes[start:end].sort()
    new = np.ones(len(hashes), np.bool_)
    np.not_equal(hashes[1:], hashes[:-1], out=new[1:])
    new[(ends - counts)[counts > 0]] = True
    kept = np.concatenate(([0], np.cumsum(new)))
    return ShingleSets(hashes[new], kept[ends] - kept[ends - counts])


def _shingles(tokens: U64, first: Counts, last: Counts) -> tuple[U64, Counts]:
    """Every shingle of every text, repeats and all, and how many each text has. A text's tokens are
    ``tokens[first:last]``.
    """
    found = np.zeros(len(tokens), np.uint64)  # [i] is the shingle that starts with token i
    found[: max(0, len(tokens) - SHINGLE + 1)] = windows(tokens, SHINGLE)
    whole = np.ones(len(tokens), np.bool_)
    for back in range(1, SHINGLE):
        at = last - back
        whole[at[at >= first]] = False  # it would reach into the next text
    lengths = last - first
    for text in np.flatnonzero((lengths > 0) & (lengths < SHINGLE)).tolist():
        start, stop = first[text], last[text]
        found[start] = windows(tokens[start:stop], stop - start)[0]
        whole[start] = True
    return found[whole], np.where(lengths < SHINGLE, np.minimum(lengths, 1), lengths - SHINGLE + 1)
