"""Documents into rows: which ones go together, and the arrays that come of it."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from quantatissu.tokenizer import Encoded
from quantatissu.training.data import IGNORED, Batch
from quantatissu.training.data.packing import BestFit, Epoch

_EPOCHS_KEPT = 2


class Packing:
    """Items of so many tokens each, packed into rows of ``length`` without cutting any: row `index` of a run depends on
    the seed and `index` alone, and each pass over the items holds each of them once.

    ``sizes`` int64 [items], none above ``length``.
    """

    def __init__(self, sizes: NDArray[np.int64], *, length: int, seed: int) -> None:
        assert sizes.max(initial=0) <= length
        self._plan, self._seed = BestFit(sizes, length), seed
        self._epoch = lru_cache(maxsize=_EPOCHS_KEPT)(self._make_epoch)

    @property
    def rows(self) -> int:
        """Rows in a pass over the items."""
        return self._plan.samples

    def items(self, index: int) -> list[int]:
        """The items in row `index`, in order."""
        epoch, row = divmod(index, self.rows)
        return [piece.document for piece in self._epoch(epoch).pieces(row)]

    def _make_epoch(self, epoch: int) -> Epoch:
        return self._plan.epoch(self._seed, 0, epoch)


class Rows:
    """Rows being filled, in the form of `Batch`: a target is scored where its token is masked as one to learn."""

    def __init__(self, rows: int, length: int, pad: int) -> None:
        shape = (rows, length)
        self.tokens = np.full(shape, pad, np.int64)
        self.targets = np.full(shape, IGNORED, np.int64)
        self.documents = np.full(shape, -1, np.int32)
        self.positions = np.zeros(shape, np.int64)
        self._filled = [0] * rows
        self._counted = [0] * rows

    def add(self, row: int, document: Encoded) -> slice:
        """Put a document behind the others of a row; where its tokens are then."""
        ids, mask = document
        start = self._filled[row]
        stop = start + len(ids)
        assert stop <= self.tokens.shape[1]
        self.tokens[row, start:stop] = ids
        self.targets[row, start : stop - 1] = np.where(mask[1:], ids[1:].astype(np.int64), IGNORED)
        self.documents[row, start:stop] = self._counted[row]
        self.positions[row, start:stop] = np.arange(len(ids))
        self._filled[row] = stop
        self._counted[row] += 1
        return slice(start, stop)

    def batch(self, index: int) -> Batch:
        """The rows, for `Batch.index` = `index`."""
        return Batch(self.tokens, self.targets, self.documents, self.positions, index)
