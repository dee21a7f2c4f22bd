"""Sets of document ids in 16 bytes each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Packed = npt.NDArray[np.bytes_]


def pack_ids(ids: Sequence[str]) -> Packed:
    """Ids of 32 hexadecimal digits as one array of 16 bytes each, which numpy orders as it does the digits."""
    return np.frombuffer(bytes.fromhex("".join(ids)), "S16")


class IdSet:
    """An immutable set of ids."""

    def __init__(self, ids: Sequence[str]) -> None:
        self._ids = np.unique(pack_ids(ids))

    def __len__(self) -> int:
        return len(self._ids)

    def contains(self, ids: Sequence[str]) -> npt.NDArray[np.bool_]:
        """Which of some ids are in the set: bool ``[len(ids)]``."""
        wanted = pack_ids(ids)
        if not len(self._ids):
            return np.zeros(len(wanted), np.bool_)
        at = np.minimum(np.searchsorted(self._ids, wanted), len(self._ids) - 1)
        found: npt.NDArray[np.bool_] = self._ids[at] == wanted
        return found
