"""The prefilter: where in a text any of some hundred literals may begin, in one vectorised pass.

Every three and every four neighbouring characters, case folded, are hashed to 16 bits (multiplicative hashing, Knuth,
*The Art of Computer Programming* 3, section 6.4) and looked up in a table that marks how the literals begin. Unlike a
regular expression of alternatives, the cost does not grow with their number. Hits are candidates: whoever asked
matches an exact pattern there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

T = TypeVar("T")
_KNUTH = np.uint32(2654435761)
_FOLD = np.uint8(0x20)
_WIDTHS = (3, 4)


class Anchors(Generic[T]):
    """An index from literals of three ASCII characters or more to what they announce."""

    def __init__(self, entries: Iterable[tuple[str, T]]) -> None:
        """Index `entries`, (literal, announced) pairs. Raises ValueError for a literal that is too short."""
        self._slots: dict[int, dict[int, tuple[T, ...]]] = {width: {} for width in _WIDTHS}
        for literal, announced in entries:
            if len(literal) < 3:
                raise ValueError(f"an anchor needs three characters: {literal!r}")
            width = min(len(literal), 4)
            slots = self._slots[width]
            slot = int(_hashes(literal[:width].encode("ascii"))[width][0])
            if announced not in slots.get(slot, ()):
                slots[slot] = (*slots.get(slot, ()), announced)
        self._marked = {width: np.zeros(1 << 16, dtype=np.bool_) for width in _WIDTHS}
        for width, slots in self._slots.items():
            self._marked[width][list(slots)] = True

    def candidates(self, text: str) -> Iterator[tuple[int, T]]:
        """Where in `text` a literal may begin, with what it announces; ascending for literals of one width."""
        for width, hashes in _hashes(text.encode("latin-1", "replace")).items():
            slots = self._slots[width]
            places = np.flatnonzero(self._marked[width][hashes])
            for place, slot in zip(places.tolist(), hashes[places].tolist(), strict=True):
                for announced in slots[slot]:
                    yield place, announced


def _hashes(data: bytes) -> dict[int, npt.NDArray[np.uint32]]:
    """For each width, the 16-bit hash of the `width` bytes at each position, as uint32 [max(0, len - width + 1)]."""
    if len(data) < 4:
        data = data.ljust(4, b"\0")
    folded = (np.frombuffer(data, dtype=np.uint8) | _FOLD).astype(np.uint32)
    triples = folded[:-2] | (folded[1:-1] << np.uint32(8)) | (folded[2:] << np.uint32(16))
    quads = triples[:-1] | (folded[3:] << np.uint32(24))
    return {3: (triples * _KNUTH) >> np.uint32(16), 4: (quads * _KNUTH) >> np.uint32(16)}
