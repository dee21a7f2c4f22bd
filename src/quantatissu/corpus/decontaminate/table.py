"""Which of many texts share n-grams with another one: hashes to owners, with a bitmap in front.

Most n-grams of a clean document are in no benchmark. A bitmap of 2**20 bits by the top bits of the hash turns them away
at a memory access each; what is left is looked up in the sorted hashes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from quantatissu.corpus.dedup.tokens import U64, Positions

_BITS = 20


@dataclass(frozen=True)
class Table:
    """``hashes`` sorted and distinct ``[h]``; the owners of ``hashes[i]`` are ``owners[offsets[i]:offsets[i + 1]]``;
    ``totals[owner]`` is how many distinct hashes that owner has.
    """

    hashes: U64
    offsets: npt.NDArray[np.uint32]
    owners: npt.NDArray[np.uint32]
    totals: npt.NDArray[np.uint32]

    @cached_property
    def _bitmap(self) -> npt.NDArray[np.bool_]:
        bitmap = np.zeros(1 << _BITS, np.bool_)
        bitmap[self.hashes >> np.uint64(64 - _BITS)] = True
        return bitmap

    def __getstate__(self) -> dict[str, object]:
        return {name: value for name, value in self.__dict__.items() if name != "_bitmap"}

    def find(self, hashes: U64) -> tuple[Positions, Positions]:
        """Where in `hashes` a known one stands, and its place in this table."""
        if not len(self.hashes):
            return np.empty(0, np.intp), np.empty(0, np.intp)
        at = np.flatnonzero(self._bitmap[hashes >> np.uint64(64 - _BITS)])
        found = hashes[at]
        place = np.minimum(np.searchsorted(self.hashes, found), len(self.hashes) - 1)
        known = self.hashes[place] == found
        return at[known], place[known]

    def count(self, places: Positions) -> npt.NDArray[np.int64]:
        """How many distinct hashes of each owner are among `places`: ``[owners]``."""
        distinct = np.unique(places)
        lists = [self.owners[self.offsets[place] : self.offsets[place + 1]] for place in distinct.tolist()]
        owners = np.concatenate(lists) if lists else np.empty(0, np.uint32)
        return np.bincount(owners, minlength=len(self.totals))

    def owned(self, places: Positions, owner: int) -> npt.NDArray[np.bool_]:
        """Which of `places` belong to `owner`."""
        return np.array(
            [owner in self.owners[self.offsets[place] : self.offsets[place + 1]] for place in places.tolist()], np.bool_
        )


def build_table(sets: Sequence[U64]) -> Table:
    """The table in which owner k has the distinct hashes of ``sets[k]``."""
    distinct = [np.unique(hashes) for hashes in sets]
    totals = np.array([len(hashes) for hashes in distinct], np.uint32)
    flat = np.concatenate([*distinct, np.empty(0, np.uint64)])
    owners = np.repeat(np.arange(len(sets), dtype=np.uint32), totals)
    order = np.argsort(flat, kind="stable")
    hashes, first = np.unique(flat[order], return_index=True)
    offsets = np.append(first, len(flat)).astype(np.uint32)
    return Table(hashes, offsets, owners[order], totals)
